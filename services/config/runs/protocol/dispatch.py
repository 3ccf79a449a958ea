"""From the queue to a runner: admitted, dispatched, taken, and sent again when its message was lost. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from services.config.model.claims import PLACED, AttemptCutoff, FreeSlot, RunClaim, State, TakeDecision, Transition
from shared.contracts import history as h
from shared.contracts.runs import Take

from .leases import regain
from .transitions import CANCELED, dispatch, end

OVERTAKEN_S = 10.0
"""An untaken dispatch is lost when one that was sent so much later has been taken."""


QUIET_S = 30.0
"""So long nothing is taken before the oldest untaken dispatch is tried again."""


def admit(holding: RunClaim, next_start: int) -> Transition:
    """There is a place for a queued run: dispatch it.

    `next_start` counts for a run's first admission only (then `step.holding.start == next_start`) and must be greater
    than every start given before, to any run.
    """
    if holding.state is not State.QUEUED:
        return Transition(holding, refusal=f"The run is {holding.state}, not queued.")
    placed = replace(holding, start=holding.start or next_start)
    if holding.pause and not holding.open_work:
        return Transition(replace(placed, state=State.PARKED, news=True), (FreeSlot(),))
    return dispatch(placed)


def take(holding: RunClaim, ask: Take) -> tuple[RunClaim, TakeDecision]:
    """May this runner have that dispatch? The first take owns it; the same take again gets the same answer, after the
    end of its lease too, since the asker lives."""
    if _is_asked_again(holding, ask):
        holding = regain(holding, ask.runner, holding.attempt).holding
    elif refusal := _why_not_take(holding, ask):
        return holding, TakeDecision(taken=False, reason=refusal)
    else:
        cut = (AttemptCutoff(holding.attempt, holding.accepted_seq),) if holding.attempt else ()
        holding = replace(
            holding,
            state=State.HELD,
            attempt=holding.attempt + 1,
            runner=ask.runner,
            take_id=ask.take_id,
            accepted_seq=0,
            cuts=holding.cuts + cut,
            news=False,
            resuming=False,
        )
    return holding, TakeDecision(
        taken=True, attempt=holding.attempt, start_number=holding.start_number, verdict=holding.wanted
    )


def _is_asked_again(holding: RunClaim, ask: Take) -> bool:
    """Whether this take made the newest attempt, which has not let go and which nobody has cut off."""
    return holding.state in PLACED and (holding.runner, holding.take_id) == (ask.runner, ask.take_id)


def _why_not_take(holding: RunClaim, ask: Take) -> str:
    if ask.dispatch != holding.dispatch:
        return f"Dispatch {ask.dispatch} is not the newest, which is {holding.dispatch}."
    if holding.state is State.DISPATCHED:
        return ""
    if holding.state is not State.HELD:
        return f"The run is {holding.state}."
    return f"Dispatch {ask.dispatch} was taken by {holding.runner}."


def resend(holding: RunClaim) -> Transition:
    """An untaken dispatch is thought lost: send the next one. Should it still come, the answer is to drop it."""
    return dispatch(holding) if holding.state is State.DISPATCHED else Transition(holding)


def dead_lettered(holding: RunClaim, dispatch: int | None, reason: str, at: float) -> Transition:
    """The run's message is dead: that fails the run if it waits for this one. None: its number cannot be read."""
    if holding.state is not State.DISPATCHED or dispatch not in (None, holding.dispatch):
        return Transition(holding)
    if holding.cancel:
        return end(holding, h.Status.CANCELED, CANCELED, at)
    return end(holding, h.Status.FAILED, f"No runner could read the run's message: {reason}", at)


def overdue(
    untaken: Iterable[tuple[str, float]], *, newest_taken_sent_at: float, last_take_at: float, now: float
) -> tuple[str, ...]:
    """Which untaken dispatches (execution id, when its newest number was sent) look lost and want `resend`.

    The run queue keeps order, so what was sent well before a dispatch that has been taken is lost. When nothing is
    taken for a while, the oldest alone is sent again, as a probe: if it is taken, the others follow by the first rule.
    `newest_taken_sent_at` is the newest time at which a number was sent that has since been taken (by its first take).
    """
    late = sorted(untaken, key=lambda pair: pair[1])
    lost = [execution_id for execution_id, sent_at in late if sent_at < newest_taken_sent_at - OVERTAKEN_S]
    if not lost and late and now - max(late[0][1], last_take_at) >= QUIET_S:
        lost = [late[0][0]]
    return tuple(lost)
