"""What the run protocol knows about one run, and what it asks of its shell: values only (docs/adr/0001)."""

from __future__ import annotations

import json
from dataclasses import astuple, dataclass
from enum import StrEnum

from shared.contracts import history as h
from shared.contracts.runs import Directive

FENCE_STEP = 1_000_000
"""A start number is start * FENCE_STEP + attempt, so that plain integers compare first by start, then by attempt."""


class State(StrEnum):
    """Where a run is, as far as holding goes."""

    QUEUED = "queued"
    """Waits for a place; no message is out."""
    DISPATCHED = "dispatched"
    """`run.execution` number `dispatch` is out and nobody has taken it."""
    HELD = "held"
    """A runner has it and its lease runs."""
    PARKED = "parked"
    """Waits for a due time, an answer or a resume: only a row."""
    ENDED = "ended"


PLACED = frozenset({State.DISPATCHED, State.HELD})
"""The states that count against a limit of runs at a time."""


class Intent(StrEnum):
    """What a person or a policy may want of a run."""

    CANCEL = "cancel"
    PAUSE = "pause"
    RESUME = "resume"


@dataclass(frozen=True, slots=True)
class AttemptCutoff:
    """Of this attempt, events up to `last_seq` count and later ones never will."""

    attempt: int
    last_seq: int


@dataclass(frozen=True, slots=True)
class Permit:
    """Leave that was given: to this attempt, by its event `seq`; `over` once nothing can be going on outside."""

    stage: str
    task: str
    try_number: int
    attempt: int
    seq: int
    over: bool = False

    @property
    def key(self) -> tuple[str, str, int]:
        """What leave is given for."""
        return self.stage, self.task, self.try_number


@dataclass(frozen=True, slots=True)
class RunClaim:
    """Everything the protocol knows about one run; part of one row of the ledger."""

    execution_id: str
    state: State = State.QUEUED
    start: int = 0
    """This run's place in the order of all starts, given when it is first admitted; 0 before."""
    dispatch: int = 0
    """Number of the newest `run.execution`."""
    attempt: int = 0
    """Number of the newest take."""
    runner: str = ""
    """Who made that take; empty once it let go. An expired holder stays here until the next take cuts it off."""
    take_id: str = ""
    accepted_seq: int = 0
    """Last event of the newest attempt that was dealt with."""
    own_seq: int = 0
    """Last event of the ledger itself."""
    cuts: tuple[AttemptCutoff, ...] = ()
    grants: tuple[Permit, ...] = ()
    deaths: int = 0
    """Leases that ran out since the last progress."""
    where: str = ""
    """`Stage.Task` that began last."""
    cancel: bool = False
    pause: bool = False
    resuming: bool = False
    """Resumed and not taken since; for show."""
    news: bool = False
    """There is something to do that the newest attempt did not see: an answer, a due time, a pause that is over."""
    due_at: float | None = None

    @property
    def start_number(self) -> int:
        """The fence written into the cluster: later runs above earlier ones, later takes of a run above earlier."""
        return self.start * FENCE_STEP + self.attempt

    @property
    def begun(self) -> bool:
        """Some runner has had it, so that it can no longer be superseded as if nothing had happened."""
        return self.attempt > 0

    @property
    def wanted(self) -> Directive:
        """What the ledger wants of the holder."""
        if self.cancel:
            return Directive.CANCEL
        return Directive.PAUSE if self.pause else Directive.GO

    @property
    def open_work(self) -> tuple[Permit, ...]:
        """Leaves given whose tries have not ended: something may be going on outside."""
        return tuple(grant for grant in self.grants if not grant.over)


_SCALARS = tuple(name for name in RunClaim.__slots__ if name not in ("cuts", "grants"))


def to_json(holding: RunClaim) -> str:
    """For the ledger's row; fields at their default are left out."""
    tree: dict[str, object] = {
        name: value for name in _SCALARS if (value := getattr(holding, name)) != getattr(_FRESH, name)
    }
    tree["cuts"] = [astuple(cut) for cut in holding.cuts]
    tree["grants"] = [astuple(grant) for grant in holding.grants]
    return json.dumps(tree, separators=(",", ":"))


def from_json(text: str) -> RunClaim:
    """Read what `to_json` wrote, of this version or an older one; fields of a newer one are passed over."""
    tree = json.loads(text)
    scalars = {name: tree[name] for name in _SCALARS if name in tree}
    scalars["state"] = State(scalars.get("state", State.QUEUED))
    cuts = tuple(AttemptCutoff(*cut) for cut in tree.get("cuts", ()))
    grants = tuple(Permit(*grant) for grant in tree.get("grants", ()))
    return RunClaim(cuts=cuts, grants=grants, **scalars)


_FRESH = RunClaim(execution_id="")


@dataclass(frozen=True, slots=True)
class Dispatch:
    """Publish `run.execution` with this number, through the outbox."""

    number: int


@dataclass(frozen=True, slots=True)
class Enqueue:
    """The run wants a place (again): ask admission in this transaction, and `admit` it when there is one."""


@dataclass(frozen=True, slots=True)
class FreeSlot:
    """Its place is free: ask admission for the next in the queue."""


@dataclass(frozen=True, slots=True)
class SetTimer:
    """Call `due` at this time; replaces the run's timer."""

    due_at: float


@dataclass(frozen=True, slots=True)
class CancelTimer:
    """The run no longer waits for a time."""


@dataclass(frozen=True, slots=True)
class NotifyRunner:
    """Broadcast `run.intent` after the commit, so that the holder asks now instead of in a second."""


@dataclass(frozen=True, slots=True)
class AnnounceRunEnd:
    """The run has ended; its `run.ended` is among the accepted events. Public end, notifications, waiting parents."""

    status: h.Status
    message: str


Effect = Dispatch | Enqueue | FreeSlot | SetTimer | CancelTimer | NotifyRunner | AnnounceRunEnd


@dataclass(frozen=True, slots=True)
class Transition:
    """What one happening makes of a holding."""

    holding: RunClaim
    effects: tuple[Effect, ...] = ()
    accepted: tuple[h.Recorded, ...] = ()
    """Append these to the history, in this order."""
    refusal: str = ""
    """Why nothing happened, where somebody wants to know (409 for a person's intent)."""


@dataclass(frozen=True, slots=True)
class TakeDecision:
    """The protocol's part of a `TakeAnswer`; the shell adds plan, inputs, secrets and history."""

    taken: bool
    reason: str = ""
    attempt: int = 0
    start_number: int = 0
    verdict: Directive = Directive.GO
