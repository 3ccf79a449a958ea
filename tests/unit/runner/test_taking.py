"""A take waits for its answer, however late the ledger is: who no longer waits would not know that it holds the run."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any, cast

import pytest

from services.runner import handlers
from services.runner.engine.executor import Holder
from services.runner.engine.ports import LedgerPort
from shared.bus import Ack, Incoming, NotAsked, RequestTimeout, Retry, Unavailable
from shared.contracts.envelope import Envelope
from shared.contracts.runs import RunExecution, Take, TakeAnswer
from shared.contracts.topics import RUN_EXECUTION

TAKEN = TakeAnswer(taken=True, attempt=1)


class Places:
    """The holder as a take meets it."""

    runner = "runner-1"

    def __init__(self) -> None:
        self.stopping = False
        self.reserved = 0
        self.held: list[TakeAnswer] = []

    def reserve(self, _timeout_s: float) -> bool:
        self.reserved += 1
        return True

    def give_back(self) -> None:
        self.reserved -= 1

    def hold(self, answer: TakeAnswer) -> None:
        self.held.append(answer)


class LateLedger:
    """Leaves takes unanswered until `answer_to` have been asked; then the first one, or the last, gets `answer`."""

    def __init__(
        self, places: Places, answer: TakeAnswer | Exception, *, answer_to: int, of_first: bool = True
    ) -> None:
        self._places = places
        self._answer, self._answer_to, self._of_first = answer, answer_to, of_first
        self.takes: list[Take] = []
        self.failures: list[Exception] = []
        """What the first takes fail with, one each."""
        self._answers: list[Future[TakeAnswer]] = []
        self.stop_at = 0

    def take(self, ask: Take) -> Future[TakeAnswer]:
        self.takes.append(ask)
        self._answers.append(Future())
        self._places.stopping = len(self.takes) == self.stop_at
        if len(self.takes) <= len(self.failures):
            self._answers[-1].set_exception(self.failures[len(self.takes) - 1])
        if len(self.takes) == self._answer_to:
            answered = self._answers[0 if self._of_first else -1]
            if isinstance(self._answer, Exception):
                answered.set_exception(self._answer)
            else:
                answered.set_result(self._answer)
        return self._answers[-1]


@pytest.fixture
def places(monkeypatch: pytest.MonkeyPatch) -> Places:
    monkeypatch.setattr(handlers, "ASK_AGAIN_AFTER_S", 0.001)
    monkeypatch.setattr(handlers, "ASK_AGAIN_CEILING_S", 0.001)
    monkeypatch.setattr(handlers, "STOPPING_SEEN_AFTER_S", 0.001)
    monkeypatch.setattr(handlers, "LOST_TAKE_AGAIN_S", 0.001)
    return Places()


def handled(places: Places, ledger: LateLedger) -> Any:
    envelope = Envelope(id="m1", source="portside/config/c", type=RUN_EXECUTION.type, subject="x1", time="", data={})
    message = RunExecution(execution_id="x1", dispatch=1)
    take_run = handlers.take_run(cast("Holder", places), cast("LedgerPort", ledger))
    return take_run(Incoming(RUN_EXECUTION, envelope, message))


@pytest.mark.parametrize("of_first", [True, False], ids=["late", "lost"])
def test_an_answer_that_is_late_or_was_lost_once_still_brings_the_run(places: Places, *, of_first: bool) -> None:
    ledger = LateLedger(places, TAKEN, answer_to=4, of_first=of_first)
    assert handled(places, ledger) == Ack()
    assert places.held == [TAKEN] and places.reserved == 1
    # One take, asked four times: the ledger gives the same answer to each.
    assert len(ledger.takes) == 4 and len(set(ledger.takes)) == 1


def test_a_take_that_is_refused_gives_its_place_back(places: Places) -> None:
    ledger = LateLedger(places, TakeAnswer(taken=False, reason="taken by another"), answer_to=2)
    assert handled(places, ledger) == Ack()
    assert places.held == [] and places.reserved == 0


def test_a_take_whose_answer_was_lost_with_its_connection_is_asked_again(places: Places) -> None:
    """The ledger may have recorded it; the message is back in its queue, and another runner would be refused."""
    ledger = LateLedger(places, TAKEN, answer_to=4, of_first=False)
    ledger.failures = [Unavailable("the connection was lost"), NotAsked("connecting"), NotAsked("connecting")]
    assert handled(places, ledger) == Ack()
    assert places.held == [TAKEN] and places.reserved == 1
    assert len(ledger.takes) == 4 and len(set(ledger.takes)) == 1


def test_a_take_that_never_left_gives_its_message_back(places: Places) -> None:
    ledger = LateLedger(places, TAKEN, answer_to=2)
    ledger.failures = [NotAsked("the broker is away")]
    outcome = handled(places, ledger)
    assert isinstance(outcome, Retry) and "the broker is away" in outcome.reason
    assert len(ledger.takes) == 1 and places.reserved == 0


def test_a_take_that_nobody_answers_is_brought_again(places: Places) -> None:
    outcome = handled(places, LateLedger(places, RequestTimeout("no answer"), answer_to=2))
    assert isinstance(outcome, Retry) and "no answer" in outcome.reason
    assert places.held == [] and places.reserved == 0


def test_a_runner_that_stops_waits_for_no_answer(places: Places) -> None:
    ledger = LateLedger(places, TAKEN, answer_to=9)
    ledger.stop_at = 3
    outcome = handled(places, ledger)
    assert isinstance(outcome, Retry) and "the runner stops" in outcome.reason
    assert len(ledger.takes) == 3 and places.reserved == 0


def test_a_take_is_given_up_in_the_end(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handlers, "ANSWER_WITHIN_S", 0.01)
    outcome = handled(places, LateLedger(places, TAKEN, answer_to=1_000))
    assert isinstance(outcome, Retry) and "no answer within" in outcome.reason
