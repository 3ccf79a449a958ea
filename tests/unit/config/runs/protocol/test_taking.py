from __future__ import annotations

from dataclasses import replace

import pytest

from services.config.runs import protocol as p
from shared.contracts.runs import Directive, Held, HeldRun
from tests.unit.config.runs.protocol.moves import (
    AT,
    ask,
    dispatched,
    held,
    kinds,
    parked,
    queued,
    report,
    waiting,
    with_leave,
)


def test_admission_gives_a_start_and_sends_the_first_message() -> None:
    step = p.admit(queued(), 7)
    assert step.holding.state is p.State.DISPATCHED
    assert step.holding.start == 7
    assert step.effects == (p.Dispatch(1),)


def test_a_second_admission_keeps_the_start() -> None:
    woken = p.answer(waiting(), "Deploy", "Ask", {}, AT).holding
    assert p.admit(woken, 99).holding.start == 7


def test_only_a_queued_run_is_admitted() -> None:
    step = p.admit(held(), 8)
    assert step.holding == held()
    assert step.refusal


def test_the_first_take_of_a_dispatch_owns_it() -> None:
    before = dispatched()
    after, decision = p.take(before, ask(before))
    assert after.state is p.State.HELD
    assert (decision.taken, decision.attempt, decision.verdict) == (True, 1, Directive.GO)
    assert decision.start_number == 7 * p.FENCE_STEP + 1


def test_the_same_take_again_gets_the_same_answer() -> None:
    before = dispatched()
    after, first = p.take(before, ask(before))
    again, second = p.take(after, ask(before))
    assert second == first
    assert again == after


def test_the_same_take_after_its_lease_holds_again_and_costs_no_death() -> None:
    before = dispatched()
    after, first = p.take(before, ask(before))
    given_up = p.expire(after, 1.0).holding
    again, second = p.take(given_up, ask(before))
    assert second == first
    assert (again.state, again.deaths) == (p.State.HELD, 0)
    # The dispatch that followed the end of the lease is for nobody, and the take may be asked a third time.
    assert not p.take(again, ask(given_up, "r2", "t2"))[1].taken
    assert p.take(again, ask(before)) == (again, first)


def test_the_same_take_after_another_one_is_told_to_drop() -> None:
    before = dispatched()
    given_up = p.expire(p.take(before, ask(before))[0], 1.0).holding
    after, _ = p.take(given_up, ask(given_up, "r2", "t2"))
    same, decision = p.take(after, ask(before))
    assert not decision.taken and same == after


@pytest.mark.parametrize(("runner", "take_id"), [("r2", "t2"), ("r1", "t2"), ("r2", "t1")])
def test_any_other_take_of_a_taken_dispatch_is_told_to_drop(runner: str, take_id: str) -> None:
    before = dispatched()
    after, _ = p.take(before, ask(before))
    same, decision = p.take(after, ask(before, runner, take_id))
    assert not decision.taken
    assert "was taken by r1" in decision.reason
    assert same == after


@pytest.mark.parametrize("state", [p.State.QUEUED, p.State.PARKED, p.State.ENDED])
def test_a_run_that_waits_for_no_runner_is_not_taken(state: p.State) -> None:
    holding = replace(dispatched(), state=state)
    same, decision = p.take(holding, ask(holding))
    assert not decision.taken
    assert decision.reason == f"The run is {state}."
    assert same == holding


@pytest.mark.parametrize("dispatch", [1, 3])
def test_only_the_newest_dispatch_is_taken(dispatch: int) -> None:
    holding = p.expire(held(), AT).holding
    assert holding.dispatch == 2
    assert not p.take(holding, ask(holding, dispatch=dispatch))[1].taken


def test_a_take_cuts_off_what_the_predecessor_says_later() -> None:
    after = held(p.expire(with_leave(), AT).holding, "r2")
    assert after.cuts == (p.AttemptCutoff(attempt=1, last_seq=1),)
    assert (after.attempt, after.accepted_seq) == (2, 0)


def test_the_taker_hears_at_once_that_the_run_is_to_be_cancelled() -> None:
    lost = p.expire(with_leave(), AT).holding
    cancelled = p.intend(lost, p.Intent.CANCEL, AT).holding
    assert p.take(cancelled, ask(cancelled, "r2"))[1].verdict is Directive.CANCEL


def test_each_start_is_above_all_earlier_ones_whatever_their_attempts() -> None:
    older = replace(queued(), start=7, attempt=40)
    newer = replace(queued(), start=8, attempt=1)
    assert newer.start_number > older.start_number
    assert replace(older, attempt=41).start_number > older.start_number


def test_held_answers_for_every_pair_that_was_listed() -> None:
    mine = held()
    pairs = (
        HeldRun(execution_id="e1", attempt=1),
        HeldRun(execution_id="gone", attempt=1),
    )
    answer = p.held({"e1": mine}, Held(runner="r1", holds=pairs))
    assert answer.verdicts == {"e1": Directive.GO, "gone": Directive.FENCED}


@pytest.mark.parametrize(("runner", "attempt"), [("r2", 1), ("r1", 2), ("r1", 0)])
def test_whoever_is_not_the_holder_is_fenced(runner: str, attempt: int) -> None:
    assert p.verdict(held(), runner, attempt) is Directive.FENCED


def test_a_resend_has_a_new_number_so_that_a_take_tells_which_message_came() -> None:
    again = p.resend(dispatched())
    assert again.effects == (p.Dispatch(2),)
    assert not p.take(again.holding, ask(again.holding, dispatch=1))[1].taken
    assert p.resend(held()) == p.Transition(held())


def test_what_was_overtaken_is_sent_again() -> None:
    untaken = [("old", 100.0), ("new", 150.0)]
    assert p.overdue(untaken, newest_taken_sent_at=140.0, last_take_at=160.0, now=161.0) == ("old",)


def test_a_long_queue_is_not_sent_again() -> None:
    untaken = [(f"e{n}", 100.0 + n) for n in range(500)]
    assert p.overdue(untaken, newest_taken_sent_at=99.0, last_take_at=699.0, now=700.0) == ()


def test_when_nothing_is_taken_for_a_while_the_oldest_is_sent_as_a_probe() -> None:
    untaken = [("b", 120.0), ("a", 100.0)]
    assert p.overdue(untaken, newest_taken_sent_at=90.0, last_take_at=95.0, now=101.0 + p.QUIET_S) == ("a",)


def test_a_dead_message_fails_the_run_that_waits_for_it() -> None:
    step = p.dead_lettered(dispatched(), 1, "bad JSON", AT)
    assert step.holding.state is p.State.ENDED
    assert kinds(step) == [p.AnnounceRunEnd, p.FreeSlot]
    assert "bad JSON" in str(step.effects[0])


def test_a_dead_message_that_cannot_name_its_number_counts_as_the_newest() -> None:
    assert p.dead_lettered(dispatched(), None, "bad JSON", AT).holding.state is p.State.ENDED


@pytest.mark.parametrize("holding", [held(), waiting(), p.expire(held(), AT).holding])
def test_a_dead_message_that_nobody_waits_for_changes_nothing(holding: p.RunClaim) -> None:
    assert p.dead_lettered(holding, 1, "bad JSON", AT) == p.Transition(holding)


def test_a_holding_survives_its_row() -> None:
    cut = held(p.expire(with_leave(), AT).holding, "r2")
    paused = p.intend(cut, p.Intent.PAUSE, AT).holding
    stopped = report(paused, parked(1, "paused", due_at=2_000.5))[0].holding
    for holding in (queued(), dispatched(), cut, paused, stopped):
        assert p.from_json(p.to_json(holding)) == holding


def test_a_row_of_a_newer_version_is_read() -> None:
    assert p.from_json('{"execution_id":"e1","cuts":[],"grants":[],"later":1}') == queued()
