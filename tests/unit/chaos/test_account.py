"""The account of `make chaos` finds what it is there to find."""

from __future__ import annotations

from typing import Any

from tests.chaos.account import Account, Pushed, Write, reckon
from tests.chaos.quiet import Quiet

Json = dict[str, Any]
A, B = (Pushed("acme/web", tag, f"sha256:{tag}", 202) for tag in ("a", "b"))


def event(push: Pushed, verdict: str = "started") -> Json:
    return {"tag": push.tag, "verdict": verdict}


def run(push: Pushed, status: str = "COMPLETED", message: str = "") -> Json:
    return {
        "name": "Deploy",
        "index": 1,
        "input": {"DOCKER_TAG": push.tag},
        "status": status,
        "statusMessage": message,
    }


def write(push: Pushed, start: int) -> Write:
    return Write(push.repository, push.images[0], start)


def account(**change: Any) -> Account:
    """Two pushes, both run in order; a test changes one thing."""
    whole: dict[str, Any] = {
        "pushes": [A, B],
        "events": [event(A), event(B)],
        "executions": [run(A), run(B)],
        "writes": [write(A, 1), write(B, 2)],
        "told": ["a", "b"],
        "running": {"acme/web": B.images[0]},
        "kills": {},
    }
    return reckon(**whole | change)


def test_an_account_without_faults_is_clean() -> None:
    found = account()
    assert found.clean
    assert (found.accepted, found.executed) == (2, 2)


def test_an_accepted_hook_without_event_or_end_is_lost() -> None:
    assert account(events=[event(B)], executions=[run(B)]).lost == 1
    assert account(executions=[run(A, "RUNNING"), run(B)]).lost == 1
    assert account(executions=[run(A, "FAILED", "no disk"), run(B)]).lost == 1
    assert account(events=[event(A, "waiting for the registry"), event(B)], executions=[run(B)]).lost == 1


def test_a_run_that_waits_its_turn_is_counted_apart_from_what_is_lost() -> None:
    waits = {**run(B, "WAITING"), "_queuePosition": 3}
    reckoned = account(executions=[run(A), waits], told=["a"], running={"acme/web": A.images[0]})
    assert (reckoned.waiting, reckoned.lost, reckoned.clean) == (1, 0, False)
    assert account(executions=[run(A), run(B, "WAITING")], told=["a"]).lost == 1


def test_runs_are_waited_for_while_any_of_them_ends() -> None:
    quiet = Quiet(0.0)
    for ended in range(10):
        quiet.look(ended * 100.0, pending=10 - ended, progress=(10, ended))
        assert not quiet.is_over(ended * 100.0 + 99)
    quiet.look(1_000.0, pending=0, progress=(10, 10))
    assert (quiet.is_over(1_001.0), quiet.is_over(1_004.0)) == (False, True)


def test_what_does_not_move_is_not_waited_for_for_ever() -> None:
    quiet = Quiet(0.0)
    for at in range(0, 200, 10):
        quiet.look(at, pending=1, progress=(10, 9))
    assert (quiet.is_over(170.0), quiet.is_over(190.0)) == (False, True)


def test_a_run_that_ended_without_its_effects_is_lost() -> None:
    assert account(told=["b"]).lost == 1
    assert account(writes=[write(B, 2)]).lost == 1


def test_two_runs_or_two_calls_for_one_push_are_doubled() -> None:
    assert account(executions=[run(A), run(A), run(B)]).doubled == 1
    assert account(told=["a", "a", "b"]).doubled == 1


def test_an_image_that_comes_back_is_doubled_and_an_older_start_is_out_of_order() -> None:
    found = account(writes=[write(A, 1), write(B, 2), write(A, 1), write(B, 2)])
    assert (found.doubled, found.disordered, found.clean) == (2, 1, False)


def test_the_same_image_again_by_a_later_holder_is_no_second_effect() -> None:
    assert account(writes=[write(A, 1), write(A, 2), write(B, 3)]).clean


def test_the_cluster_must_run_the_image_of_the_last_push() -> None:
    assert account(running={"acme/web": A.images[0]}).wrong == 1


def test_a_push_that_was_not_looked_up_in_time_runs_by_its_tag_alone() -> None:
    by_tag = Write(B.repository, "acme/web:b", 2)
    assert account(writes=[write(A, 1), by_tag], running={"acme/web": "acme/web:b"}).clean
    assert account(writes=[write(A, 1), Write(B.repository, "acme/web:b@sha256:other", 2)]).lost == 1


def test_replaced_uncertain_and_refused_pushes_are_counted_and_no_fault() -> None:
    found = account(
        executions=[run(A, "CANCELED", "Superseded by #2 before it started."), run(B)],
        told=["b"],
        writes=[write(B, 2)],
    )
    assert (found.superseded, found.clean) == (1, True)
    message = "Announce.Once: The runner stopped while the task was on its way, so it may have run."
    found = account(executions=[run(A, "FAILED", message), run(B)])
    assert (found.uncertain, found.clean) == (1, True)
    refused = Pushed("acme/web", "c", "sha256:c", 0)
    found = account(pushes=[A, B, refused])
    assert (found.refused, found.accepted, found.clean) == (1, 2, True)
