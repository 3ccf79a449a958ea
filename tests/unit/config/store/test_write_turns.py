"""Turns at the one writer: requests before batches, neither for ever, and a batch ends in time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import ExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.config.store.unit_of_work import UnitOfWork
from services.config.store.write_turns import (
    LONGEST_TURN_S,
    MOST_REQUESTS,
    SHORTEST_TURN_S,
    Work,
    WriteTurns,
    is_batch_next,
    is_turn_over,
)

PATIENCE_S = 30.0


class Ticks:
    """A clock that only a test moves."""

    def __init__(self) -> None:
        self.at = 100.0

    def __call__(self) -> float:
        return self.at


class Writers:
    """Threads that ask for a turn each, in the order in which they were started."""

    def __init__(self, turns: WriteTurns) -> None:
        self.turns = turns
        self.order: list[str] = []
        self._threads: list[threading.Thread] = []

    def ask(self, work: Work, name: str) -> None:
        """Returns once it waits."""
        waiting = self._waiting()
        thread = threading.Thread(target=self._write, args=(work, name), daemon=True)
        self._threads.append(thread)
        thread.start()
        deadline = time.monotonic() + PATIENCE_S
        while self._waiting() == waiting:
            assert time.monotonic() < deadline
            time.sleep(0)

    def join(self) -> list[str]:
        """The order in which they wrote."""
        for thread in self._threads:
            thread.join(PATIENCE_S)
        return self.order

    def _write(self, work: Work, name: str) -> None:
        with self.turns.turn(work):
            self.order.append(name)

    def _waiting(self) -> int:
        return len(self.turns._requests) + len(self.turns._batches)


@pytest.fixture
def ticks() -> Ticks:
    return Ticks()


@pytest.fixture
def turns(ticks: Ticks) -> WriteTurns:
    return WriteTurns(ticks)


def unit_of_work(turns: WriteTurns, work: Work, use: Callable[[UnitOfWork], list[int]]) -> list[int]:
    with turns.turn(work) as turn:
        return use(UnitOfWork(None, 0.0, turn))  # type: ignore[arg-type]


def test_requests_go_before_batches_and_each_class_keeps_its_order(turns: WriteTurns) -> None:
    writers = Writers(turns)
    with turns.turn(Work.HOOKS):
        writers.ask(Work.LEDGER, "ledger")
        writers.ask(Work.LOGS, "logs")
        writers.ask(Work.REQUEST, "session")
        writers.ask(Work.LEADERSHIP, "beat")
    assert writers.join() == ["session", "beat", "ledger", "logs"]
    assert not turns.is_taken


def test_a_batch_has_its_turn_after_so_many_requests(turns: WriteTurns) -> None:
    writers = Writers(turns)
    with turns.turn(Work.HOOKS):
        writers.ask(Work.LEDGER, "batch")
        for place in range(MOST_REQUESTS + 2):
            writers.ask(Work.REQUEST, str(place))
    names = [str(place) for place in range(MOST_REQUESTS + 2)]
    assert writers.join() == [*names[:MOST_REQUESTS], "batch", *names[MOST_REQUESTS:]]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=60))
def test_nobody_who_waits_is_passed_over_for_long(arrivals: list[tuple[int, int]]) -> None:
    """However many come: while batches wait, of any `MOST_REQUESTS + 1` turns one is a batch's, and no turn is idle."""
    requests = batches = in_a_row = passed_over = 0
    for more_requests, more_batches in [*arrivals, *[(0, 0)] * 400]:
        requests, batches = requests + more_requests, batches + more_batches
        if not requests and not batches:
            continue
        if is_batch_next(requests, batches, in_a_row):
            assert batches
            batches, in_a_row, passed_over = batches - 1, 0, 0
        else:
            assert requests
            requests, in_a_row = requests - 1, in_a_row + 1
            passed_over = passed_over + 1 if batches else 0
        assert passed_over <= MOST_REQUESTS
    assert requests == batches == 0


@pytest.mark.parametrize(
    ("held_s", "requests_wait", "over"),
    [
        (0.0, True, False),
        (SHORTEST_TURN_S, False, False),
        (SHORTEST_TURN_S, True, True),
        (LONGEST_TURN_S, False, True),
    ],
)
def test_a_turn_is_long_where_nobody_waits_for_an_answer(held_s: float, requests_wait: bool, over: bool) -> None:
    assert is_turn_over(held_s, requests_wait=requests_wait) is over


def handled(ticks: Ticks, uow: UnitOfWork, each_s: float) -> list[int]:
    """What of a batch of 200 one turn has time for, where each message takes so long."""
    done = []
    for message in uow.within_turn(range(200)):
        ticks.at += each_s
        done.append(message)
    return done


def test_a_batch_ends_with_its_turn(turns: WriteTurns, ticks: Ticks) -> None:
    def of_a_batch(each_s: float) -> list[int]:
        return unit_of_work(turns, Work.HOOKS, lambda uow: handled(ticks, uow, each_s))

    assert of_a_batch(0.0) == list(range(200))
    assert of_a_batch(LONGEST_TURN_S / 4) == [0, 1, 2, 3]
    assert of_a_batch(60.0) == [0], "the first is always handled, or nothing would ever be"


def test_a_batch_ends_sooner_once_a_request_waits(turns: WriteTurns, ticks: Ticks) -> None:
    writers = Writers(turns)

    def with_a_request(uow: UnitOfWork) -> list[int]:
        writers.ask(Work.LOGS, "logs")
        assert len(handled(ticks, uow, LONGEST_TURN_S / 20)) == 20
        writers.ask(Work.REQUEST, "session")
        return handled(ticks, uow, LONGEST_TURN_S / 20)

    assert unit_of_work(turns, Work.HOOKS, with_a_request) == [0]
    assert writers.join() == ["session", "logs"]


def test_a_turn_within_a_turn_is_refused_and_a_failed_one_is_passed_on(turns: WriteTurns) -> None:
    with turns.turn(Work.REQUEST), pytest.raises(RuntimeError), turns.turn(Work.REQUEST):
        pass
    with pytest.raises(KeyError), turns.turn(Work.HOOKS):
        raise KeyError
    with turns.turn(Work.REQUEST):
        assert turns.is_taken
    assert not turns.is_taken


@pytest.mark.parametrize("called", [False, True])
def test_a_writer_that_is_interrupted_while_it_waits_holds_nobody_up(
    called: bool, turns: WriteTurns, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Interrupted(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            if called:
                other.close()
            raise KeyboardInterrupt

    other = ExitStack()
    thread = threading.Thread(target=lambda: other.enter_context(turns.turn(Work.HOOKS)))
    thread.start()
    thread.join(PATIENCE_S)
    monkeypatch.setattr("services.config.store.write_turns.threading.Event", Interrupted)
    with pytest.raises(KeyboardInterrupt), turns.turn(Work.REQUEST):
        pass
    assert not turns.requests_wait
    other.close()
    assert not turns.is_taken
