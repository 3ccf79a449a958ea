from __future__ import annotations

from dataclasses import replace

import pytest

from services.config.runs import protocol as p
from shared.contracts.history import RunEnded, Status
from shared.contracts.runs import Directive
from tests.unit.config.runs.protocol.moves import (
    AT,
    dispatched,
    held,
    kinds,
    parked,
    queued,
    report,
    says,
    started,
    waiting,
    with_leave,
)

CANCEL, PAUSE, RESUME = p.Intent.CANCEL, p.Intent.PAUSE, p.Intent.RESUME


def lost() -> p.RunClaim:
    """Its lease has ended in the middle of a task."""
    return p.expire(with_leave(), AT).holding


def test_a_lease_that_ends_sends_the_run_to_another_runner() -> None:
    step = p.expire(held(), AT)
    assert step.holding.state is p.State.DISPATCHED
    assert step.effects == (p.Dispatch(2),)


@pytest.mark.parametrize("holding", [queued(), dispatched(), waiting()])
def test_only_a_held_run_has_a_lease(holding: p.RunClaim) -> None:
    assert p.expire(holding, AT) == p.Transition(holding)


def test_three_deaths_without_progress_fail_the_run_and_name_the_task() -> None:
    holding = held()
    for runner in ("r2", "r3"):
        begun = report(holding, started(1))[0].holding
        holding = held(p.expire(begun, AT).holding, runner)
    step = p.expire(holding, AT)
    assert step.effects[0] == p.AnnounceRunEnd(Status.FAILED, "The runner died three times in Deploy.Apply.")
    assert p.FreeSlot() in step.effects
    assert says(step) == [(p.LEDGER, 1, "run.ended")]


def test_a_cancelled_run_whose_runners_die_ends_as_cancelled() -> None:
    holding = replace(p.intend(with_leave(), CANCEL, AT).holding, deaths=2)
    assert p.expire(holding, AT).effects[0] == p.AnnounceRunEnd(Status.CANCELED, p.CANCELED)


def test_a_release_is_no_death_and_sends_the_run_on() -> None:
    step = p.release(held(), "r1", 1, AT)
    assert (step.holding.state, step.holding.deaths) == (p.State.DISPATCHED, 0)
    assert step.effects == (p.Dispatch(2),)
    assert p.verdict(step.holding, "r1", 1) is Directive.FENCED


def test_a_release_by_somebody_else_changes_nothing() -> None:
    successor = held(lost(), "r2")
    assert p.release(successor, "r1", 1, AT) == p.Transition(successor)


def test_a_release_said_twice_counts_once() -> None:
    once = p.release(held(), "r1", 1, AT).holding
    assert p.release(once, "r1", 1, AT) == p.Transition(once)


@pytest.mark.parametrize("holding", [queued(), dispatched(), waiting(), waiting(due_at=2_000.0)])
def test_a_cancel_of_a_run_that_nobody_holds_ends_it_at_once(holding: p.RunClaim) -> None:
    step = p.intend(holding, CANCEL, AT)
    assert step.holding.state is p.State.ENDED
    assert step.effects[0] == p.AnnounceRunEnd(Status.CANCELED, p.CANCELED)
    assert isinstance(step.accepted[-1].event, RunEnded)
    assert (p.FreeSlot() in step.effects) == (holding.state is p.State.DISPATCHED)
    assert (p.CancelTimer() in step.effects) == (holding.due_at is not None)


def test_a_cancel_of_a_held_run_is_told_to_its_holder() -> None:
    step = p.intend(held(), CANCEL, AT)
    assert step.effects == (p.NotifyRunner(),)
    assert p.verdict(step.holding, "r1", 1) is Directive.CANCEL


def test_a_cancel_waits_for_a_runner_only_where_something_goes_on_outside() -> None:
    step = p.intend(lost(), CANCEL, AT)
    assert step.holding.state is p.State.DISPATCHED
    assert not step.effects


def test_a_cancelled_parked_run_with_work_outside_needs_no_place_to_be_cleaned_up() -> None:
    parent = replace(waiting(), grants=(p.Permit("Deploy", "Child", 1, attempt=1, seq=1),))
    assert p.intend(parent, CANCEL, AT).effects == (p.Dispatch(2),)


@pytest.mark.parametrize("reason", ["waiting", "paused"])
def test_a_cancel_that_comes_while_the_holder_parks_takes_effect(reason: str) -> None:
    cancelled = p.intend(held(), CANCEL, AT).holding
    step, _ = report(cancelled, parked(1, "paused" if reason == "paused" else "waiting"))
    assert step.holding.state is p.State.ENDED
    assert says(step) == [(1, 1, "run.parked"), (p.LEDGER, 1, "run.ended")]


def test_a_cancel_that_comes_while_the_holder_lets_go_takes_effect() -> None:
    assert p.release(p.intend(held(), CANCEL, AT).holding, "r1", 1, AT).holding.state is p.State.ENDED
    assert p.expire(p.intend(held(), CANCEL, AT).holding, AT).holding.state is p.State.ENDED


def test_an_answer_wakes_a_parked_run() -> None:
    step = p.answer(waiting(due_at=2_000.0), "Deploy", "Ask", {"approved": True}, AT, try_number=1)
    assert step.holding.state is p.State.QUEUED
    assert step.effects == (p.CancelTimer(), p.Enqueue())
    assert says(step) == [(p.LEDGER, 1, "task.answered")]


def test_an_answer_that_comes_before_the_park_is_not_lost() -> None:
    told = p.answer(held(), "Deploy", "Ask", {}, AT).holding
    step, _ = report(told, parked(1))
    assert step.effects == (p.Dispatch(2),)
    assert step.holding.state is p.State.DISPATCHED


def test_an_answer_that_the_holder_has_seen_does_not_wake_it_twice() -> None:
    told = held(p.expire(p.answer(held(), "Deploy", "Ask", {}, AT).holding, AT).holding, "r2")
    assert report(told, parked(1))[0].holding.state is p.State.PARKED


def test_the_ledgers_own_events_are_numbered_by_themselves() -> None:
    one = p.answer(held(), "Deploy", "A", {}, AT)
    two = p.answer(one.holding, "Deploy", "B", {}, AT)
    assert says(one) + says(two) == [(0, 1, "task.answered"), (0, 2, "task.answered")]


def test_a_timer_wakes_a_run_that_is_due() -> None:
    assert p.due(waiting(due_at=2_000.0), 2_000.0).effects == (p.Enqueue(),)


def test_a_timer_that_fires_early_is_set_again() -> None:
    assert p.due(waiting(due_at=2_000.0), 1_999.0).effects == (p.SetTimer(2_000.0),)


@pytest.mark.parametrize("holding", [queued(), dispatched(), held(), waiting()])
def test_a_timer_of_a_run_that_waits_for_no_time_does_nothing(holding: p.RunClaim) -> None:
    assert p.due(holding, 9_999.0) == p.Transition(holding)


def test_a_pause_reaches_the_holder_and_a_resume_before_it_parks_undoes_it() -> None:
    paused = p.intend(held(), PAUSE, AT)
    assert paused.effects == (p.NotifyRunner(),)
    resumed = p.intend(paused.holding, RESUME, AT)
    assert resumed.effects == (p.NotifyRunner(),)
    assert report(resumed.holding, parked(1, "paused"))[0].effects == (p.Dispatch(2),)


def test_a_paused_run_waits_for_its_resume_and_then_for_a_place() -> None:
    stopped = report(p.intend(held(), PAUSE, AT).holding, parked(1, "paused"))[0].holding
    assert stopped.state is p.State.PARKED
    step = p.intend(stopped, RESUME, AT)
    assert step.effects == (p.Enqueue(),)
    assert p.admit(step.holding, 99).effects == (p.Dispatch(2),)


def test_an_answer_or_a_time_does_not_break_a_pause() -> None:
    paused = p.intend(waiting(due_at=2_000.0), PAUSE, AT).holding
    for step in (p.answer(paused, "Deploy", "Ask", {}, AT), p.due(paused, 2_000.0)):
        assert step.holding.state is p.State.PARKED
        assert p.intend(step.holding, RESUME, AT).holding.state is p.State.QUEUED


def test_a_resume_of_a_run_that_still_waits_leaves_it_waiting() -> None:
    paused = p.intend(waiting(due_at=2_000.0), PAUSE, AT).holding
    step = p.intend(paused, RESUME, AT)
    assert (step.holding.state, step.holding.due_at) == (p.State.PARKED, 2_000.0)
    assert p.shown(step.holding, Status.WAITING) is Status.WAITING


def test_a_run_that_nobody_has_taken_is_paused_at_once() -> None:
    step = p.intend(dispatched(), PAUSE, AT)
    assert step.holding.state is p.State.PARKED
    assert step.effects == (p.FreeSlot(),)
    assert p.intend(step.holding, RESUME, AT).effects == (p.Enqueue(),)


def test_a_queued_run_that_is_paused_takes_no_place() -> None:
    paused = p.intend(queued(), PAUSE, AT).holding
    step = p.admit(paused, 7)
    assert step.holding.state is p.State.PARKED
    assert step.effects == (p.FreeSlot(),)


def test_a_paused_run_that_is_released_in_the_middle_of_a_task_gets_another_holder() -> None:
    paused = p.intend(with_leave(), PAUSE, AT).holding
    assert p.release(paused, "r1", 1, AT).effects == (p.Dispatch(2),)
    calm = p.intend(held(), PAUSE, AT).holding
    assert p.release(calm, "r1", 1, AT).holding.state is p.State.PARKED


@pytest.mark.parametrize(
    ("holding", "intent", "refusal"),
    [
        (report(held(), RunEnded(seq=1, at=AT, status=Status.FAILED))[0].holding, CANCEL, "The run has ended."),
        (p.intend(held(), CANCEL, AT).holding, PAUSE, "The run is being cancelled."),
        (p.intend(held(), CANCEL, AT).holding, CANCEL, ""),
        (held(), RESUME, "The run is not paused."),
    ],
)
def test_intents_that_cannot_be_change_nothing_and_say_why(holding: p.RunClaim, intent: p.Intent, refusal: str) -> None:
    assert p.intend(holding, intent, AT) == p.Transition(holding, refusal=refusal)


def test_the_ledger_can_end_any_run_once() -> None:
    step = p.end(held(), Status.CANCELED, "superseded by #8", AT)
    assert kinds(step) == [p.AnnounceRunEnd, p.FreeSlot, p.NotifyRunner]
    assert p.end(step.holding, Status.FAILED, "again", AT).refusal
    assert p.answer(step.holding, "Deploy", "Ask", {}, AT).refusal


@pytest.mark.parametrize(
    ("holding", "folded", "shown"),
    [
        (queued(), Status.NOT_STARTED, Status.WAITING),
        (held(), Status.RUNNING, Status.RUNNING),
        (p.intend(held(), CANCEL, AT).holding, Status.RUNNING, Status.CANCELING),
        (p.intend(held(), PAUSE, AT).holding, Status.RUNNING, Status.PAUSING),
        (p.intend(dispatched(), PAUSE, AT).holding, Status.RUNNING, Status.PAUSED),
        (p.intend(p.intend(dispatched(), PAUSE, AT).holding, RESUME, AT).holding, Status.RUNNING, Status.RESUMING),
        (waiting(), Status.RUNNING, Status.WAITING),
        (p.end(held(), Status.FAILED, "x", AT).holding, Status.FAILED, Status.FAILED),
    ],
)
def test_people_see_what_is_wanted_and_who_holds(holding: p.RunClaim, folded: Status, shown: Status) -> None:
    assert p.shown(holding, folded) is shown
