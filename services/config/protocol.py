"""Who may do what to a run: take, hold, report, grant, release, park, expire, dispatch (docs/adr/0001).

Pure: a `Holding` and one happening go in, a `Step` comes out: the new holding, the events that the ledger accepts, and
the effects that the shell carries out in the same transaction. No clock, no session; times come in as arguments.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from shared.contracts import history as h
from shared.contracts.base import Json
from shared.contracts.runs import Grant, Held, HeldAnswer, Report, ReportAnswer, Take, Verdict

from .holding import (
    FENCE_STEP,
    PLACED,
    CancelTimer,
    Cut,
    Dispatch,
    Effect,
    Enqueue,
    FreePlace,
    Granted,
    Holding,
    Intent,
    Over,
    SetTimer,
    State,
    Step,
    TakeDecision,
    TellHolder,
    from_json,
    to_json,
)

LEDGER = 0
"""The attempt number under which the ledger's own events (`task.answered`, a `run.ended` it decides) are recorded."""

DEATHS_ALLOWED = 3
"""So many leases in a row may run out without progress; the last of them fails the run."""

CANCELED = "Execution canceled."

OVERTAKEN_S = 10.0
"""An untaken dispatch is lost when one that was sent so much later has been taken."""

QUIET_S = 30.0
"""So long nothing is taken before the oldest untaken dispatch is tried again."""


# ---------------------------------------------------------------------------------------------------- dispatch and take


def admit(holding: Holding, next_start: int) -> Step:
    """There is a place for a queued run: dispatch it.

    `next_start` counts for a run's first admission only (then `step.holding.start == next_start`) and must be greater
    than every start given before, to any run.
    """
    if holding.state is not State.QUEUED:
        return Step(holding, refusal=f"The run is {holding.state}, not queued.")
    placed = replace(holding, start=holding.start or next_start)
    if holding.pause and not holding.open_work:
        return Step(replace(placed, state=State.PARKED, news=True), (FreePlace(),))
    return _dispatch(placed)


def take(holding: Holding, ask: Take) -> tuple[Holding, TakeDecision]:
    """May this runner have that dispatch? The first take owns it; the same take again gets the same answer."""
    if refusal := _why_not_take(holding, ask):
        return holding, TakeDecision(taken=False, reason=refusal)
    if holding.state is State.DISPATCHED:
        cut = (Cut(holding.attempt, holding.accepted_seq),) if holding.attempt else ()
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


def _why_not_take(holding: Holding, ask: Take) -> str:
    if ask.dispatch != holding.dispatch:
        return f"Dispatch {ask.dispatch} is not the newest, which is {holding.dispatch}."
    if holding.state is State.DISPATCHED:
        return ""
    if holding.state is not State.HELD:
        return f"The run is {holding.state}."
    if (holding.runner, holding.take_id) != (ask.runner, ask.take_id):
        return f"Dispatch {ask.dispatch} was taken by {holding.runner}."
    return ""


def resend(holding: Holding) -> Step:
    """An untaken dispatch is thought lost: send the next one. Should it still come, it is told to drop."""
    return _dispatch(holding) if holding.state is State.DISPATCHED else Step(holding)


def redispatch_all(holdings: Iterable[Holding]) -> tuple[Step, ...]:
    """The broker came back empty: send every untaken dispatch again. Held runs are seen by their leases."""
    return tuple(resend(holding) for holding in holdings if holding.state is State.DISPATCHED)


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


# ---------------------------------------------------------------------------------------------------------------- hold


def verdict(holding: Holding, runner: str, attempt: int) -> Verdict:
    """For one pair of a `Held` list."""
    return holding.wanted if _speaks(holding, runner, attempt) else Verdict.FENCED


def held(holdings: Mapping[str, Holding], ask: Held) -> HeldAnswer:
    """Answer a whole `Held`; an execution that is not in `holdings` is fenced."""
    verdicts = {
        pair.execution_id: verdict(known, ask.runner, pair.attempt)
        if (known := holdings.get(pair.execution_id))
        else Verdict.FENCED
        for pair in ask.holds
    }
    return HeldAnswer(verdicts=verdicts)


def _speaks(holding: Holding, runner: str, attempt: int) -> bool:
    """The newest attempt counts until it lets go or the next take cuts it off, lease or no lease."""
    return holding.state in PLACED and attempt == holding.attempt > 0 and runner == holding.runner


def regain(holding: Holding, runner: str, attempt: int) -> Step:
    """A holder whose lease ran out lives after all and nobody has taken the run since: it has it again."""
    if holding.state is State.DISPATCHED and _speaks(holding, runner, attempt):
        return Step(replace(holding, state=State.HELD, deaths=max(0, holding.deaths - 1)))
    return Step(holding)


def expire(holding: Holding, at: float) -> Step:
    """Its lease ran out: dispatch again, or fail it after `DEATHS_ALLOWED` without progress."""
    if holding.state is not State.HELD:
        return Step(holding)
    holding = replace(holding, deaths=holding.deaths + 1)
    if holding.cancel and (not holding.open_work or holding.deaths >= DEATHS_ALLOWED):
        return end(holding, h.Status.CANCELED, CANCELED, at)
    if holding.deaths >= DEATHS_ALLOWED:
        place = f"in {holding.where}" if holding.where else "before the first task"
        return end(holding, h.Status.FAILED, f"The runner died three times {place}.", at)
    return _dispatch(holding)


def release(holding: Holding, runner: str, attempt: int, at: float) -> Step:
    """The holder lets go in order (`run.released`)."""
    if not _speaks(holding, runner, attempt):
        return Step(holding)
    return _let_go(holding, at, parked=False)


def _let_go(holding: Holding, at: float, *, parked: bool) -> Step:
    """Nobody holds the run now, so every open intent and every answer is looked at again."""
    free = replace(holding, runner="", take_id="")
    if free.cancel and not free.open_work:
        return end(free, h.Status.CANCELED, CANCELED, at)
    if free.cancel:
        return _dispatch(free)
    if free.pause and (parked or not free.open_work):
        return _park(replace(free, news=free.news or not parked))
    if parked and not free.news:
        return _park(free)
    return _dispatch(free)


def _park(holding: Holding) -> Step:
    timer: tuple[Effect, ...] = () if holding.due_at is None else (SetTimer(holding.due_at),)
    return Step(replace(holding, state=State.PARKED), (FreePlace(), *timer))


def _dispatch(holding: Holding) -> Step:
    timer: tuple[Effect, ...] = () if holding.due_at is None else (CancelTimer(),)
    number = holding.dispatch + 1
    return Step(replace(holding, state=State.DISPATCHED, dispatch=number, due_at=None), (Dispatch(number), *timer))


# -------------------------------------------------------------------------------------------------------------- report


def report(holding: Holding, said: Report, at: float) -> tuple[Step, ReportAnswer]:
    """Accept what the current attempt says, in order and once; give the grant it asks for, or not.

    The `task.started` of a grant that is refused is dealt with and not recorded: its number is spent, so that a late
    copy of the same report can never be accepted in place of what the holder said next.
    """
    if not _speaks(holding, said.runner, said.attempt):
        return Step(holding), _answer_to_silenced(holding, said)
    folded = regain(holding, said.runner, said.attempt).holding
    accepted: list[h.Recorded] = []
    heard = folded.accepted_seq
    for event in said.events:
        if event.seq <= heard:
            continue
        if event.seq > heard + 1:
            break
        heard = event.seq
        if said.grant is not None and _begins(event, said.grant):
            if _why_not_grant(folded, said.grant):
                break
            folded = _granted(folded, said.grant, heard)
        accepted.append(h.Recorded(attempt=folded.attempt, event=event))
        folded = _fold(folded, event)
        if event.type in _FINAL:
            break
    folded = replace(folded, accepted_seq=heard)
    granted = _has_leave(folded, said)
    answered = ReportAnswer(
        verdict=folded.wanted,
        accepted_seq=folded.accepted_seq,
        granted=granted,
        reason="" if said.grant is None or granted else _why_not_grant(folded, said.grant),
    )
    closed = _close(folded, accepted, at)
    return replace(closed, accepted=(*accepted, *closed.accepted)), answered


def _answer_to_silenced(holding: Holding, said: Report) -> ReportAnswer:
    """Fenced, except for the newest attempt's own last words said again because their answer was lost."""
    heard = (
        said.attempt == holding.attempt
        and said.grant is None
        and all(event.seq <= holding.accepted_seq for event in said.events)
    )
    if heard:
        return ReportAnswer(verdict=Verdict.GO, accepted_seq=holding.accepted_seq)
    reason = f"Attempt {said.attempt} of {holding.execution_id} holds nothing: the run is {holding.state}"
    reason += f", attempt {holding.attempt}." if holding.attempt != said.attempt else "."
    return ReportAnswer(verdict=Verdict.FENCED, reason=reason)


_FINAL = frozenset({"run.parked", "run.ended"})
"""After these the holder has let go: what it says later does not count."""

_PROGRESS = frozenset({"task.ended", "task.waiting", "stage.ended", "run.parked", "run.ended"})
"""Events that a runner which dies on the same task again and again does not bring."""


def _fold(holding: Holding, event: h.Event) -> Holding:
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


def _close(holding: Holding, accepted: list[h.Recorded], at: float) -> Step:
    last = accepted[-1].event if accepted else None
    if isinstance(last, h.RunParked):
        return _let_go(holding, at, parked=True)
    if isinstance(last, h.RunEnded):
        return _over(holding, last.status, last.message)
    return Step(holding)


# -------------------------------------------------------------------------------------------------------------- grants


def _begins(event: h.Event, ask: Grant) -> bool:
    return isinstance(event, h.TaskStarted) and (event.stage, event.task, event.try_number) == (
        ask.stage,
        ask.task,
        ask.try_number,
    )


def _leave(holding: Holding, ask: Grant) -> Granted | None:
    key = (ask.stage, ask.task, ask.try_number)
    return next((grant for grant in holding.grants if grant.key == key), None)


def _why_not_grant(holding: Holding, ask: Grant) -> str:
    name = f"{ask.stage}.{ask.task}, try {ask.try_number}"
    if holding.wanted is not Verdict.GO:
        return f"No new work: the ledger wants {holding.wanted}."
    earlier = _leave(holding, ask)
    if earlier is None:
        return ""
    if earlier.over:
        return f"{name} has ended."
    if earlier.attempt == holding.attempt:
        return f"{name} was granted by event {earlier.seq} of this attempt."
    return "" if ask.repeat else f"{name} was granted to attempt {earlier.attempt}: it may have run."


def _granted(holding: Holding, ask: Grant, seq: int) -> Holding:
    given = Granted(ask.stage, ask.task, ask.try_number, holding.attempt, seq)
    return replace(holding, grants=(*(g for g in holding.grants if g.key != given.key), given))


def _has_leave(holding: Holding, said: Report) -> bool:
    """The `task.started` of this very report is the one that leave was given for, in this answer or in a lost one.

    What a person has wanted since does not take it back, or a holder whose answer was lost could not know whether its
    `task.started` counts: it would park, and its successor find work that seems to have begun and never did.
    """
    if said.grant is None:
        return False
    leave = _leave(holding, said.grant)
    if leave is None or leave.over or leave.attempt != holding.attempt:
        return False
    return any(_begins(event, said.grant) and event.seq == leave.seq for event in said.events)


# ------------------------------------------------------------------------------------------- answers, times, intents


def answer(holding: Holding, stage: str, task: str, said: Json, at: float, *, try_number: int | None = None) -> Step:
    """What a task waits for has come (an approval, a nested run's end): record it, wake the run if it is parked."""
    if holding.state is State.ENDED:
        return Step(holding, refusal="The run has ended.")
    event = h.TaskAnswered(seq=holding.own_seq + 1, at=at, stage=stage, task=task, try_number=try_number, answer=said)
    known = replace(holding, own_seq=event.seq, news=True)
    return replace(_wake(known), accepted=(h.Recorded(attempt=LEDGER, event=event),))


def keep(holding: Holding, brought: Iterable[h.TaskKept], at: float) -> Step:
    """A run that repeats an earlier one begins with what that one brought."""
    events = [
        one.model_copy(update={"seq": seq, "at": at}) for seq, one in enumerate(brought, start=holding.own_seq + 1)
    ]
    known = replace(holding, own_seq=holding.own_seq + len(events))
    return Step(known, accepted=tuple(h.Recorded(attempt=LEDGER, event=event) for event in events))


def due(holding: Holding, now: float) -> Step:
    """The run's timer fired."""
    if holding.state is not State.PARKED or holding.due_at is None:
        return Step(holding)
    if holding.due_at > now:
        return Step(holding, (SetTimer(holding.due_at),))
    return _wake(replace(holding, due_at=None, news=True))


def _wake(holding: Holding) -> Step:
    """A parked run with something to do and no pause wants a place again."""
    if holding.state is not State.PARKED or holding.pause or not holding.news:
        return Step(holding)
    timer: tuple[Effect, ...] = () if holding.due_at is None else (CancelTimer(),)
    return Step(replace(holding, state=State.QUEUED, due_at=None), (*timer, Enqueue()))


def intend(holding: Holding, intent: Intent, at: float) -> Step:
    """A person or a policy wants the run cancelled, paused or resumed. `refusal` says why it cannot be."""
    if holding.state is State.ENDED:
        return Step(holding, refusal="The run has ended.")
    if holding.cancel:
        same = intent is Intent.CANCEL
        return Step(holding, refusal="" if same else "The run is being cancelled.")
    return {Intent.CANCEL: _cancel, Intent.PAUSE: _pause, Intent.RESUME: _resume}[intent](holding, at)


def _cancel(holding: Holding, at: float) -> Step:
    wanted = replace(holding, cancel=True)
    if holding.state is State.HELD:
        return Step(wanted, (TellHolder(),))
    if not holding.open_work:
        return end(wanted, h.Status.CANCELED, CANCELED, at)
    # Something may be going on outside, which only a runner can stop; it need not wait for a place to do so.
    return Step(wanted) if holding.state is State.DISPATCHED else _dispatch(wanted)


def _pause(holding: Holding, at: float) -> Step:
    wanted = replace(holding, pause=True, resuming=False)
    if holding.state is State.HELD:
        return Step(wanted, (TellHolder(),))
    untouched = holding.state is State.DISPATCHED and not holding.runner and not holding.open_work
    return _park(replace(wanted, news=True)) if untouched else Step(wanted)


def _resume(holding: Holding, at: float) -> Step:
    if not holding.pause:
        return Step(holding, refusal="The run is not paused.")
    going = replace(holding, pause=False)
    if holding.state is State.HELD:
        return Step(going, (TellHolder(),))
    waits_for_more = holding.state is State.PARKED and not holding.news
    return _wake(replace(going, resuming=not waits_for_more))


# ----------------------------------------------------------------------------------------------------------------- end


def end(holding: Holding, status: h.Status, message: str, at: float) -> Step:
    """The ledger itself ends the run, whoever holds it (superseded while queued, its pipeline cannot be read)."""
    if holding.state is State.ENDED:
        return Step(holding, refusal="The run has ended.")
    event = h.RunEnded(seq=holding.own_seq + 1, at=at, status=status, message=message)
    step = _over(replace(holding, own_seq=event.seq), status, message)
    told: tuple[Effect, ...] = (TellHolder(),) if holding.state is State.HELD else ()
    return replace(step, effects=step.effects + told, accepted=(h.Recorded(attempt=LEDGER, event=event),))


def _over(holding: Holding, status: h.Status, message: str) -> Step:
    place: tuple[Effect, ...] = (FreePlace(),) if holding.state in PLACED else ()
    timer: tuple[Effect, ...] = (CancelTimer(),) if holding.due_at is not None else ()
    ended = replace(
        holding, state=State.ENDED, runner="", take_id="", pause=False, resuming=False, news=False, due_at=None
    )
    return Step(ended, (Over(status, message), *place, *timer))


def dead_lettered(holding: Holding, dispatch: int | None, reason: str, at: float) -> Step:
    """The run's message is dead: that fails the run if it waits for this one. None: its number cannot be read."""
    if holding.state is not State.DISPATCHED or dispatch not in (None, holding.dispatch):
        return Step(holding)
    if holding.cancel:
        return end(holding, h.Status.CANCELED, CANCELED, at)
    return end(holding, h.Status.FAILED, f"No runner could read the run's message: {reason}", at)


def shown(holding: Holding, folded: h.Status) -> h.Status:
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


__all__ = [
    "DEATHS_ALLOWED",
    "FENCE_STEP",
    "LEDGER",
    "QUIET_S",
    "CancelTimer",
    "Cut",
    "Dispatch",
    "Effect",
    "Enqueue",
    "FreePlace",
    "Granted",
    "Holding",
    "Intent",
    "Over",
    "SetTimer",
    "State",
    "Step",
    "TakeDecision",
    "TellHolder",
    "admit",
    "answer",
    "dead_lettered",
    "due",
    "end",
    "expire",
    "from_json",
    "held",
    "intend",
    "keep",
    "overdue",
    "redispatch_all",
    "regain",
    "release",
    "report",
    "resend",
    "shown",
    "take",
    "to_json",
    "verdict",
]
