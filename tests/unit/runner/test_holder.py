"""Whole runs through holder, run, reporter and the real protocol of the ledger, in memory."""

from __future__ import annotations

import json
import threading
import time

import pytest

from services.config.model.claims import Intent, State
from services.runner.engine import executor
from shared.contracts.history import Status, TaskStarted
from shared.contracts.runs import ResolvedVariable
from shared.contracts.texts import keepable
from shared.process.secrets import Opener, Sealer

from .conftest import Probe, Rig, do, pipeline, until
from .ledger import MemoryLedger


def over(ledger: MemoryLedger) -> bool:
    return ledger.holding.state is State.ENDED


def test_tasks_run_in_order_and_outputs_reach_later_tasks(rig: Rig) -> None:
    ledger = MemoryLedger(
        pipeline(
            [
                [("A", do(output={"n": 3}))],
                [("B", do(output={"seen": "${S0.A.output.n}", "text": "n=${S0.A.output.n}"}))],
            ],
            output={"result": "${S0.B.output.seen}"},
        )
    )
    rig.holder(ledger)
    until(lambda: over(ledger))
    state = ledger.state
    assert state.status is Status.COMPLETED
    assert state.message == "Execution Completed."
    assert state.task("S0", "B").output.view == {"seen": 3, "text": "n=3"}
    assert state.output == {"result": 3}
    assert rig.probe.starts == ["A", "B"]


def test_every_start_outside_is_on_record_before_it_happens(rig: Rig, probe: Probe) -> None:
    ledger = MemoryLedger(pipeline([[("A", do())], [("B", do()), ("C", do())]]))
    seen: list[bool] = []
    original = probe.start

    def start(asked):  # type: ignore[no-untyped-def]
        seen.append(any(task == asked.task for task, _ in ledger.started()))
        return original(asked)

    probe.start = start  # type: ignore[method-assign]
    rig.holder(ledger)
    until(lambda: over(ledger))
    assert seen == [True, True, True]


def test_pure_tasks_travel_together_in_one_report(rig: Rig) -> None:
    log = {"type": "Log", "input": {"message": "hello ${input.who}"}}
    ledger = MemoryLedger(pipeline([[("A", log)], [("B", log)], [("C", log)]]), inputs={"who": "ada"})
    rig.holder(ledger)
    until(lambda: over(ledger))
    assert len(ledger.reports) == 1
    until(lambda: len(ledger.lines) == 3)
    assert ledger.lines == ["hello ada"] * 3


def test_a_task_that_only_reads_is_on_record_while_it_reads_and_asks_no_leave(rig: Rig, probe: Probe) -> None:
    ledger = MemoryLedger(pipeline([[("A", do(effect="pure"))]]))
    probe.gate.clear()
    rig.holder(ledger)
    until(lambda: ledger.started() == [("A", 1)])
    probe.gate.set()
    until(lambda: over(ledger))
    assert [report.grant for report in ledger.reports] == [None] * len(ledger.reports)


@pytest.mark.parametrize(("wanted", "state"), [(Intent.CANCEL, State.ENDED), (Intent.PAUSE, State.PARKED)])
def test_an_intent_that_nobody_brought_reaches_a_run_that_only_reads(
    rig: Rig, probe: Probe, wanted: Intent, state: State
) -> None:
    ledger = MemoryLedger(pipeline([[("A", do(effect="pure"))], [("B", do(effect="pure", handle="h", for_ever=True))]]))
    probe.gate.clear()
    rig.holder(ledger)
    until(lambda: probe.starts == ["A"])
    ledger.intend(wanted)
    time.sleep(executor.HELD_EVERY_S + 0.2)
    probe.gate.set()
    until(lambda: ledger.holding.state is state)
    assert probe.starts == ["A"]


def test_a_failure_ends_stage_and_run_with_its_words(rig: Rig) -> None:
    ledger = MemoryLedger(pipeline([[("A", do(fail=9, why="no disk"))], [("B", do())]], [[("C", do())]]))
    rig.holder(ledger)
    until(lambda: over(ledger))
    assert ledger.state.status is Status.FAILED
    assert ledger.state.message == "S0.A: no disk"
    assert rig.probe.starts == ["A"]


def test_an_error_nobody_foresaw_fails_the_task_without_a_traceback(rig: Rig) -> None:
    ledger = MemoryLedger(pipeline([[("A", do(crash=True))]]))
    rig.holder(ledger)
    until(lambda: over(ledger))
    assert "ValueError: boom" in ledger.state.message
    assert "Traceback" not in ledger.state.message


def test_an_unresolvable_reference_fails_the_task_with_its_name_and_place(rig: Rig) -> None:
    ledger = MemoryLedger(pipeline([[("A", do(url="http://${input.hots}"))]]), inputs={"host": "x"})
    rig.holder(ledger)
    until(lambda: over(ledger))
    assert "input.hots" in ledger.state.message
    assert "did you mean ${input.host}" in ledger.state.message
    assert rig.probe.starts == []


def test_a_false_precondition_skips_and_an_ignored_failure_goes_on(rig: Rig) -> None:
    ledger = MemoryLedger(
        pipeline(
            [
                [("A", do(preCondition='${input.x} == "b"'))],
                [("B", do(fail=1, ignoreFailure=True))],
                [("C", do(preCondition='${S0.B.status} == "FAILED"'))],
            ]
        ),
        inputs={"x": "a"},
    )
    rig.holder(ledger)
    until(lambda: over(ledger))
    assert ledger.ended() == {"A": "SKIPPED", "B": "FAILED", "C": "COMPLETED"}
    assert ledger.state.status is Status.COMPLETED


def test_a_failed_try_is_followed_by_another(rig: Rig) -> None:
    ledger = MemoryLedger(pipeline([[("A", do(fail=2, retries={"attempts": 3, "delaySeconds": 0}))]]))
    rig.holder(ledger)
    until(lambda: over(ledger))
    assert ledger.state.status is Status.COMPLETED
    assert ledger.state.task("S0", "A").try_number == 3
    assert len(set(rig.probe.keys)) == 3


def test_cancel_reaches_the_running_task(rig: Rig, probe: Probe) -> None:
    ledger = MemoryLedger(pipeline([[("A", do(handle="h1", for_ever=True))], [("B", do())]]))
    holder = rig.holder(ledger)
    until(lambda: bool(probe.observed))
    ledger.intend(Intent.CANCEL)
    holder.look_now("e1")
    until(lambda: over(ledger))
    assert probe.cancelled == [{"id": "h1"}]
    assert ledger.state.status is Status.CANCELED
    assert ledger.ended() == {"A": "CANCELED"}
    assert holder.holding == 0


def test_a_pause_lets_the_running_task_end_and_resume_goes_on(rig: Rig, probe: Probe) -> None:
    ledger = MemoryLedger(pipeline([[("A", do())], [("B", do())]]))
    probe.gate.clear()
    holder = rig.holder(ledger)
    until(lambda: probe.starts == ["A"])
    ledger.intend(Intent.PAUSE)
    probe.gate.set()
    until(lambda: ledger.holding.state is State.PARKED)
    assert probe.starts == ["A"]
    until(lambda: holder.holding == 0)
    ledger.intend(Intent.RESUME)
    rig.take(ledger, holder)
    until(lambda: over(ledger))
    assert probe.starts == ["A", "B"]
    assert ledger.state.status is Status.COMPLETED


def test_a_pause_between_grant_and_answer_starts_nothing(rig: Rig, probe: Probe) -> None:
    ledger = MemoryLedger(pipeline([[("A", do())]]))
    ledger.before_answer = lambda said: ledger.intend(Intent.PAUSE) if said.grant else None
    holder = rig.holder(ledger)
    until(lambda: ledger.holding.state is State.PARKED)
    assert probe.starts == []
    ledger.before_answer = lambda said: None
    until(lambda: holder.holding == 0)
    ledger.intend(Intent.RESUME)
    rig.take(ledger, holder)
    until(lambda: over(ledger))
    assert probe.starts == ["A"]
    assert ledger.state.task("S0", "A").try_number == 1


def test_an_approval_parks_without_a_place_and_its_answer_goes_on(rig: Rig, probe: Probe) -> None:
    ledger = MemoryLedger(pipeline([[("A", do(ask="deploy?"))], [("B", do(who="${S0.A.output.by}"))]]))
    holder = rig.holder(ledger)
    until(lambda: ledger.holding.state is State.PARKED and holder.holding == 0)
    assert ledger.state.task("S0", "A").status is Status.WAITING
    ledger.answer("S0", "A", {"status": "Approved", "by": "grace"})
    rig.take(ledger, holder)
    until(lambda: over(ledger))
    assert ledger.state.status is Status.COMPLETED
    assert ledger.state.task("S0", "B").input["who"] == "grace"


def test_an_approval_that_expired_fails_the_run(rig: Rig) -> None:
    ledger = MemoryLedger(pipeline([[("A", do(ask="deploy?", due_at=time.time() - 60))]]))
    rig.holder(ledger)
    until(lambda: over(ledger))
    assert "expired" in ledger.state.message


def test_nothing_is_done_outside_while_the_ledger_cannot_be_reached(rig: Rig, probe: Probe) -> None:
    ledger = MemoryLedger(pipeline([[("A", do())], [("B", do())]]))
    probe.gate.clear()
    rig.holder(ledger)
    until(lambda: probe.starts == ["A"])
    ledger.away = True
    probe.gate.set()
    time.sleep(0.3)
    assert probe.starts == ["A"]
    ledger.away = False
    until(lambda: over(ledger))
    assert probe.starts == ["A", "B"]


def test_a_successor_observes_what_its_predecessor_started(rig: Rig, probe: Probe) -> None:
    ledger = MemoryLedger(pipeline([[("A", do(handle="h7"))]]))
    probe.gate.clear()
    probe.start = lambda asked, keep=probe.start: (probe.gate.set(), keep(asked), probe.gate.clear())[1]  # type: ignore[func-returns-value,method-assign,misc]
    first = rig.holder(ledger, "r1")
    until(lambda: any(one.event.type == "task.handle" for one in ledger.history))
    ledger.expire()
    second = rig.holder(ledger, "r2")
    until(lambda: first.holding == 0)
    probe.gate.set()
    until(lambda: over(ledger))
    assert probe.starts == ["A"]
    assert ledger.state.status is Status.COMPLETED
    until(lambda: second.holding == 0)


@pytest.mark.parametrize(
    ("effect", "status"), [("once", Status.FAILED), ("repeatable", Status.COMPLETED), ("pure", Status.COMPLETED)]
)
def test_what_may_have_run_is_repeated_only_where_that_is_harmless(
    rig: Rig, probe: Probe, effect: str, status: Status
) -> None:
    ledger = MemoryLedger(pipeline([[("A", do(effect=effect))]]))
    probe.gate.clear()
    dead = rig.holder(ledger, "r1")
    until(lambda: any(isinstance(one.event, TaskStarted) for one in ledger.history))
    ledger.expire()
    rig.holder(ledger, "r2")
    until(lambda: dead.holding == 0)
    probe.gate.set()
    until(lambda: over(ledger))
    assert ledger.state.status is status
    assert ("may have run" in ledger.state.message) == (status is Status.FAILED)


def test_a_fenced_holder_says_and_does_nothing_more(rig: Rig, probe: Probe) -> None:
    ledger = MemoryLedger(pipeline([[("A", do(effect="repeatable"))], [("B", do(effect="repeatable"))]]))
    probe.gate.clear()
    zombie = rig.holder(ledger, "zombie")
    until(lambda: probe.starts == ["A"])
    ledger.expire()
    rig.holder(ledger, "heir")
    until(lambda: probe.starts == ["A", "A"])
    probe.gate.set()
    until(lambda: over(ledger))
    until(lambda: zombie.holding == 0)
    assert probe.starts.count("B") == 1
    assert {report.runner for report in ledger.reports if report.attempt == 2} == {"heir"}
    assert ledger.state.status is Status.COMPLETED


def test_an_orderly_stop_releases_and_another_goes_on(rig: Rig, probe: Probe) -> None:
    ledger = MemoryLedger(pipeline([[("A", do(handle="h", for_ever=True))]]))
    first = rig.holder(ledger, "r1")
    until(lambda: bool(probe.observed))
    first.close(5)
    assert ledger.holding.state is State.DISPATCHED
    assert ledger.holding.deaths == 0
    rig.holder(ledger, "r2")
    seen = len(probe.observed)
    until(lambda: len(probe.observed) > seen)
    assert probe.starts == ["A"]


def test_secrets_are_masked_everywhere_and_exact_for_later_tasks(rig: Rig, keys: tuple[Sealer, Opener]) -> None:
    sealer, _ = keys
    variables = {"pw": ResolvedVariable(name="pw", type="SECRET", sealed=sealer.seal("hunter2secret"))}
    ledger = MemoryLedger(
        pipeline(
            [
                [("A", do(output={"token": "x-${var.pw}"}, log="pw is ${var.pw}"))],
                [("B", do(preCondition='${S0.A.output.token} == "x-hunter2secret"', fail=1, why="bad ${var.pw}"))],
            ]
        ),
        variables=variables,
    )
    rig.holder(ledger)
    until(lambda: over(ledger))
    until(lambda: bool(ledger.lines))
    assert ledger.ended() == {"A": "COMPLETED", "B": "FAILED"}
    said = "".join(report.model_dump_json() for report in ledger.reports) + "".join(ledger.lines)
    assert "hunter2secret" not in said
    assert "*****" in said


def test_a_task_that_takes_too_long_is_cancelled_and_failed(rig: Rig, probe: Probe) -> None:
    ledger = MemoryLedger(pipeline([[("A", do(handle="h", for_ever=True, timeoutMinutes=0.003))]]))
    rig.holder(ledger)
    until(lambda: over(ledger))
    assert probe.cancelled == [{"id": "h"}]
    assert "longer than its timeout" in ledger.state.message


def test_an_unknown_task_type_is_named(rig: Rig) -> None:
    ledger = MemoryLedger(pipeline([[("A", {"type": "Teleport", "input": {}})]]))
    rig.holder(ledger)
    until(lambda: over(ledger))
    assert "no task type Teleport" in ledger.state.message


def test_a_run_that_cannot_be_gone_on_with_is_let_go_and_fails_after_three_times(rig: Rig) -> None:
    ledger = MemoryLedger(pipeline([[("A", do(effect="nonsense"))]]))
    for _ in range(3):
        holder, begun = rig.holder(ledger), threading.Event()
        holder.post(begun.set)
        assert begun.wait(5) and holder.holding == 0
        ledger.expire()
    assert over(ledger)
    assert "three times" in ledger.state.message


@pytest.mark.parametrize("odd", ["half of a pair: \ud800", "a NUL: \x00"])
def test_what_no_message_or_database_can_keep_is_mended_wherever_a_task_brings_it(rig: Rig, odd: str) -> None:
    brought = do(raw=json.dumps({"output": {odd: [odd]}, "log": odd}))
    broke = do(raw=json.dumps({"fail": 1, "why": odd, "broke": {"x": odd}}))
    asks = do(raw=json.dumps({"ask": odd}))
    ledger = MemoryLedger(pipeline([[("A", brought)], [("B", asks)]], [[("C", broke)]]))
    rig.holder(ledger)
    until(lambda: ledger.holding.state is State.PARKED)
    ledger.answer("S0", "B", {"status": "Approved"})
    rig.take(ledger, rig.holders[0])
    until(lambda: over(ledger))
    said = [*(report.model_dump() for report in ledger.reports), *ledger.lines]
    assert keepable(said) and "\ufffd" in ledger.state.message
    assert "\ufffd" in "".join(ledger.lines) and "\ufffd" in str(ledger.state.task("S0", "A").output.view)


def test_a_rollback_may_be_given_what_the_pipeline_has_brought_so_far(rig: Rig) -> None:
    undo = {"name": "Undo", "inputs": {"made": "${output.made}", "tag": "${output.tag}"}}
    built = do(output={"id": "web-7"})
    ledger = MemoryLedger(
        pipeline(
            [[("A", built)], [("B", do(fail=1))]],
            rollbacks=[undo],
            input={"x": "1"},
            output={"made": "${S0.A.output.id}", "tag": "${input.x}", "late": "${S0.B.output.id}"},
        ),
        inputs={"x": "1"},
    )
    rig.holder(ledger)
    until(lambda: bool(ledger.state.rollbacks) or over(ledger))
    (asked,) = [one.event for one in ledger.history if one.event.type == "rollback.started"]
    assert (asked.input, asked.problem) == ({"made": "web-7", "tag": "1"}, "")
