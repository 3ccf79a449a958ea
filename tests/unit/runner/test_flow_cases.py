"""Every sentence of flow and control as a case of a whole run."""

from __future__ import annotations

from typing import Any

import pytest

from shared.contracts import history as h
from shared.contracts.runs import Directive

from .conftest import do, pipeline
from .play import START, Play


def rollback(name: str = "Undo", **place: str) -> dict[str, Any]:
    return {"name": name, "inputs": {"tag": "1.4.0"}, **place}


def test_stages_run_in_order_and_tasks_in_order_or_in_parallel() -> None:
    run = Play(pipeline([[("A", do(takes_s=5))], [("B", do(takes_s=9)), ("C", do(takes_s=1))]], [[("D", do())]])).go()
    assert run.began == ["A", "B", "C", "D"]
    state = run.state
    assert state.task("S0", "B").started_at == state.task("S0", "C").started_at == START + 5
    assert state.task("S1", "D").started_at == START + 14
    assert state.message == "Execution Completed."
    assert state.stages["S0"].message == "stage S0 Execution Completed."


def test_while_it_runs_the_message_names_the_stage() -> None:
    run = Play(pipeline([[("A", do())]], [[("B", do(takes_s=60))]])).go(until_s=10)
    assert run.state.message == "Executing S1"


def test_a_failure_fails_stage_and_run_and_nothing_later_begins() -> None:
    run = Play(pipeline([[("A", do(fail=9, why="no disk"))], [("B", do())]], [[("C", do())]])).go()
    assert run.began == ["A"]
    assert (run.state.status, run.state.message) == ("FAILED", "S0.A: no disk")
    assert run.state.stages["S0"].message == "A: no disk"
    assert (run.status("B"), run.status("C")) == ("NOT_STARTED", "NOT_STARTED")


def test_an_ignored_failure_leaves_the_run_and_its_stage_completed() -> None:
    run = Play(pipeline([[("A", do(fail=9, ignoreFailure=True))], [("B", do())]])).go()
    assert (run.status("A"), run.status("B"), run.state.status) == ("FAILED", "COMPLETED", "COMPLETED")


def test_retries_wait_longer_each_time_and_the_last_failure_counts() -> None:
    retries = {"attempts": 3, "delaySeconds": 2, "backoff": 3}
    run = Play(pipeline([[("A", do(fail=9, why="no.", retries=retries))]])).go()
    found = run.state.task("S0", "A")
    assert [one.number for one in found.earlier] == [1, 2]
    assert found.try_number == 3
    assert found.try_started_at == START + 2 + 6
    assert run.state.message == "S0.A: no."


def test_a_retry_that_helps_completes_the_run() -> None:
    run = Play(pipeline([[("A", do(fail=1, retries={"attempts": 2}))], [("B", do())]])).go()
    assert (run.began, run.state.status) == (["A", "A", "B"], "COMPLETED")


@pytest.mark.parametrize(
    ("level", "message"),
    [
        ("task", "S0.A: The task took longer than its timeout of 2 minutes."),
        ("stage", "S0: The stage took longer than its timeout of 2 minutes."),
        ("run", "The run took longer than its timeout of 2 minutes."),
    ],
)
@pytest.mark.parametrize("undone", [False, True])
def test_a_timeout_ends_what_is_under_way_and_says_whose_it_was(level: str, message: str, undone: bool) -> None:
    tree = pipeline([[("A", do(takes_s=600, **({"timeoutMinutes": 2} if level == "task" else {})))], [("B", do())]])
    if level == "stage":
        tree["stages"]["S0"]["timeoutMinutes"] = 2
    if level == "run":
        tree["timeoutMinutes"] = 2
    if undone:
        tree["rollbacks"] = [rollback()]
    run = Play(tree).go()
    if undone:
        assert run.state.message == "Rolling back with Undo"
        run.rolled_back().go()
    assert run.now == START + 120
    assert (run.state.status, run.state.message) == ("FAILED", message)
    assert (run.status("A"), run.status("B")) == ("FAILED", "NOT_STARTED")


def test_outputs_of_the_pipeline_are_resolved_at_its_end_and_one_that_names_nothing_is_left_out() -> None:
    outputs = {"url": "https://${S0.A.output.host}/", "count": "${S0.A.output.n}", "none": "${S0.A.output.zzz}"}
    run = Play(pipeline([[("A", do(output={"host": "web.example.com", "n": 2}))]], output=outputs)).go()
    assert run.state.output == {"url": "https://web.example.com/", "count": 2}


# ------------------------------------------------------------------------------------------------------------ rollbacks


def test_a_failed_tasks_rollback_runs_before_the_run_ends_and_the_run_stays_failed() -> None:
    run = Play(pipeline([[("A", do(fail=9, why="no disk"))]], rollbacks=[rollback(stage="S0", task="A")])).go()
    assert run.parked
    assert run.began == ["A", "~Undo"]
    assert run.state.message == "Rolling back with Undo"
    run.rolled_back("S0", "A").go()
    assert (run.state.status, run.state.message) == ("FAILED", "S0.A: no disk")
    assert run.state.rollbacks["S0", "A"].status == "COMPLETED"


def test_rollbacks_of_task_stage_and_run_follow_each_other_in_that_order() -> None:
    rollbacks = [rollback("Undo run"), rollback("Undo stage", stage="S0"), rollback("Undo task", stage="S0", task="A")]
    run = Play(pipeline([[("A", do(fail=9, why="x"))]], [[("B", do())]], rollbacks=rollbacks)).go()
    assert run.began == ["A", "~Undo task"]
    run.rolled_back("S0", "A").go()
    assert run.began[2:] == ["~Undo stage"]
    assert run.state.stages["S0"].status == "FAILED"
    run.rolled_back("S0").go()
    assert run.began[3:] == ["~Undo run"]
    run.rolled_back().go()
    assert (run.state.status, run.state.message) == ("FAILED", "S0.A: x")


def test_a_rollback_belongs_to_its_own_place_alone() -> None:
    rollbacks = [rollback(stage="S1"), rollback(stage="S0", task="B")]
    run = Play(pipeline([[("A", do(fail=9))], [("B", do())]], [[("C", do())]], rollbacks=rollbacks)).go()
    assert run.began == ["A"]
    assert run.state.status == "FAILED"


def test_a_task_is_rolled_back_only_when_its_last_try_has_failed() -> None:
    task = do(fail=1, retries={"attempts": 2})
    run = Play(pipeline([[("A", task)]], rollbacks=[rollback(stage="S0", task="A")])).go()
    assert (run.began, run.state.status) == (["A", "A"], "COMPLETED")


def test_an_ignored_failure_is_rolled_back_before_the_run_goes_on() -> None:
    tree = pipeline(
        [[("A", do(fail=9, ignoreFailure=True))], [("B", do())]], rollbacks=[rollback(stage="S0", task="A")]
    )
    run = Play(tree).go()
    assert run.began == ["A", "~Undo"]
    run.rolled_back("S0", "A").go()
    assert (run.began, run.state.status) == (["A", "~Undo", "B"], "COMPLETED")


def test_all_failed_tasks_of_a_group_are_rolled_back_side_by_side() -> None:
    rollbacks = [rollback("Undo A", stage="S0", task="A"), rollback("Undo B", stage="S0", task="B")]
    run = Play(pipeline([[("A", do(fail=9)), ("B", do(fail=9))]], rollbacks=rollbacks)).go()
    assert run.began == ["A", "B", "~Undo A", "~Undo B"]
    assert not run.rolled_back("S0", "A").go().state.status.ended
    assert run.rolled_back("S0", "B").go().state.status == "FAILED"


def test_a_rollback_that_fails_is_told_in_the_runs_message() -> None:
    run = Play(pipeline([[("A", do(fail=9, why="no disk."))]], rollbacks=[rollback()])).go()
    run.rolled_back(status="FAILED", message="Back.Apply: Forbidden").go()
    assert run.state.message == "S0.A: no disk. Rollback with Undo failed: Back.Apply: Forbidden"


def test_a_cancelled_run_is_not_rolled_back() -> None:
    run = Play(pipeline([[("A", do(takes_s=600))]], rollbacks=[rollback(), rollback(stage="S0")])).go(until_s=10)
    run.verdict = Directive.CANCEL
    run.go()
    assert (run.began, run.state.status, run.state.message) == (["A"], "CANCELED", "Execution Canceled.")


def test_a_pause_holds_a_rollback_back_until_it_is_over() -> None:
    run = Play(pipeline([[("A", do(takes_s=5, fail=9))]], rollbacks=[rollback()])).go(until_s=1)
    run.verdict = Directive.PAUSE
    run.go()
    assert run.parked
    assert run.began == ["A"]
    run.verdict = Directive.GO
    assert run.go().began == ["A", "~Undo"]


# ------------------------------------------------------------------------ control, people, what is restricted


def test_a_pause_lets_what_runs_end_and_resume_goes_on() -> None:
    run = Play(pipeline([[("A", do(takes_s=5))], [("B", do())]])).go(until_s=1)
    run.verdict = Directive.PAUSE
    run.go()
    assert (run.parked, run.began, run.status("A")) == (True, ["A"], "COMPLETED")
    run.verdict = Directive.GO
    assert run.go().began == ["A", "B"]


def test_cancel_ends_running_and_waiting_tasks_alike() -> None:
    run = Play(pipeline([[("A", do(takes_s=600)), ("B", do(ask="deploy?"))], [("C", do())]])).go(until_s=1)
    run.verdict = Directive.CANCEL
    run.go()
    assert [run.status(task) for task in "ABC"] == ["CANCELED", "CANCELED", "NOT_STARTED"]


def test_an_approval_parks_the_run_and_its_answer_goes_on() -> None:
    run = Play(pipeline([[("A", do(ask="deploy?"))], [("B", do(who="${S0.A.output.by}"))]])).go()
    assert (run.parked, run.status("A"), run.state.message) == (True, "WAITING", "S0.A: Waits")
    run.answer("S0", "A", status="Approved", by="grace").go()
    assert run.given("B")["who"] == "grace"


def test_a_rejection_fails_the_run_and_names_who_said_no() -> None:
    run = Play(pipeline([[("A", do(ask="deploy?"))], [("B", do())]])).go()
    run.answer("S0", "A", status="Rejected", by="grace").go()
    assert (run.state.status, run.state.message) == ("FAILED", "S0.A: Rejected by grace")


def test_nobody_answering_before_the_deadline_fails_the_run() -> None:
    run = Play(pipeline([[("A", do(ask="deploy?", expires_s=3600))]])).go()
    assert run.state.parked is not None
    assert run.state.parked.due_at == START + 3600
    run.now = START + 3600
    run.go()
    assert run.state.message == "S0.A: Nobody answered before it expired."


def test_a_nested_runs_end_counts_for_the_try_that_started_it() -> None:
    task = do(ask="child-1", nested=True, retries={"attempts": 2, "delaySeconds": 0})
    run = Play(pipeline([[("A", task)]])).go()
    run.answer("S0", "A", executionId="child-1", executionStatus="FAILED")
    tree = run.plan.task("S0", "A").input
    tree["ask"] = "child-2"
    run.go()
    assert (run.began, run.parked) == (["A", "A"], True)
    assert run.answer("S0", "A", executionId="child-2", executionStatus="COMPLETED").go().state.status == "COMPLETED"


def test_what_is_restricted_waits_for_an_administrator_and_then_runs() -> None:
    task = do() | {"endpoints": {"kubernetesServer": "prod"}}
    run = Play(pipeline([[("A", do())], [("B", task)]]), restricted="prod").go()
    assert (run.parked, run.began, run.status("B")) == (True, ["A"], "WAITING")
    run.answer("S0", "B", cleared=True, by="root").go()
    assert (run.began, run.state.status) == (["A", "B"], "COMPLETED")


def test_a_restricted_task_that_is_skipped_waits_for_nobody() -> None:
    task = do(preCondition="false") | {"endpoints": {"kubernetesServer": "prod"}}
    assert Play(pipeline([[("B", task)]]), restricted="prod").go().status("B") == "SKIPPED"


def test_a_rerun_goes_on_where_the_other_run_failed_with_its_outputs() -> None:
    run = Play(pipeline([[("A", do()), ("B", do())], [("C", do(who="${S0.A.output.name}"))]], [[("D", do())]]))
    for task in ("A", "B"):
        kept = {"stage": "S0", "task": task, "status": h.Status.COMPLETED, "started_at": 1.0, "ended_at": 2.0}
        run.note(h.TaskKept, **kept, output=h.Output(view={"name": "web"}), execution_id="e0")
    assert run.state.status == "NOT_STARTED"
    run.go()
    assert (run.began, run.state.status) == (["C", "D"], "COMPLETED")
    assert run.given("C")["who"] == "web"
    assert run.state.task("S0", "A").kept_from == "e0"


def test_a_kept_failure_that_is_ignored_is_neither_tried_again_nor_rolled_back() -> None:
    task = do(ignoreFailure=True, retries={"attempts": 3})
    run = Play(pipeline([[("A", task)], [("B", do())]], rollbacks=[rollback(stage="S0", task="A")]))
    run.note(h.TaskKept, stage="S0", task="A", status=h.Status.FAILED, execution_id="e0").go()
    assert (run.began, run.state.status) == (["B"], "COMPLETED")
