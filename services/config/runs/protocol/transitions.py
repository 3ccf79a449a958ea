"""The moves that several happenings share: a run is dispatched, parked, woken, let go of, ended. Pure."""

from __future__ import annotations

from dataclasses import replace

from services.config.model.claims import (
    PLACED,
    AnnounceRunEnd,
    CancelTimer,
    Dispatch,
    Effect,
    Enqueue,
    FreeSlot,
    NotifyRunner,
    RunClaim,
    SetTimer,
    State,
    Transition,
)
from shared.contracts import history as h

LEDGER = 0
"""The attempt number under which the ledger's own events (`task.answered`, a `run.ended` it decides) are recorded."""


CANCELED = "Execution Canceled."


def dispatch(holding: RunClaim) -> Transition:
    """A message for the next runner, under a new number."""
    timer: tuple[Effect, ...] = () if holding.due_at is None else (CancelTimer(),)
    dispatch_number = holding.dispatch + 1
    return Transition(
        replace(holding, state=State.DISPATCHED, dispatch=dispatch_number, due_at=None),
        (Dispatch(dispatch_number), *timer),
    )


def park(holding: RunClaim) -> Transition:
    """Nobody holds it, and it has no place: it waits for its time, an answer or a resume."""
    timer: tuple[Effect, ...] = () if holding.due_at is None else (SetTimer(holding.due_at),)
    return Transition(replace(holding, state=State.PARKED), (FreeSlot(), *timer))


def wake(holding: RunClaim) -> Transition:
    """A parked run with something to do and no pause wants a place again."""
    if holding.state is not State.PARKED or holding.pause or not holding.news:
        return Transition(holding)
    timer: tuple[Effect, ...] = () if holding.due_at is None else (CancelTimer(),)
    return Transition(replace(holding, state=State.QUEUED, due_at=None), (*timer, Enqueue()))


def let_go(holding: RunClaim, at: float, *, parked: bool) -> Transition:
    """Nobody holds the run now, so every open intent and every answer is looked at again."""
    free = replace(holding, runner="", take_id="")
    if free.cancel and not free.open_work:
        return end(free, h.Status.CANCELED, CANCELED, at)
    if free.cancel:
        return dispatch(free)
    if free.pause and (parked or not free.open_work):
        return park(replace(free, news=free.news or not parked))
    if parked and not free.news:
        return park(free)
    return dispatch(free)


def end(holding: RunClaim, status: h.Status, message: str, at: float) -> Transition:
    """The ledger itself ends the run, held or not (superseded while queued, its pipeline cannot be read)."""
    if holding.state is State.ENDED:
        return Transition(holding, refusal="The run has ended.")
    event = h.RunEnded(seq=holding.own_seq + 1, at=at, status=status, message=message)
    step = over(replace(holding, own_seq=event.seq), status, message)
    notifications: tuple[Effect, ...] = (NotifyRunner(),) if holding.state is State.HELD else ()
    return replace(step, effects=step.effects + notifications, accepted=(h.Recorded(attempt=LEDGER, event=event),))


def over(holding: RunClaim, status: h.Status, message: str) -> Transition:
    """It has ended; its place is free."""
    place: tuple[Effect, ...] = (FreeSlot(),) if holding.state in PLACED else ()
    timer: tuple[Effect, ...] = (CancelTimer(),) if holding.due_at is not None else ()
    ended = replace(
        holding, state=State.ENDED, runner="", take_id="", pause=False, resuming=False, news=False, due_at=None
    )
    return Transition(ended, (AnnounceRunEnd(status, message), *place, *timer))
