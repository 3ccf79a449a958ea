"""What a holder reports is accepted in order and once; what it asks leave for is granted, or not. Pure."""

from __future__ import annotations

from dataclasses import replace

from services.config.model.claims import Permit, RunClaim, State, Transition
from shared.contracts import history as h
from shared.contracts.runs import Directive, Grant, Report, ReportAnswer

from .leases import regain, speaks
from .transitions import CANCELED, end, let_go, over


def report(holding: RunClaim, message: Report, at: float) -> tuple[Transition, ReportAnswer]:
    """Accept what the current attempt says, in order and once; give the grant it asks for, or not.

    The `task.started` of a grant that is refused is dealt with and not recorded: its number is spent, so that a late
    copy of the same report can never be accepted in place of what the holder said next.
    """
    if not speaks(holding, message.runner, message.attempt):
        return Transition(holding), _answer_to_silenced(holding, message)
    folded = regain(holding, message.runner, message.attempt).holding
    accepted: list[h.Recorded] = []
    heard = folded.accepted_seq
    for event in message.events:
        if event.seq <= heard:
            continue
        if event.seq > heard + 1:
            break
        heard = event.seq
        if message.grant is not None and _begins(event, message.grant):
            if _why_not_grant(folded, message.grant):
                break
            folded = _granted(folded, message.grant, heard)
        accepted.append(h.Recorded(attempt=folded.attempt, event=event))
        folded = _fold(folded, event)
        if event.type in _FINAL:
            break
    folded = replace(folded, accepted_seq=heard)
    granted = _has_leave(folded, message)
    answered = ReportAnswer(
        verdict=folded.wanted,
        accepted_seq=folded.accepted_seq,
        granted=granted,
        reason="" if message.grant is None or granted else _why_not_grant(folded, message.grant),
    )
    closed = _close(folded, accepted, at)
    return replace(closed, accepted=(*accepted, *closed.accepted)), answered


def unreadable(holding: RunClaim, attempt: int, first_seq: int, reason: str, at: float) -> Transition:
    """A report can never be read: its holder would say it again for ever, so that the run fails.

    Not where an older attempt said it, whose reports do not count; nor where its first event has been accepted out of
    another copy. `first_seq` 0: that is not known.
    """
    silent = attempt != holding.attempt or holding.state not in (State.HELD, State.DISPATCHED)
    if silent or 0 < first_seq <= holding.accepted_seq:
        return Transition(holding)
    if holding.cancel:
        return end(holding, h.Status.CANCELED, CANCELED, at)
    place = f" in {holding.where}" if holding.where else ""
    return end(holding, h.Status.FAILED, f"A report of the runner{place} cannot be read: {reason}", at)


def _answer_to_silenced(holding: RunClaim, message: Report) -> ReportAnswer:
    """Fenced, except for the newest attempt's own last report, repeated because its answer was lost."""
    heard = (
        message.attempt == holding.attempt
        and message.grant is None
        and all(event.seq <= holding.accepted_seq for event in message.events)
    )
    if heard:
        return ReportAnswer(verdict=Directive.GO, accepted_seq=holding.accepted_seq)
    reason = f"Attempt {message.attempt} of {holding.execution_id} holds nothing: the run is {holding.state}"
    reason += f", attempt {holding.attempt}." if holding.attempt != message.attempt else "."
    return ReportAnswer(verdict=Directive.FENCED, reason=reason)


_FINAL = frozenset({"run.parked", "run.ended"})
"""After these the holder has let go: what it says later does not count."""


_PROGRESS = frozenset({"task.ended", "task.waiting", "stage.ended", "run.parked", "run.ended"})
"""Events that a runner which dies on the same task again and again does not bring."""


def _fold(holding: RunClaim, event: h.Event) -> RunClaim:
    """What the protocol itself remembers of an accepted event."""
    if holding.deaths and event.type in _PROGRESS:
        holding = replace(holding, deaths=0)
    if isinstance(event, h.TaskStarted):
        return replace(holding, where=f"{event.stage}.{event.task}")
    if isinstance(event, h.TaskEnded) or (isinstance(event, h.TaskWaiting) and event.reason != "nested"):
        key = (event.stage, event.task, event.try_number)
        if not any(grant.key == key for grant in holding.grants):
            return holding
        grants = tuple(replace(g, over=True) if g.key == key else g for g in holding.grants)
        return replace(holding, grants=grants)
    if isinstance(event, h.RunParked):
        return replace(holding, due_at=event.due_at, news=holding.news or event.reason == "paused")
    return holding


def _close(holding: RunClaim, accepted: list[h.Recorded], at: float) -> Transition:
    last = accepted[-1].event if accepted else None
    if isinstance(last, h.RunParked):
        return let_go(holding, at, parked=True)
    if isinstance(last, h.RunEnded):
        return over(holding, last.status, last.message)
    return Transition(holding)


def _begins(event: h.Event, ask: Grant) -> bool:
    return isinstance(event, h.TaskStarted) and (event.stage, event.task, event.try_number) == (
        ask.stage,
        ask.task,
        ask.try_number,
    )


def _leave(holding: RunClaim, ask: Grant) -> Permit | None:
    key = (ask.stage, ask.task, ask.try_number)
    return next((grant for grant in holding.grants if grant.key == key), None)


def _why_not_grant(holding: RunClaim, ask: Grant) -> str:
    name = f"{ask.stage}.{ask.task}, try {ask.try_number}"
    if holding.wanted is not Directive.GO:
        return f"No new work: the ledger wants {holding.wanted}."
    earlier = _leave(holding, ask)
    if earlier is None:
        return ""
    if earlier.over:
        return f"{name} has ended."
    if earlier.attempt == holding.attempt:
        return f"{name} was granted by event {earlier.seq} of this attempt."
    return "" if ask.repeat else f"{name} was granted to attempt {earlier.attempt}: it may have run."


def _granted(holding: RunClaim, ask: Grant, seq: int) -> RunClaim:
    permit = Permit(ask.stage, ask.task, ask.try_number, holding.attempt, seq)
    return replace(holding, grants=(*(g for g in holding.grants if g.key != permit.key), permit))


def _has_leave(holding: RunClaim, message: Report) -> bool:
    """The `task.started` of this very report is the one that leave was given for, in this answer or in a lost one.

    What a person has wanted since does not take it back, or a holder whose answer was lost could not know whether its
    `task.started` counts: it would park, and its successor find work that seems to have begun and never did.
    """
    if message.grant is None:
        return False
    leave = _leave(holding, message.grant)
    if leave is None or leave.over or leave.attempt != holding.attempt:
        return False
    return any(_begins(event, message.grant) and event.seq == leave.seq for event in message.events)
