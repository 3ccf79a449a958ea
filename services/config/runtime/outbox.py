"""The relay: sends what transactions promised, at least once, per subject in order.

A committed promise is published by the thread that committed it, without waiting; rows are removed along with whatever
transaction comes next, or by the relay itself when none does.
"""

from __future__ import annotations

import heapq
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Protocol

from services.config.store import DatabaseUnavailable, Observer, Store, UnitOfWork, Work
from services.config.store.unit_of_work import Promised, mark_sent, unsent
from shared.contracts.base import Message
from shared.contracts.topics import BY_TYPE, Topic
from shared.process import clock, tracing
from shared.process.backoff import doubled
from shared.process.logging import get_logger

log = get_logger()

_PAGE = 1_000
_TIDY_S = 0.25
_MOST_AT_ONCE = 500
_FIRST_WAIT_S = 0.2
_LONGEST_WAIT_S = 5.0


class Sender(Protocol):
    """The part of the bus that the relay needs."""

    def publish_nowait(
        self,
        topic: Topic,
        message: Message,
        *,
        subject: str,
        correlation_id: str | None = None,
        message_id: str | None = None,
    ) -> Future[None]: ...


class Relay(Observer):
    """Opens on what is left from before, closes leaving the rest in the database."""

    def __init__(self, store: Store, sender: Sender) -> None:
        self._store = store
        self._sender = sender
        self._queues: dict[str, deque[Promised]] = {}
        self._retries: list[tuple[float, int, str]] = []
        self._tries: dict[str, int] = {}
        self._ready: deque[str] = deque()
        self._confirmed: list[int] = []
        self._changed = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._work, name="outbox", daemon=True)

    @property
    def waiting(self) -> int:
        """How many promises are not confirmed."""
        with self._changed:
            return sum(len(queue) for queue in self._queues.values())

    def open(self) -> None:
        """Send what a former process left, and from now on whatever is promised."""
        waiting: list[Promised] = []
        with self._store.read() as uow:
            while page := unsent(uow, waiting[-1].id if waiting else 0, _PAGE):
                waiting += page
        self._store.add_observer(self)
        self._thread.start()
        self.on_promised(waiting)

    def close(self) -> None:
        """Send nothing more; what is confirmed meanwhile is removed."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join(10)
        self._store.remove_observer(self)

    def on_promised(self, rows: Sequence[Promised]) -> None:
        """Send these as soon as those of the same subject before them are confirmed."""
        heads: list[Promised] = []
        with self._changed:
            if self._closing:
                return
            for row in rows:
                queue = self._queues.get(row.subject)
                if queue is None:
                    self._queues[row.subject] = deque([row])
                    heads.append(row)
                else:
                    queue.append(row)
        for row in heads:
            self._send(row)

    def _send(self, row: Promised) -> None:
        try:
            topic = BY_TYPE[row.type]
            message = row.message or topic.model.model_validate_json(row.body)
            with tracing.under(row.traceparent):
                future = self._sender.publish_nowait(
                    topic, message, subject=row.subject, correlation_id=row.correlation_id, message_id=row.message_id
                )
        except Exception as error:
            self._failed(row, f"{type(error).__name__}: {error}")
            return
        future.add_done_callback(partial(self._settled, row))

    def _settled(self, row: Promised, future: Future[None]) -> None:
        error = future.exception()
        if error is not None:
            self._failed(row, str(error))
            return
        with self._changed:
            self._confirmed.append(row.id)
            self._tries.pop(row.subject, None)
            queue = self._queues.get(row.subject)
            if queue is None or queue[0].id != row.id:
                return
            queue.popleft()
            if queue:
                self._ready.append(row.subject)
                self._changed.notify()
            else:
                del self._queues[row.subject]

    def _failed(self, row: Promised, why: str) -> None:
        with self._changed:
            tries = self._tries[row.subject] = self._tries.get(row.subject, 0) + 1
            wait_s = doubled(_FIRST_WAIT_S, tries, _LONGEST_WAIT_S)
            heapq.heappush(self._retries, (clock.monotonic() + wait_s, row.id, row.subject))
            self._changed.notify()
        if tries in (1, 10) or tries % 100 == 0:
            log.warning("message.not-sent", type=row.type, subject=row.subject, reason=why, tries=tries)

    def _work(self) -> None:
        while True:
            with self._changed:
                if not self._ready and not self._closing:
                    self._changed.wait(self._pause_s())
                if self._closing:
                    break
                rows = [queue[0] for subject in self._due() if (queue := self._queues.get(subject))]
            for row in rows:
                self._send(row)
            if not rows:
                self._tidy()
        self._tidy()

    def _pause_s(self) -> float:
        if not self._retries:
            return _TIDY_S
        return min(_TIDY_S, max(0.0, self._retries[0][0] - clock.monotonic()))

    def _due(self) -> list[str]:
        subjects = list(self._ready)
        self._ready.clear()
        while self._retries and self._retries[0][0] <= clock.monotonic():
            subjects.append(heapq.heappop(self._retries)[2])
        return subjects

    def _tidy(self) -> None:
        if not self._confirmed:
            return
        try:
            with self._store.write(Work.UPKEEP):
                pass
        except DatabaseUnavailable as error:
            log.warning("outbox.not-tidied", reason=str(error))

    def before_commit(self, uow: UnitOfWork) -> Callable[[bool], None] | None:
        """Remove what is confirmed along with this transaction."""
        with self._changed:
            ids = self._confirmed[:_MOST_AT_ONCE]
            del self._confirmed[:_MOST_AT_ONCE]
        if not ids:
            return None
        mark_sent(uow, ids)
        return partial(self._tidied, ids)

    def _tidied(self, ids: list[int], committed: bool) -> None:
        if not committed:
            with self._changed:
                self._confirmed = ids + self._confirmed
