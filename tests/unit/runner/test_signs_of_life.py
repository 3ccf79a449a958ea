"""What a holder says every second, what it makes of the answers, and the time in which it writes events."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Future
from typing import Any

import pytest

from services.runner.engine import executor
from services.runner.engine.ledger_clock import LedgerClock
from shared.contracts.runs import Directive, Held, HeldAnswer, Take, TakeAnswer
from tests.support.clocks import SetClock

from .conftest import Probe, Rig, do, pipeline, until
from .ledger import MemoryLedger


class Mute(MemoryLedger):
    """Leaves every sign of life unanswered until a test answers it."""

    def __init__(self, tree: dict[str, Any]) -> None:
        super().__init__(tree)
        self.asked: list[Future[HeldAnswer]] = []

    def held(self, ask: Held) -> Future[HeldAnswer]:
        future: Future[HeldAnswer] = Future()
        self.asked.append(future)
        return future


@pytest.fixture
def mute(rig: Rig, probe: Probe, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mute]:
    monkeypatch.setattr(executor, "HELD_EVERY_S", 0.02)
    ledger = Mute(pipeline([[("A", do(effect="pure", handle="h", for_ever=True))]]))
    rig.holder(ledger)
    yield ledger
    probe.gate.set()


def test_a_holder_says_that_it_lives_also_while_an_answer_is_out(mute: Mute) -> None:
    until(lambda: len(mute.asked) >= 5)


def test_an_answer_that_was_overtaken_changes_nothing(mute: Mute, probe: Probe) -> None:
    until(lambda: bool(probe.observed) and len(mute.asked) >= 3)
    first, second = mute.asked[:2]
    second.set_result(HeldAnswer(verdicts={"e1": Directive.GO}))
    first.set_result(HeldAnswer(verdicts={"e1": Directive.CANCEL}))
    seen = len(probe.observed)
    until(lambda: len(probe.observed) > seen + 3)
    assert probe.cancelled == []
    mute.asked[2].set_result(HeldAnswer(verdicts={"e1": Directive.CANCEL}))
    until(lambda: bool(probe.cancelled))


class Elsewhere(MemoryLedger):
    """A ledger whose machine has another time than the runner's."""

    ahead_s = 3600.0

    def take(self, ask: Take) -> Future[TakeAnswer]:
        answer = super().take(ask).result()
        future: Future[TakeAnswer] = Future()
        future.set_result(answer.model_copy(update={"at": time.time() + self.ahead_s}))
        return future


def test_events_are_written_in_the_ledgers_time(rig: Rig) -> None:
    ledger = Elsewhere(pipeline([[("A", do())]]))
    rig.holder(ledger)
    until(lambda: ledger.state.status.value == "COMPLETED")
    ahead = [recorded.event.at - time.time() for recorded in ledger.history if recorded.attempt]
    assert min(ahead) == pytest.approx(3600, abs=5)


def test_small_differences_are_the_way_of_an_answer_and_the_largest_sample_is_nearest() -> None:
    own = SetClock(1_000.0)
    clock = LedgerClock(own)
    assert clock.now() == 1_000.0
    clock.heard(1_000.5)
    assert clock.now() == 1_000.0
    for late_s in (4.0, 0.1, 2.0):
        clock.heard(1_060.0 - late_s)
    assert clock.now() == pytest.approx(1_059.9)
    clock.heard(0.0)
    own.advance(5)
    assert clock.now() == pytest.approx(1_064.9)
