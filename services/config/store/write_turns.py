"""Turns at the one writer: who writes next, and for how long.

A request, for whose answer somebody waits, goes before batches: a sign-in must not wait behind hundreds of hooks.
Within either class the first to come is the first to write. Two bounds keep this fair. After `MOST_REQUESTS` requests
in a row a batch that waits has its turn. And a batch ends its turn after `LONGEST_TURN_S`, or after `SHORTEST_TURN_S`
once a request waits; its other messages come in its next transaction.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum

from services.config import metrics
from shared.process.clock import monotonic

LONGEST_TURN_S = 0.5
SHORTEST_TURN_S = 0.1
"""One commit in this time costs a batch little, and it is the least that one gets between requests."""
MOST_REQUESTS = 8


class Work(StrEnum):
    """What a transaction is for."""

    REQUEST = "request"
    LEADERSHIP = "leadership"
    HOOKS = "hooks"
    LEDGER = "ledger"
    LOGS = "logs"
    LEASES = "leases"
    TIMERS = "timers"
    UPKEEP = "upkeep"

    @property
    def is_batch(self) -> bool:
        """Whether nobody waits for this one transaction; it may be long and comes after requests."""
        return self not in (Work.REQUEST, Work.LEADERSHIP)


def is_batch_next(requests: int, batches: int, in_a_row: int) -> bool:
    """Which class writes next, by how many of each wait and how many requests wrote in a row."""
    return batches > 0 and (requests == 0 or in_a_row >= MOST_REQUESTS)


def is_turn_over(held_s: float, *, requests_wait: bool) -> bool:
    """Whether a batch commits now and continues in its next turn."""
    return held_s >= (SHORTEST_TURN_S if requests_wait else LONGEST_TURN_S)


@dataclass(frozen=True, slots=True)
class WriteTurn:
    """The writer, held since `began`."""

    turns: WriteTurns
    began: float

    @property
    def is_over(self) -> bool:
        """Whether a batch should commit now."""
        return is_turn_over(self.turns.ticks() - self.began, requests_wait=self.turns.requests_wait)


class WriteTurns:
    """Gives the writer to one thread at a time. A thread that has it must not ask again."""

    def __init__(self, ticks: Callable[[], float] = monotonic) -> None:
        self.ticks = ticks
        self._lock = threading.Lock()
        self._requests: deque[threading.Event] = deque()
        self._batches: deque[threading.Event] = deque()
        self._owner: int | None = None
        self._in_a_row = 0

    @property
    def is_taken(self) -> bool:
        """Whether somebody writes."""
        return self._owner is not None

    @property
    def requests_wait(self) -> bool:
        """Whether a request waits for its turn."""
        return bool(self._requests)

    @contextmanager
    def turn(self, work: Work) -> Iterator[WriteTurn]:
        """Wait for a turn and have it. Raises RuntimeError in a thread that has one."""
        came = self.ticks()
        self._acquire(work)
        began = self.ticks()
        try:
            yield WriteTurn(self, began)
        finally:
            ended = self.ticks()
            self._release()
            metrics.WRITER_WAIT.labels(work.value).observe(began - came)
            metrics.WRITER_HELD.labels(work.value).observe(ended - began)

    def _acquire(self, work: Work) -> None:
        me, line = threading.get_ident(), self._batches if work.is_batch else self._requests
        called = threading.Event()
        with self._lock:
            if self._owner == me:
                raise RuntimeError("a unit of work is already open in this thread")
            if self._owner is None:
                self._give(me, is_batch=work.is_batch)
                return
            line.append(called)
        try:
            called.wait()
        except BaseException:
            self._withdraw(line, called)
            raise
        self._owner = me

    def _withdraw(self, line: deque[threading.Event], called: threading.Event) -> None:
        with self._lock:
            if called in line:
                line.remove(called)
                return
        self._release()

    def _release(self) -> None:
        with self._lock:
            is_batch = is_batch_next(len(self._requests), len(self._batches), self._in_a_row)
            line = self._batches if is_batch else self._requests
            if not line:
                self._owner = None
                return
            # Handed over, never free in between: a newcomer comes after those that wait.
            self._give(_HANDED_OVER, is_batch=is_batch)
            line.popleft().set()

    def _give(self, owner: int, *, is_batch: bool) -> None:
        self._owner = owner
        self._in_a_row = 0 if is_batch else self._in_a_row + 1


_HANDED_OVER = 0
"""No thread's identity: the writer is on its way to the next."""
