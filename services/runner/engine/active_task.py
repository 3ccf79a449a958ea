"""One task in a holder's hands: leave is asked for, its type is called in a worker thread."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from services.runner.task_protocol import OpenEndpoint, TaskFailed, TaskRequest, TaskType
from shared.contracts.base import Json, Sealed
from shared.contracts.catalog import Act, Document
from shared.contracts.history import Status, TaskStarted
from shared.contracts.runs import NestedStarted, StartNested
from shared.grammar.conditions import evaluate
from shared.grammar.plan import TaskPlan
from shared.grammar.resolving import Scope, Unresolved, resolve
from shared.outbound.cancel_scope import CancelScope

from .actions import Place
from .logs import LogBuffer
from .ports import Host
from .reports import Measured
from .secrets import RunSecrets

Phase = Literal["asking", "working", "resting"]
Call = Literal["start", "observe", "cancel"]

STALE_LEAVE_S = 5.0
"""Leave older than this is asked for again: the process may have been stopped in between."""

CANCEL_PATIENCE_S = 15.0
"""So long a call under way may take to return before a cancelled task is ended without it."""

END_PATIENCE_S = 120.0
"""So long a type may take to end what a cancelled task has outside; then the sockets of the call are closed."""


class StaleLeave(Exception):
    """Leave was given too long ago to act on."""


@dataclass(eq=False)
class ActiveTask:
    """A task in hand. Only the holder's thread touches it, but for `logs` and what `asked` holds."""

    plan: TaskPlan
    type: TaskType
    request: TaskRequest
    logs: LogBuffer
    input_exact: Json
    """Small enough to be recorded."""
    input_shown: Json
    handle: Json | None = None
    phase: Phase = "resting"
    started: Measured[TaskStarted] | None = None
    """The event that leave was given for, in this attempt."""
    leave_at: float = 0.0
    ending: tuple[Status, str] | None = None
    """Cancelled: how it will end."""
    last_message: str = ""
    """The last progress message."""
    call_off: Callable[[], None] | None = None
    """The timer that wakes it."""
    stop_asked: list[bool] = field(default_factory=list)
    scope: CancelScope | None = None
    """Of the call under way."""

    @property
    def place(self) -> Place:
        return self.request.stage, self.request.task

    @property
    def stage(self) -> str:
        return self.request.stage

    @property
    def task(self) -> str:
        return self.request.task

    @property
    def try_number(self) -> int:
        return self.request.try_number

    @property
    def changes_outside(self) -> bool:
        """Whether the call under way may have an effect: a successor must not begin beside it."""
        return self.phase == "working" and (self.leave_at > 0 or self.ending is not None)

    def interrupt(self) -> None:
        """Close the sockets of the call under way, so that it comes back."""
        if self.scope is not None:
            self.scope.cancel()

    def rest(self) -> None:
        """Nothing is under way; forget the timer."""
        self.phase = "resting"
        if self.call_off is not None:
            self.call_off()
            self.call_off = None


class TaskTools:
    """What the task's type may use, callable from its worker thread."""

    def __init__(
        self,
        host: Host,
        secrets: RunSecrets,
        logs: LogBuffer,
        user: str,
        scope: Scope,
        place: tuple[str, str],
        stopping: list[bool],
        workspace: Json,
    ) -> None:
        self._host = host
        self._secrets = secrets
        self._logs = logs
        self._user = user
        self._scope = scope
        self._place = place
        self._stopping = stopping
        self._workspace = workspace

    def log(self, line: str) -> None:
        self._logs.add(self._secrets.masker.text(line))

    def endpoint(self, name: str) -> OpenEndpoint:
        return self._secrets.endpoint(name)

    def evaluate(self, condition: str, output: Json | None = None) -> bool:
        return evaluate(condition, self._scope if output is None else self._with_output(output))

    def act(self, act: Act, command_id: str) -> Document:
        return self._host.ledger.act(act, self._user, command_id)

    def start_nested(self, ask: StartNested) -> NestedStarted:
        return self._host.ledger.start_nested(ask, self._user)

    def seal(self, value: Any) -> Json:
        return self._secrets.seal(value).model_dump()

    def unseal(self, sealed: Json) -> Any:
        return self._secrets.unseal(sealed)

    def hand_on(self, inputs: Json) -> tuple[Json, dict[str, Sealed]]:
        return self._secrets.hand_on(inputs)

    def take_over(self, masked: Json, sealed: Json) -> Json:
        return self._secrets.take_over(masked, {name: Sealed.model_validate(box) for name, box in sealed.items()})

    def workspace(self) -> Json:
        try:
            filled: Json = resolve(self._workspace, self._scope, ("workspace",))
        except Unresolved as error:
            raise TaskFailed(str(error)) from None
        return filled

    def now(self) -> float:
        return self._host.now()

    def masking_key(self) -> bytes:
        return self._secrets.masking_key()

    def stopping(self) -> bool:
        return bool(self._stopping)

    def _with_output(self, output: Json) -> Scope:
        stage, task = self._place
        own = {**self._scope.tasks.get(stage, {}).get(task, {}), "output": output}
        tasks = {**self._scope.tasks, stage: {**self._scope.tasks.get(stage, {}), task: own}}
        return Scope(self._scope.inputs, self._scope.variables, tasks, self._scope.about, output)


def called(live: ActiveTask, call: Call, host: Host, scope: CancelScope, *, needs_leave: bool) -> Any:
    """Call the type, in a thread whose scope this is; a call that changes something is not made on old leave."""
    if needs_leave and host.monotonic() - live.leave_at > STALE_LEAVE_S:
        raise StaleLeave
    live.scope = scope
    if live.stop_asked and call != "cancel":
        scope.cancel()
    return _call(live, call)


def _call(live: ActiveTask, call: Call) -> Any:
    if call == "start":
        return live.type.start(live.request)
    if live.handle is None:
        raise TaskFailed("There is nothing to look at: the task's start recorded no handle.")
    if call == "observe":
        return live.type.observe(live.request, live.handle)
    live.type.cancel(live.request, live.handle)
    return None
