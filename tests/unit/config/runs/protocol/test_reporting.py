from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.config.runs import protocol as p
from shared.contracts.history import Event, RunStarted, Status, TaskHandle, TaskWaiting
from shared.contracts.runs import Directive
from tests.support.examples import share
from tests.unit.config.runs.protocol.moves import (
    AT,
    STAGE,
    ended,
    grant,
    held,
    kinds,
    over,
    parked,
    report,
    says,
    started,
    with_leave,
)


def test_events_are_accepted_in_order() -> None:
    step, answer = report(held(), started(1), ended(2))
    assert says(step) == [(1, 1, "task.started"), (1, 2, "task.ended")]
    assert (answer.verdict, answer.accepted_seq, answer.granted) == (Directive.GO, 2, False)


def test_known_events_are_passed_over() -> None:
    holding = report(held(), started(1))[0].holding
    step, answer = report(holding, started(1), ended(2))
    assert says(step) == [(1, 2, "task.ended")]
    assert answer.accepted_seq == 2


def test_after_a_gap_nothing_is_accepted() -> None:
    step, answer = report(held(), started(1), ended(3))
    assert says(step) == [(1, 1, "task.started")]
    assert answer.accepted_seq == 1


def test_a_grant_behind_a_gap_is_not_given() -> None:
    step, answer = report(held(), started(2), wants=grant())
    assert not answer.granted
    assert answer.accepted_seq == 0
    assert not step.holding.grants


@pytest.mark.parametrize(("attempt", "runner"), [(1, "r1"), (3, "r2"), (2, "r1")])
def test_whoever_is_not_the_holder_is_refused(attempt: int, runner: str) -> None:
    holding = held(p.expire(with_leave(), AT).holding, "r2")
    step, answer = report(holding, ended(2), attempt=attempt, runner=runner)
    assert step == p.Transition(holding)
    assert answer.verdict is Directive.FENCED
    assert answer.reason


def test_the_lease_that_ended_does_not_silence_a_holder_before_the_next_take() -> None:
    lost = p.expire(with_leave(), AT).holding
    step, answer = report(lost, ended(2))
    assert says(step) == [(1, 2, "task.ended")]
    assert answer.verdict is Directive.GO
    assert step.holding.state is p.State.HELD


def test_a_holder_that_is_heard_again_has_not_died() -> None:
    lost = p.expire(held(), AT).holding
    assert lost.deaths == 1
    back = p.regain(lost, "r1", 1).holding
    assert (back.state, back.deaths, back.dispatch) == (p.State.HELD, 0, 2)
    assert p.regain(lost, "r2", 1).holding == lost


def test_the_grant_is_the_durable_start() -> None:
    step, answer = report(held(), RunStarted(seq=1, at=AT), started(2), wants=grant())
    assert answer.granted
    assert says(step) == [(1, 1, "run.started"), (1, 2, "task.started")]
    assert step.holding.grants == (p.Permit(STAGE, "Apply", 1, attempt=1, seq=2),)


def test_a_grant_without_its_start_is_not_given() -> None:
    step, answer = report(held(), started(1, task="Other"), wants=grant())
    assert not answer.granted
    assert not step.holding.grants


def test_a_grant_whose_answer_was_lost_is_given_again() -> None:
    step, answer = report(with_leave(), started(1), wants=grant())
    assert answer.granted
    assert not step.accepted


@pytest.mark.parametrize(
    ("intent", "verdict"), [(p.Intent.PAUSE, Directive.PAUSE), (p.Intent.CANCEL, Directive.CANCEL)]
)
def test_a_grant_whose_answer_was_lost_still_counts_after_an_intent(intent: p.Intent, verdict: Directive) -> None:
    holding = p.intend(with_leave(), intent, AT).holding
    answer = report(holding, started(1), wants=grant())[1]
    assert (answer.granted, answer.verdict) == (True, verdict)


@pytest.mark.parametrize("intent", [p.Intent.PAUSE, p.Intent.CANCEL])
def test_nothing_new_is_granted_to_a_run_that_is_to_stop(intent: p.Intent) -> None:
    holding = p.intend(held(), intent, AT).holding
    step, answer = report(holding, started(1), wants=grant())
    assert not answer.granted
    assert not step.accepted
    assert not step.holding.grants


def test_the_number_of_a_refused_start_is_spent() -> None:
    paused = p.intend(held(), p.Intent.PAUSE, AT).holding
    refused, answer = report(paused, started(1), wants=grant())
    assert answer.accepted_seq == 1
    resumed = p.intend(refused.holding, p.Intent.RESUME, AT).holding
    late, again = report(resumed, started(1), wants=grant())
    assert (again.granted, again.verdict, again.reason) == (False, Directive.GO, "")
    assert not late.accepted
    anew = report(late.holding, started(2), wants=grant())[1]
    assert anew.granted


def test_a_successor_gets_no_second_grant_unless_the_try_may_repeat() -> None:
    successor = held(p.expire(with_leave(), AT).holding, "r2")
    step, answer = report(successor, started(1), wants=grant())
    assert (answer.granted, answer.verdict) == (False, Directive.GO)
    assert "may have run" in answer.reason
    assert not step.accepted
    assert report(successor, started(1), wants=grant(repeat=True))[1].granted


def test_the_reason_of_a_refusal_is_given_again_when_its_answer_was_lost() -> None:
    successor = held(p.expire(with_leave(), AT).holding, "r2")
    step, first = report(successor, started(1), wants=grant())
    assert report(step.holding, started(1), wants=grant())[1].reason == first.reason


def test_a_try_that_has_ended_is_never_granted_again() -> None:
    done = report(with_leave(), ended(2))[0].holding
    successor = held(p.expire(done, AT).holding, "r2")
    assert not report(successor, started(1), wants=grant(repeat=True))[1].granted
    assert report(successor, started(1, try_number=2), wants=grant(try_number=2))[1].granted


def test_the_same_attempt_asks_under_one_number_only() -> None:
    answer = report(with_leave(), started(2), wants=grant(repeat=True))[1]
    assert not answer.granted
    assert "by event 1" in answer.reason


def test_the_end_of_a_run_ends_everything() -> None:
    step, answer = report(held(), over(1), started(2))
    assert step.holding.state is p.State.ENDED
    assert step.effects == (p.AnnounceRunEnd(Status.COMPLETED, "Execution Completed."), p.FreeSlot())
    assert says(step) == [(1, 1, "run.ended")]
    assert answer.accepted_seq == 1


@pytest.mark.parametrize("last", [over(1), parked(1)])
def test_last_words_said_again_are_acknowledged(last: Event) -> None:
    holding = report(held(), last)[0].holding
    step, answer = report(holding, last, runner="r1")
    assert step == p.Transition(holding)
    assert (answer.verdict, answer.accepted_seq) == (Directive.GO, 1)
    assert report(holding, last, started(2), runner="r1")[1].verdict is Directive.FENCED


@pytest.mark.parametrize("reason", ["approval", "retry", "restricted"])
def test_a_wait_leaves_nothing_going_on_outside(reason: str) -> None:
    wait = TaskWaiting.model_validate({"seq": 2, "at": AT, "stage": STAGE, "task": "Apply", "reason": reason})
    assert not report(with_leave(), wait)[0].holding.open_work


def test_a_nested_run_goes_on_outside_while_its_parent_waits() -> None:
    wait = TaskWaiting(seq=2, at=AT, stage=STAGE, task="Apply", reason="nested")
    assert report(with_leave(), wait)[0].holding.open_work


def test_a_park_sets_its_timer_and_frees_the_place() -> None:
    step, _ = report(held(), parked(1, due_at=2_000.0))
    assert step.holding.state is p.State.PARKED
    assert step.effects == (p.FreeSlot(), p.SetTimer(2_000.0))


def test_only_what_ends_something_is_progress() -> None:
    tired = p.RunClaim(**{name: getattr(held(), name) for name in p.RunClaim.__slots__} | {"deaths": 2})
    handle = TaskHandle(seq=2, at=AT, stage=STAGE, task="Apply", handle={"job": "x"})
    busy = report(tired, started(1), handle)[0].holding
    assert busy.deaths == 2
    assert report(busy, ended(3))[0].holding.deaths == 0


EVENTS = (started(1), ended(2), started(3, "Check"), ended(4, "Check"), over(5))


@settings(max_examples=share(60), deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(1, 5)), max_size=25))
def test_the_history_is_the_same_whatever_comes_twice_late_or_out_of_order(slices: list[tuple[int, int]]) -> None:
    holding, history = held(), []
    for first, length in [*slices, (0, 5)]:
        step, _ = report(holding, *EVENTS[first : first + length], runner="r1")
        holding = step.holding
        history += [one.event for one in step.accepted]
    assert tuple(history) == EVENTS
    assert kinds(step) in ([], [p.AnnounceRunEnd, p.FreeSlot])
