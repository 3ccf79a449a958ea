"""The protocol between the ledger (config) and the holder of a run (a runner)."""

from __future__ import annotations

from enum import StrEnum

from .base import Json, Message, Sealed
from .history import Event, Recorded
from .pushes import Push


class RunExecution(Message):
    """This execution, dispatch n, wants a runner. The receiver answers with a `Take`."""

    execution_id: str
    dispatch: int


class Take(Message):
    """May this runner have that dispatch? The same take asked again gets the same answer."""

    execution_id: str
    dispatch: int
    runner: str
    take_id: str


class ResolvedEndpoint(Message):
    """An endpoint as resolved for one take."""

    name: str
    type: str
    properties: Json = {}
    """Clear values; a secret property is absent here and stands in `secrets`."""
    secrets: dict[str, Sealed] = {}


class ResolvedVariable(Message):
    """A variable as resolved for one take: `value` or `sealed`."""

    name: str
    type: str
    value: str | None = None
    sealed: Sealed | None = None


class Started(Message):
    """What a run is about and who wants it: the facts behind `${name}`, `${requestBy}` and their like."""

    execution_id: str
    project: str
    pipeline: str
    pipeline_id: str
    index: int
    requested_by: str
    comments: str = ""
    description: str = ""
    execution_url: str = ""
    push: Push | None = None
    """The push that started it, with its digest where known."""
    nested: bool = False
    may_use_restricted: bool = True
    """Whether the run's owner may, now, use restricted endpoints and variables without being let through."""
    traceparent: str = ""
    """The run's span, as W3C Trace Context writes it; empty while config sends no traces."""


class Directive(StrEnum):
    """What the ledger wants of a holder."""

    GO = "go"
    PAUSE = "pause"
    CANCEL = "cancel"
    FENCED = "fenced"
    """Not yours, or no longer: stop, report nothing."""


class TakeAnswer(Message):
    """The ledger's answer, sent after its commit. `taken` false means: drop it."""

    taken: bool
    reason: str = ""
    attempt: int = 0
    start_number: int = 0
    """Grows with every start of any run: the fence written into the cluster."""
    verdict: Directive = Directive.GO
    plan: Json = {}
    """`shared.grammar.plan.Plan` as JSON."""
    inputs: Json = {}
    sealed_inputs: dict[str, Sealed] = {}
    """Inputs that hold a secret of the run which handed them on, as that run sealed them; `inputs` has their mask."""
    endpoints: dict[str, ResolvedEndpoint] = {}
    variables: dict[str, ResolvedVariable] = {}
    history: tuple[Recorded, ...] = ()
    about: Started | None = None
    at: float = 0.0
    """The ledger's time; 0 from one that does not tell it."""


class Grant(Message):
    """Ask leave for one effect; the grant is the durable `task.started`, which must be among the report's events."""

    stage: str
    task: str
    try_number: int = 1
    repeat: bool = False
    """This try may begin again under another holder: its type is repeatable or keyed, or its author allows it."""


class Report(Message):
    """Events of one attempt, in order, and perhaps a request for a grant. Answered when the sender asks for a reply.

    A holder sends every event that it does not know accepted, from `accepted_seq` + 1 on; where it asks for a grant the
    grant's `task.started` is the last of them. If the answer's `accepted_seq` covers that event without `granted`, the
    event does not count and its number is spent: continue with the next. If it does not cover it, something on the
    way was lost: send again. The last report of a run, too, counts as heard only when an answer covers it.
    """

    execution_id: str
    attempt: int
    runner: str
    events: tuple[Event, ...] = ()
    grant: Grant | None = None


class ReportAnswer(Message):
    """Sent after the commit: everything reported up to `accepted_seq` is durable."""

    verdict: Directive
    accepted_seq: int = 0
    """The ledger has dealt with everything up to here; the next event has this number plus one."""
    reason: str = ""
    """With a grant that was refused while the verdict is go: why it never will be given (the task ends with this).
    Empty: decide again and ask under a new number."""
    granted: bool = False
    """The grant that was asked for is given, in this answer or in one that was lost, and its `task.started` is durable:
    act, even where the verdict is by now to pause; where it is to cancel, end the try at once. Without it, do not act.
    """


class StartNested(Message):
    """Run another pipeline of the project within a run. Only a runner may ask; the caller is the outer run's owner.

    Asked again, it has the same answer: `execution_id` follows from the try of the task that asks.
    """

    execution_id: str
    """The nested run's."""
    project: str
    pipeline: str
    """By name."""
    inputs: Json = {}
    sealed_inputs: dict[str, Sealed] = {}
    """Inputs that hold a secret of the outer run; `inputs` has their mask."""
    comments: str = ""
    parent: str
    """The outer run's id, and below it the task that waits for this run's end."""
    stage: str
    task: str
    requested_by: str = ""
    """Who started the outer run; empty: the caller."""


class NestedStarted(Message):
    execution_id: str
    execution_index: int


class HeldRun(Message):
    execution_id: str
    attempt: int


class Held(Message):
    """A runner's sign of life, every second: all that it holds."""

    runner: str
    holds: tuple[HeldRun, ...] = ()


class HeldAnswer(Message):
    """A verdict for each pair that was listed, by execution id."""

    verdicts: dict[str, Directive] = {}
    at: float = 0.0
    """The ledger's time; 0 from one that does not tell it."""


class Released(Message):
    """A runner that shuts down in order lets go; the ledger dispatches again at once."""

    execution_id: str
    attempt: int
    runner: str


class IntentChanged(Message):
    """Somebody cancelled, paused or resumed: ask with `Held` now instead of in a second."""

    execution_id: str


class LogChunk(Message):
    """Lines that a task printed. May be dropped under pressure; never blocks a run."""

    execution_id: str
    attempt: int
    stage: str
    task: str
    try_number: int = 1
    first_line: int
    """0-based number of the first line within this try."""
    lines: tuple[str, ...]
    at: float


class ExecutionChanged(Message):
    """What the ledger accepted, after its commit: the public event. Gaps are filled by asking for the execution."""

    execution_id: str
    revision: int
    """1, 2, 3 … per execution."""
    project: str
    pipeline: str
    index: int
    status: str
    status_message: str = ""
    events: tuple[Event, ...] = ()
    nested: bool = False


class StageOver(Message):
    """A stage ended: reliable, through the outbox."""

    execution_id: str
    revision: int
    project: str
    pipeline: str
    index: int
    stage: str
    status: str
    status_message: str = ""


class ExecutionOver(Message):
    """A run ended: reliable, through the outbox."""

    execution_id: str
    revision: int
    project: str
    pipeline: str
    index: int
    status: str
    status_message: str = ""
    duration_us: int = 0
