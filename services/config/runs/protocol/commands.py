"""What comes from people, from the clock and from other runs: answers, due times, intents, and what is shown. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from services.config.model.claims import PLACED, Intent, NotifyRunner, RunClaim, SetTimer, State, Transition
from shared.contracts import history as h
from shared.contracts.base import Json

from .transitions import CANCELED, LEDGER, dispatch, end, park, wake


def answer(
    holding: RunClaim, stage: str, task: str, answer_body: Json, at: float, *, try_number: int | None = None
) -> Transition:
    """What a task waits for has come (an approval, a nested run's end): record it, wake the run if it is parked."""
    if holding.state is State.ENDED:
        return Transition(holding, refusal="The run has ended.")
    event = h.TaskAnswered(
        seq=holding.own_seq + 1, at=at, stage=stage, task=task, try_number=try_number, answer=answer_body
    )
    claim = replace(holding, own_seq=event.seq, news=True)
    return replace(wake(claim), accepted=(h.Recorded(attempt=LEDGER, event=event),))


def keep(holding: RunClaim, tasks: Iterable[h.TaskKept], at: float) -> Transition:
    """A run that repeats an earlier one begins with what that one brought."""
    events = [
        task.model_copy(update={"seq": seq, "at": at}) for seq, task in enumerate(tasks, start=holding.own_seq + 1)
    ]
    claim = replace(holding, own_seq=holding.own_seq + len(events))
    return Transition(claim, accepted=tuple(h.Recorded(attempt=LEDGER, event=event) for event in events))


def due(holding: RunClaim, now: float) -> Transition:
    """The run's timer fired."""
    if holding.state is not State.PARKED or holding.due_at is None:
        return Transition(holding)
    if holding.due_at > now:
        return Transition(holding, (SetTimer(holding.due_at),))
    return wake(replace(holding, due_at=None, news=True))


def intend(holding: RunClaim, intent: Intent, at: float) -> Transition:
    """A person or a policy wants the run cancelled, paused or resumed. `refusal` says why it cannot be."""
    if holding.state is State.ENDED:
        return Transition(holding, refusal="The run has ended.")
    if holding.cancel:
        same = intent is Intent.CANCEL
        return Transition(holding, refusal="" if same else "The run is being cancelled.")
    return {Intent.CANCEL: _cancel, Intent.PAUSE: _pause, Intent.RESUME: _resume}[intent](holding, at)


def _cancel(holding: RunClaim, at: float) -> Transition:
    canceled = replace(holding, cancel=True)
    if holding.state is State.HELD:
        return Transition(canceled, (NotifyRunner(),))
    if not holding.open_work:
        return end(canceled, h.Status.CANCELED, CANCELED, at)
    # Something may be going on outside, which only a runner can stop; it need not wait for a place to do so.
    return Transition(canceled) if holding.state is State.DISPATCHED else dispatch(canceled)


def _pause(holding: RunClaim, at: float) -> Transition:
    paused = replace(holding, pause=True, resuming=False)
    if holding.state is State.HELD:
        return Transition(paused, (NotifyRunner(),))
    untouched = holding.state is State.DISPATCHED and not holding.runner and not holding.open_work
    return park(replace(paused, news=True)) if untouched else Transition(paused)


def _resume(holding: RunClaim, at: float) -> Transition:
    if not holding.pause:
        return Transition(holding, refusal="The run is not paused.")
    going = replace(holding, pause=False)
    if holding.state is State.HELD:
        return Transition(going, (NotifyRunner(),))
    waits_for_more = holding.state is State.PARKED and not holding.news
    return wake(replace(going, resuming=not waits_for_more))


def shown(holding: RunClaim, folded: h.Status) -> h.Status:
    """The status people see: the history's, overlaid with what is wanted and who holds."""
    if holding.state is State.ENDED:
        return folded
    if holding.cancel:
        return h.Status.CANCELING
    if holding.pause:
        return h.Status.PAUSING if holding.state in PLACED else h.Status.PAUSED
    if holding.resuming:
        return h.Status.RESUMING
    return h.Status.WAITING if holding.state in (State.PARKED, State.QUEUED) else folded
