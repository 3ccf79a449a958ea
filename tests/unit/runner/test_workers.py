"""Task threads: shared among projects, and given up where they do not come back."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any

import pytest

from services.config.model.claims import Intent, State
from services.runner.engine import active_task, executor, run, task_calls, workers
from services.runner.engine.workers import FairQueue, TaskCall, TaskThreads
from shared.contracts.history import Status

from .conftest import Probe, Rig, do, pipeline, until
from .ledger import MemoryLedger


def call(project: str) -> TaskCall:
    return TaskCall(project, lambda scope: None, lambda answer: None)


def test_a_project_with_few_calls_is_served_before_one_with_many() -> None:
    waiting = FairQueue(most=100)
    for project in ["many"] * 50 + ["few"] * 2:
        waiting.add(call(project))
    begun = [waiting.next() for _ in range(4)]
    assert Counter(item.project for item in begun if item) == {"many": 2, "few": 2}


def test_one_project_never_holds_all_threads_and_gets_more_as_its_calls_come_back() -> None:
    waiting = FairQueue(most=3)
    for _ in range(5):
        waiting.add(call("slow"))
    begun = [item for _ in range(5) if (item := waiting.next()) is not None]
    assert len(begun) == 3
    waiting.add(call("other"))
    other = waiting.next()
    assert other is not None and other.project == "other"
    waiting.over(begun[0])
    assert waiting.next() is not None and waiting.next() is None


def test_slow_servers_of_one_project_leave_threads_to_the_others() -> None:
    posted: list[Any] = []
    pool, gate, served = TaskThreads(4, posted.append), threading.Event(), threading.Event()
    for _ in range(20):
        pool.submit(TaskCall("slow", lambda scope: gate.wait(10), lambda answer: None))
    pool.submit(TaskCall("other", lambda scope: served.set(), lambda answer: None))
    assert served.wait(5)
    gate.set()
    pool.close()


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Patience in fractions of a second."""
    monkeypatch.setattr(workers, "LOST_AFTER_S", 0.05)
    monkeypatch.setattr(executor, "LOST_EVERY_S", 0.02)
    monkeypatch.setattr(task_calls, "CANCEL_PATIENCE_S", 0.05)
    monkeypatch.setattr(run, "_READ_PATIENCE_S", 0.1)


@pytest.mark.usefixtures("hurried")
def test_a_runner_whose_threads_do_not_come_back_says_so_and_gives_up(rig: Rig, probe: Probe) -> None:
    ledger = MemoryLedger(pipeline([[("A", do())]]))
    reasons: list[str] = []
    probe.interrupt_after_s = 0.0
    probe.gate.clear()
    holder = rig.holder(ledger, give_up=reasons.append)
    until(lambda: probe.starts == ["A"])
    assert holder.trouble == ""
    ledger.intend(Intent.CANCEL)
    holder.look_now("e1")
    until(lambda: bool(reasons))
    assert "1 of 4 task threads do not come back" in reasons[0]
    assert not holder.reserve(0.01)
    until(lambda: ledger.holding.state is State.ENDED)
    assert ledger.state.status is Status.CANCELED


@pytest.mark.usefixtures("hurried")
def test_a_run_that_only_reads_is_released_though_its_call_hangs(rig: Rig, probe: Probe) -> None:
    ledger = MemoryLedger(pipeline([[("A", do(effect="pure"))]]))
    probe.gate.clear()
    first = rig.holder(ledger, "r1")
    until(lambda: probe.starts == ["A"])
    first.close(3)
    assert ledger.holding.state is State.DISPATCHED
    assert ledger.holding.deaths == 0
    probe.gate.set()
    rig.holder(ledger, "r2")
    until(lambda: ledger.holding.state is State.ENDED)
    assert ledger.state.status is Status.COMPLETED


@pytest.mark.usefixtures("hurried")
def test_a_run_with_an_effect_under_way_is_not_released_beside_it(rig: Rig, probe: Probe) -> None:
    ledger = MemoryLedger(pipeline([[("A", do(effect="once"))]]))
    probe.gate.clear()
    first = rig.holder(ledger, "r1")
    until(lambda: probe.starts == ["A"])
    first.close(0.5)
    assert ledger.holding.state is State.HELD


def test_what_waits_for_a_thread_when_the_process_ends_is_another_runner_s_and_never_may_have_run(
    rig: Rig, probe: Probe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(active_task, "STALE_LEAVE_S", 60.0)
    ledger = MemoryLedger(pipeline([[(name, do(effect="once")) for name in "ABCDE"]]))
    probe.gate.clear()
    first = rig.holder(ledger, "r1")
    until(lambda: len(probe.starts) == 3 and len(ledger.started()) == 5)
    closing = threading.Thread(target=first.close)
    closing.start()
    until(lambda: sum(item.event.type == "task.waiting" for item in ledger.history) == 2)
    probe.gate.set()
    closing.join(10)
    rig.holder(ledger, "r2")
    until(lambda: ledger.holding.state is State.ENDED)
    assert ledger.state.status is Status.COMPLETED
    assert sorted(probe.starts) == list("ABCDE")


@pytest.mark.usefixtures("hurried")
def test_a_task_whose_first_call_hangs_ends_by_its_timeout(rig: Rig, probe: Probe) -> None:
    ledger = MemoryLedger(pipeline([[("A", do(effect="once", timeoutMinutes=0.003))]]))
    probe.gate.clear()
    rig.holder(ledger)
    until(lambda: ledger.holding.state is State.ENDED)
    assert "longer than its timeout" in ledger.state.message
