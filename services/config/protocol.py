"""Who may do what to a run: take, hold, grant, report, release, park, expire, dispatch (docs/adr/0001).

Pure: a `Holding` and one happening go in, a `Step` comes out: the new holding, the events that the ledger accepts, and
the effects that its shell carries out in the same transaction. No clock, no session; times come in as arguments.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum

from shared.contracts import history as h
from shared.contracts.runs import Grant, Held, HeldAnswer, Report, ReportAnswer, Take, Verdict

LEDGER = 0
"""The attempt number under which the ledger's own events (`task.answered`, a `run.ended` it decides) are recorded."""

DEATHS_ALLOWED = 3
"""So many leases in a row may run out without progress; the last of them fails the run."""

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


class Intent(StrEnum):
    CANCEL = "cancel"
    PAUSE = "pause"
    RESUME = "resume"


@dataclass(frozen=True, slots=True)
class Cut:
    """Of this attempt, events up to `last_seq` count and later ones never will."""

    attempt: int
    last_seq: int


@dataclass(frozen=True, slots=True)
class Granted:
    """Leave that was given: to this attempt, by its event `seq`; `over` once the try has ended."""

    stage: str
    task: str
    try_number: int
    attempt: int
    seq: int
    over: bool = False

    @property
    def key(self) -> tuple[str, str, int]:
        return self.stage, self.task, self.try_number


@dataclass(frozen=True, slots=True)
class Holding:
    """Everything the protocol knows about one run; one row of the ledger."""

    execution_id: str
    state: State = State.QUEUED
    start: int = 0
    """This run's place in the order of all starts, given when it is first admitted; 0 before."""
    dispatch: int = 0
    """Number of the newest `run.execution`."""
    sends: int = 0
    """How often that message was published."""
    attempt: int = 0
    """Number of the newest take."""
    runner: str = ""
    """Who made that take; empty once it let go. An expired holder stands here until the next take cuts it off."""
    take_id: str = ""
    accepted_seq: int = 0
    """Last event of the newest attempt that was dealt with."""
    own_seq: int = 0
    """Last event of the ledger itself."""
    cuts: tuple[Cut, ...] = ()
    grants: tuple[Granted, ...] = ()
    deaths: int = 0
    """Leases that ran out since the last progress."""
    where: str = ""
    """`Stage.Task` that began last."""
    cancel: bool = False
    pause: bool = False
    news: bool = False
    """Something came (an answer, a due time) that the newest attempt did not see when it took the run."""
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
    def wanted(self) -> Verdict:
        """What the ledger wants of whoever holds the run."""
        return Verdict.CANCEL if self.cancel else Verdict.PAUSE if self.pause else Verdict.GO

    @property
    def open_work(self) -> tuple[Granted, ...]:
        """Leaves given whose tries have not ended: something may be going on outside."""
        return tuple(grant for grant in self.grants if not grant.over)


@dataclass(frozen=True, slots=True)
class Dispatch:
    """Publish `run.execution` with this number, through the outbox."""

    number: int


@dataclass(frozen=True, slots=True)
class Enqueue:
    """The run wants a place (again): ask admission in this transaction, and `admit` it when there is one."""


@dataclass(frozen=True, slots=True)
class FreePlace:
    """Its place is free: ask admission for the next in the queue."""


@dataclass(frozen=True, slots=True)
class SetTimer:
    """Call `due` at this time; replaces the run's timer."""

    due_at: float


@dataclass(frozen=True, slots=True)
class CancelTimer:
    """The run waits for no time any more."""


@dataclass(frozen=True, slots=True)
class TellHolder:
    """Broadcast `run.intent`, so that the holder asks now instead of in a second."""


@dataclass(frozen=True, slots=True)
class Over:
    """The run has ended; its `run.ended` is among the accepted events. Public end, notifications, waiting parents."""

    status: h.Status
    message: str


Effect = Dispatch | Enqueue | FreePlace | SetTimer | CancelTimer | TellHolder | Over


@dataclass(frozen=True, slots=True)
class Step:
    """What one happening makes of a holding."""

    holding: Holding
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
    verdict: Verdict = Verdict.GO


def admit(holding: Holding, next_start: int) -> Step:
    """There is a place for a queued run: dispatch it. `next_start` counts for a run's first admission only
    (then `step.holding.start == next_start`); it must be greater than every start given before."""


def take(holding: Holding, ask: Take) -> tuple[Holding, TakeDecision]:
    """May this runner have that dispatch? The first take owns it; the same take again gets the same answer."""


def report(holding: Holding, said: Report, at: float) -> tuple[Step, ReportAnswer]:
    """Accept what the current attempt says, in order and once; give the grant it asks for, or not."""


def verdict(holding: Holding, runner: str, attempt: int) -> Verdict:
    """For one pair of a `Held` list."""


def held(holdings: dict[str, Holding], ask: Held) -> HeldAnswer:
    """Answer a whole `Held`; an execution that is not in `holdings` is fenced."""


def expire(holding: Holding, at: float) -> Step:
    """Its lease ran out: dispatch again, or fail it after `DEATHS_ALLOWED` without progress."""


def release(holding: Holding, runner: str, attempt: int, at: float) -> Step:
    """The holder lets go in order (`run.released`)."""


def answer(holding: Holding, stage: str, task: str, said: h.Json, at: float) -> Step:
    """What a task waits for has come (an approval, a nested run's end): record it, wake the run if it is parked."""


def due(holding: Holding, now: float) -> Step:
    """The run's timer fired."""


def intend(holding: Holding, intent: Intent, at: float) -> Step:
    """A person or a policy wants the run cancelled, paused or resumed."""


def end(holding: Holding, status: h.Status, message: str, at: float) -> Step:
    """The ledger itself ends the run, whoever holds it (superseded while queued, its pipeline cannot be read)."""


def dead_lettered(holding: Holding, dispatch: int | None, reason: str, at: float) -> Step:
    """The run's message is dead. It fails the run if it is the one the run waits for; None: its number is unreadable."""


def resend(holding: Holding) -> Step:
    """Publish an untaken dispatch again under the same number: harmless if the first is still there."""


def resend_after_s(holding: Holding) -> float:
    """How long an untaken dispatch may stay quiet before `resend`: a minute, doubling up to an hour."""


def redispatch_all(holdings: Iterable[Holding]) -> tuple[Step, ...]:
    """The broker came back empty: send every untaken dispatch again. Held runs are seen by their leases."""


def shown(holding: Holding, folded: h.Status) -> h.Status:
    """The status people see: the history's, overlaid with what is wanted and who holds."""
