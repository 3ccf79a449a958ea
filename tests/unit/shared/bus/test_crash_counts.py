"""Which messages are suspected and condemned: the rule by itself, and in a simulated queue whose consumers die."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

import pika
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.bus import crash_counts
from shared.bus.crash_counts import DEATHS, Arrivals, at_once
from shared.bus.subscription import Delivery

PREFETCH, BATCH = 60, 30


def _delivery(headers: dict[str, Any] | None, *, redelivered: bool = False, name: str = "m") -> Delivery:
    return Delivery(1, 1, redelivered, pika.BasicProperties(headers=headers, message_id=name), b"")


def _back(times: int, name: str = "m") -> Delivery:
    return _delivery({"x-delivery-count": times}, redelivered=times > 0, name=name)


def test_deliveries_in_vain_are_counted_on_every_version_of_the_broker() -> None:
    assert crash_counts.times_unfinished(_delivery(None)) == 0
    assert crash_counts.times_unfinished(_delivery(None, redelivered=True)) == 1
    assert crash_counts.times_unfinished(_delivery({"x-delivery-count": 2}, redelivered=True)) == 2
    assert crash_counts.times_unfinished(_delivery({"x-acquired-count": 3}, redelivered=True)) == 3
    assert crash_counts.times_unfinished(_delivery({"x-delivery-count": "nonsense"})) == 0


def test_deliveries_to_a_process_that_lives_are_no_deaths() -> None:
    arrivals = Arrivals()
    for times, deaths in ((0, 0), (1, 0), (2, 0), (4, 1), (0, 0), (1, 0)):
        arrivals.add(_back(times))
        assert arrivals.deaths(_back(times)) == deaths, times


def test_what_others_held_when_they_died_counts_as_often_as_the_broker_says() -> None:
    arrivals = Arrivals()
    arrivals.add(_back(2))
    assert arrivals.deaths(_back(2)) == 2


def test_messages_without_an_id_do_not_excuse_each_other() -> None:
    arrivals = Arrivals()
    for _ in range(5):
        arrivals.add(_back(2, ""))
    assert arrivals.deaths(_back(2, "")) == 2


def test_arrivals_are_remembered_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crash_counts, "_REMEMBERED", 2)
    arrivals = Arrivals()
    arrivals.add(_back(0))
    for name in "ab":
        arrivals.add(_back(0, name))
    arrivals.add(_back(1))
    assert arrivals.deaths(_back(1)) == 1


@dataclass
class Queue:
    """As RabbitMQ keeps it: what came back lies before what was never handed out, and behind what came back before."""

    fresh: list[str]
    returned: list[str] = field(default_factory=list)
    in_vain: Counter[str] = field(default_factory=Counter)
    quarantined: list[str] = field(default_factory=list)
    handled: list[str] = field(default_factory=list)
    in_hand: set[str] = field(default_factory=set)
    """Of those that died."""
    batches: int = 0

    @property
    def names(self) -> list[str]:
        return self.returned + self.fresh

    def consume(self, arrivals: Arrivals, dies_at: Callable[[Collection[str]], bool]) -> bool:
        """On one channel, until the queue is empty or the consumer dies: with a batch, or with all that it holds."""
        held, width = 0, 1
        while self.names:
            while held < min(width, len(self.names)):
                delivery = self._delivery(held)
                arrivals.add(delivery)
                held += 1
                if held == width:
                    width = max(width, at_once(arrivals.deaths(delivery), PREFETCH))
            batch = self._batch(arrivals, held)
            guilty = [name for place, name in enumerate(batch) if arrivals.deaths(self._delivery(place)) >= DEATHS]
            innocent = [name for name in batch if name not in guilty]
            if dies_at(innocent):
                self.in_hand.update(innocent)
                self._lose(held)
                return True
            self.quarantined += guilty
            self.handled += innocent
            self.batches += 1
            self._remove(len(batch))
            held -= len(batch)
        return False

    def _lose(self, held: int) -> None:
        names = self.names[:held]
        self.in_vain.update(names)
        self._remove(held)
        self.returned += names

    def _remove(self, count: int) -> None:
        returned = len(self.returned)
        del self.returned[:count]
        del self.fresh[: max(0, count - returned)]

    def _delivery(self, place: int) -> Delivery:
        name = self.names[place]
        return _back(self.in_vain[name], name)

    def _batch(self, arrivals: Arrivals, held: int) -> list[str]:
        batch: list[str] = []
        most = BATCH
        for place in range(held):
            most = at_once(arrivals.deaths(self._delivery(place)), most)
            if len(batch) >= most:
                break
            batch.append(self.names[place])
        return batch


def _numbered(count: int) -> list[str]:
    return [str(number) for number in range(count)]


def _at_any(_batch: Collection[str]) -> bool:
    return True


def _never(_batch: Collection[str]) -> bool:
    return False


@given(st.integers(1, 150), st.sets(st.integers(0, 149), min_size=1, max_size=3))
def test_a_killer_is_quarantined_within_three_deaths_and_nothing_else_is(length: int, places: set[int]) -> None:
    killers = {str(place % length) for place in places}
    queue, deaths = Queue(_numbered(length)), 0
    while queue.consume(Arrivals(), lambda batch: not killers.isdisjoint(batch)):
        deaths += 1
        assert deaths <= DEATHS * len(killers)
    assert set(queue.quarantined) == killers
    assert queue.handled == [name for name in _numbered(length) if name not in killers]


def _live(queue: Queue, lives: list[int]) -> None:
    """One process after another, each of which dies once it has handled so many messages; then one that lives."""
    for lasts in lives:
        handled = len(queue.handled)
        queue.consume(Arrivals(), lambda _batch, goal=handled + lasts: len(queue.handled) >= goal)  # type: ignore[misc]
    queue.consume(Arrivals(), _never)


@given(st.lists(st.integers(0, PREFETCH), max_size=30))
def test_only_what_was_in_hand_at_a_death_is_condemned_and_the_order_is_kept(lives: list[int]) -> None:
    queue = Queue(_numbered(150))
    _live(queue, lives)
    assert set(queue.quarantined) <= queue.in_hand
    assert queue.handled == [name for name in _numbered(150) if name not in queue.quarantined]


@given(st.lists(st.integers(PREFETCH, 2 * PREFETCH), max_size=30))
def test_no_number_of_deaths_condemns_a_message_where_each_handles_what_the_last_held(lives: list[int]) -> None:
    queue = Queue(_numbered(500))
    _live(queue, lives)
    assert (queue.quarantined, queue.handled) == ([], _numbered(500))


@pytest.mark.parametrize("deaths", range(DEATHS))
def test_what_dead_processes_held_drains_alone_only_after_the_second_death(deaths: int) -> None:
    queue = Queue(_numbered(PREFETCH + BATCH))
    for _ in range(deaths):
        assert queue.consume(Arrivals(), _at_any)
    assert not queue.consume(Arrivals(), _never)
    assert queue.handled == _numbered(PREFETCH + BATCH)
    assert (queue.batches <= 4) == (deaths < DEATHS - 1)


def test_what_a_living_process_gets_again_drains_as_usual() -> None:
    queue, arrivals = Queue(_numbered(PREFETCH + BATCH)), Arrivals()
    for _ in range(2 * DEATHS):
        assert queue.consume(arrivals, _at_any)
    assert not queue.consume(arrivals, _never)
    assert (queue.quarantined, queue.handled) == ([], _numbered(PREFETCH + BATCH))
    assert queue.batches <= 4
