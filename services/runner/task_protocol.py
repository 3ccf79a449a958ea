"""What a task type is: `start`, then `observe` with the recorded handle until done; `cancel` ends what was started."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal, Protocol

from shared.contracts.base import Json, Sealed
from shared.contracts.catalog import Act, Document
from shared.contracts.history import Deployed, Pushing, Status
from shared.contracts.pushes import Push
from shared.contracts.runs import NestedStarted, Started, StartNested
from shared.contracts.texts import finite
from shared.grammar.resolving import Scope, Writer
from shared.process.tracing import beside, task_span


class Effect(StrEnum):
    """What happens when a start is repeated after a crash."""

    PURE = "pure"
    """The task changes nothing outside, though it may read there; needs no grant."""
    REPEATABLE = "repeatable"
    """Doing it twice is the same as once."""
    KEYED = "keyed"
    """The idempotency key makes it so."""
    ONCE = "once"
    """After a crash nobody knows: the task fails with "may have run"."""


class TaskFailed(Exception):
    """The task failed for a reason a person can act on; the text is the task's status message."""

    def __init__(self, message: str, output: Json | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.output = output or {}


@dataclass(frozen=True, slots=True)
class Running:
    """Outside work continues. The handle is recorded before the next observation."""

    handle: Json
    message: str = ""
    again_after_s: float = 1.0
    effect_next: bool = False
    """The next observation changes something outside: ask the ledger for leave first."""
    pushing: tuple[Pushing, ...] = ()
    """Tags that this next observation moves: recorded together with the handle."""


@dataclass(frozen=True, slots=True)
class Done:
    """The task is over."""

    output: Json = field(default_factory=dict)
    message: str = ""
    status: Status = Status.COMPLETED
    deployed: tuple[Deployed, ...] = ()
    """Workloads that are live now as the task left them."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """The task waits for something that needs no runner."""

    reason: Literal["approval", "nested", "registry"]
    message: str = ""
    due_at: float | None = None
    ask: Json = field(default_factory=dict)


Step = Running | Done | Waiting


@dataclass(frozen=True, slots=True)
class OpenEndpoint:
    """An endpoint with its secrets in clear; it lives only while it is used."""

    name: str
    type: str
    properties: Json

    def text(self, key: str, default: str = "") -> str:
        """A property as text; absent and null are the default."""
        value = self.properties.get(key)
        return default if value is None or value == "" else str(value)

    def flag(self, key: str) -> bool:
        """A property as a yes or no, however it was written."""
        return is_true(self.properties.get(key))

    @property
    def may_be_local(self) -> bool:
        """Whether an administrator lets it reach the runner's own machine and networks."""
        return self.flag("allowLocal")


class Tools(Protocol):
    """What a task may use of the process it runs in."""

    def log(self, line: str) -> None:
        """Write to the task's log; secrets are masked."""

    def endpoint(self, name: str) -> OpenEndpoint:
        """Open an endpoint that the run was given."""

    def evaluate(self, condition: str, output: Json | None = None) -> bool:
        """Evaluate a condition over the run's values; `output` is the task's own so far, in short `${output.…}`."""

    def act(self, act: Act, command_id: str) -> Document:
        """Ask config for a change on behalf of the run's owner; repeating a command id is harmless."""

    def start_nested(self, ask: StartNested) -> NestedStarted:
        """Start a run within this one on behalf of the run's owner; asking again is harmless."""

    def seal(self, value: Any) -> Json:
        """Close a JSON value so that it may stand in a handle."""

    def unseal(self, sealed: Json) -> Any:
        """Open what `seal` closed."""

    def hand_on(self, inputs: Json) -> tuple[Json, dict[str, Sealed]]:
        """Inputs for another run: masked as people may see them, and sealed by name those that hold a secret."""

    def take_over(self, masked: Json, sealed: Json) -> Json:
        """What another run handed on, with its secrets in clear; they are hidden here from now on as well."""

    def workspace(self) -> Json:
        """The pipeline's workspace, its references put in."""

    def now(self) -> float:
        """Seconds since the epoch."""

    def masking_key(self) -> bytes:
        """A key for hashes that tell two secrets apart without telling them."""

    def stopping(self) -> bool:
        """Whether the task was cancelled meanwhile: long work with several effects looks between two of them."""


@dataclass(frozen=True, slots=True)
class TaskRequest:
    """One try of one task: what to do, for which run, with what."""

    type: str
    stage: str
    task: str
    try_number: int
    attempt: int
    start_number: int
    input: Json
    roles: Mapping[str, str]
    """Endpoint names by role, as in `kubernetesServer`."""
    about: Started
    inputs: Mapping[str, Any]
    """The run's inputs."""
    tools: Tools
    memory: MutableMapping[str, Any]
    """What this process remembers between two observations; a successor starts with nothing."""

    @property
    def key(self) -> str:
        """The idempotency key: the same for every repetition of this try."""
        text = f"{self.about.execution_id}/{self.stage}/{self.task}/{self.try_number}"
        return hashlib.sha256(text.encode()).hexdigest()[:32]

    @property
    def traceparent(self) -> str:
        """This try's span in the run's trace; empty where there is none."""
        about = self.about
        return beside(about.traceparent, task_span(about.execution_id, self.stage, self.task, self.try_number))

    def endpoint(self, role: str) -> OpenEndpoint:
        """The endpoint in a role, or a failure that says which is missing."""
        name = self.roles.get(role) or ""
        if not name:
            raise TaskFailed(f"The task names no endpoint for {role}: choose one in `endpoints.{role}`.")
        return self.tools.endpoint(name)

    def text(self, key: str, default: str = "") -> str:
        """An input as text; absent and null are the default."""
        value = self.input.get(key)
        return default if value is None else str(value)

    def flag(self, key: str, default: bool = False) -> bool:
        """An input as a yes or no; expressions make text of them."""
        value = self.input.get(key)
        return default if value is None or value == "" else is_true(value)

    def number(self, key: str, default: float) -> float:
        """An input as a number, or a failure that names the field."""
        value = self.input.get(key)
        if value is None or value == "":
            return default
        result = finite(value)
        if result is None:
            raise TaskFailed(f"`{key}` must be a number, not {str(value)[:100]!r}.")
        return result

    def table(self, key: str) -> Json:
        """An input as a map; absent and empty text are empty."""
        value = self.input.get(key)
        if value is None or value == "":
            return {}
        if not isinstance(value, dict):
            raise TaskFailed(f"`{key}` must be a map of names to values, not {type(value).__name__}.")
        return value

    @property
    def push(self) -> Push | None:
        """The push that started the run."""
        return self.about.push


class TaskType(Protocol):
    """One type of task. Calls come from a pool of threads, one at a time for each task."""

    name: str
    raw: frozenset[str]
    """Inputs that keep their `${…}`: the type evaluates them itself."""
    inline: bool
    """True when `start` never blocks, so that it needs no thread of its own."""
    interrupt_after_s: float
    """How long a call may continue after its task was cancelled; then its sockets are closed."""

    def effect(self, task_input: Json) -> Effect:
        """What repeating this input's start would do."""

    def writers(self, unresolved: Json, task_input: Json, endpoint_types: Mapping[str, str]) -> Mapping[str, Writer]:
        """How values are written into fields of the input: `unresolved` has its `${…}`, `task_input` their values."""

    def fill(self, task_input: Json, scope: Scope) -> Json:
        """Fields whose text is in a language that would read values as orders, filled in by the rules of that.

        What it answers takes the place of those fields. Raises `TaskFailed` and `Unresolved`.
        """

    def start(self, request: TaskRequest) -> Step:
        """Begin. A handle that it returns is recorded before anything else happens."""

    def observe(self, request: TaskRequest, handle: Json) -> Step:
        """Look at what was started; any runner may be asked, after a crash again from the last recorded handle."""

    def cancel(self, request: TaskRequest, handle: Json) -> None:
        """End what was started; the run was cancelled or the task's time is up."""

    def answered(self, request: TaskRequest, ask: Json, answer: Json) -> Step:
        """What was waited for has come."""


class Task:
    """Defaults for task types that end when they start."""

    name = ""
    raw: frozenset[str] = frozenset()
    inline = False
    interrupt_after_s = 5.0

    def effect(self, task_input: Json) -> Effect:
        """Safe until told otherwise."""
        return Effect.ONCE

    def writers(self, unresolved: Json, task_input: Json, endpoint_types: Mapping[str, str]) -> Mapping[str, Writer]:
        """As they are."""
        return {}

    def fill(self, task_input: Json, scope: Scope) -> Json:
        """No field is such."""
        return {}

    def start(self, request: TaskRequest) -> Step:
        """Each type has its own."""
        raise NotImplementedError(f"{self.name} tasks cannot be started")

    def observe(self, request: TaskRequest, handle: Json) -> Step:
        """A type whose start returns a handle has its own."""
        raise TaskFailed(f"A {self.name} task has nothing to look at; its history is from another version.")

    def cancel(self, request: TaskRequest, handle: Json) -> None:
        """Nothing runs outside."""

    def answered(self, request: TaskRequest, ask: Json, answer: Json) -> Step:
        """A type that waits has its own."""
        raise TaskFailed(f"A {self.name} task waits for no answer; its history is from another version.")


def is_true(value: object) -> bool:
    """Yes or no, as YAML, JSON and forms write it."""
    return value is True or str(value).strip().lower() in ("true", "yes", "1", "on")


def as_word(value: object) -> str:
    """A value as a shell has it: `true` and `false`, nothing for null."""
    return ("true" if value else "false") if isinstance(value, bool) else "" if value is None else str(value)
