"""Reports and answers that get lost between a holder and the ledger, through the real protocol in memory."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from services.config.model.claims import Intent, State
from services.runner.engine import reports
from services.runner.task_protocol import Done, Running
from shared.contracts.history import Status
from shared.contracts.runs import Report
from shared.process.backoff import doubled
from tests.support.patience import PATIENCE_S

from .conftest import Probe, Rig, do, pipeline, until
from .ledger import Away, MemoryLedger


def over(ledger: MemoryLedger) -> bool:
    return ledger.holding.state is State.ENDED


def once(of: Callable[[Report], bool]) -> Callable[[Report], bool]:
    """True for the first report that it holds for, and never again."""
    hits: list[Report] = []

    def is_first(said: Report) -> bool:
        if hits or not of(said):
            return False
        hits.append(said)
        return True

    return is_first


def test_a_confirmed_report_that_is_lost_is_said_again_before_the_next_effect(rig: Rig, probe: Probe) -> None:
    ledger = MemoryLedger(pipeline([[("A", do(handle="h"))], [("B", do())]]))
    lost: list[Report] = []

    def lose_the_handle(report: Report) -> bool:
        if not any(event.type == "task.handle" for event in report.events):
            return False
        lost.append(report)
        return True

    ledger.is_lost = once(lose_the_handle)
    probe.observe = lambda asked, handle: Done() if lost else Running(handle, again_after_s=0.01)  # type: ignore[method-assign]
    rig.holder(ledger)
    until(lambda: over(ledger))
    assert lost
    assert ledger.state.status is Status.COMPLETED
    assert [one.event.seq for one in ledger.history] == list(range(1, len(ledger.history) + 1))
    assert probe.starts == ["A", "B"]


def test_the_last_report_is_heard_or_said_again(rig: Rig) -> None:
    ledger = MemoryLedger(pipeline([[("A", {"type": "Log", "input": {"message": "hello"}})]]))
    ledger.answer_is_lost = once(lambda said: any(event.type == "run.ended" for event in said.events))
    holder = rig.holder(ledger)
    until(lambda: over(ledger) and holder.holding == 0)
    assert [one.event.type for one in ledger.history].count("run.ended") == 1
    assert len(ledger.reports) == 2


def test_what_was_only_told_is_asked_after_when_nothing_follows_it(
    rig: Rig, probe: Probe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reports, "UNSURE_FOR_S", 0.1)
    ledger = MemoryLedger(pipeline([[("A", do(handle="h", for_ever=True))]]))
    ledger.is_lost = once(lambda said: any(event.type == "task.handle" for event in said.events))
    rig.holder(ledger)
    until(lambda: any(one.event.type == "task.handle" for one in ledger.history))
    assert len(probe.starts) == 1


def test_a_ledger_that_is_away_is_not_told_twice_what_the_broker_has(
    rig: Rig, probe: Probe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reports, "UNSURE_FOR_S", 0.05)
    monkeypatch.setattr(reports, "AGAIN_AFTER_S", 0.02)
    ledger = MemoryLedger(pipeline([[("A", do(handle="h", for_ever=True))]]))
    ledger.answer_is_lost = lambda said: said.grant is None
    rig.holder(ledger)
    until(lambda: sum(1 for said in ledger.reports if not said.events) > 3)
    told = [event.seq for said in ledger.reports for event in said.events]
    assert len(told) == len(set(told))


def test_a_ledger_that_is_behind_is_asked_more_and_more_rarely_and_its_first_answer_counts(
    rig: Rig, probe: Probe, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits = list[float]()

    def waited(first_s: float, copies: int, longest_s: float) -> float:
        waits.append(doubled(first_s, copies, longest_s))
        return 0.01

    monkeypatch.setattr(reports, "doubled", waited)
    ledger = MemoryLedger(pipeline([[("A", do())]]))
    ledger.answer_is_late = lambda said: said.grant is not None
    rig.holder(ledger)
    until(lambda: len(ledger.kept_back) >= 4)
    first, answer = ledger.kept_back[0]
    assert probe.starts == [] and waits[:4] == [5, 10, 15, 15]
    copies = [report for report in ledger.reports if report.grant]
    assert all(copy == copies[0] for copy in copies)
    first.set_result(answer)
    until(lambda: over(ledger))
    assert probe.starts == ["A"] and ledger.state.status is Status.COMPLETED


def test_a_copy_that_is_lost_does_not_end_the_wait_for_the_others(
    rig: Rig, probe: Probe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reports, "ASK_AGAIN_AFTER_S", 0.05)
    ledger = MemoryLedger(pipeline([[("A", do())]]))
    ledger.answer_is_late = lambda said: said.grant is not None
    rig.holder(ledger)
    until(lambda: len(ledger.kept_back) >= 2)
    ledger.kept_back[0][0].set_exception(Away("no answer"))
    ledger.kept_back[1][0].set_result(ledger.kept_back[1][1])
    until(lambda: over(ledger))
    assert probe.starts == ["A"]


def test_a_process_that_ends_waits_for_no_late_answer(rig: Rig, probe: Probe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reports, "UNSURE_FOR_S", 0.05)
    ledger = MemoryLedger(pipeline([[("A", do(handle="h", for_ever=True))]]))
    ledger.answer_is_late = lambda said: said.grant is None
    holder = rig.holder(ledger)
    until(lambda: ledger.kept_back)
    holder.close(PATIENCE_S)
    assert ledger.holding.runner == "" and holder.holding == 0


def test_a_cancel_that_comes_with_late_leave_ends_the_task_before_it_acts(rig: Rig, probe: Probe) -> None:
    ledger = MemoryLedger(pipeline([[("A", do())]]))

    def lost(said: Report) -> bool:
        if said.grant is None or ledger.holding.cancel:
            return False
        ledger.intend(Intent.CANCEL)
        return True

    ledger.answer_is_lost = lost
    rig.holder(ledger)
    until(lambda: over(ledger))
    assert probe.starts == []
    assert ledger.ended() == {"A": "CANCELED"}
    assert ledger.state.status is Status.CANCELED


def test_a_start_refused_for_a_pause_that_is_over_is_asked_for_under_a_new_number(rig: Rig, probe: Probe) -> None:
    ledger = MemoryLedger(pipeline([[("A", do())]]))
    ledger.before_answer = lambda said: ledger.intend(Intent.PAUSE) if said.grant and not ledger.reports else None

    def lost(said: Report) -> bool:
        if said.grant is None or not ledger.holding.pause:
            return False
        ledger.intend(Intent.RESUME)
        return True

    ledger.answer_is_lost = lost
    rig.holder(ledger)
    until(lambda: over(ledger))
    assert probe.starts == ["A"]
    assert ledger.state.status is Status.COMPLETED
    asked = [said.events[-1].seq for said in ledger.reports if said.grant]
    assert asked[0] == asked[1] < asked[2]
