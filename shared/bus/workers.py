"""Threads that bring what a queue delivers to its end, each delivery on its own."""

from __future__ import annotations

import queue
import threading
from abc import ABC, abstractmethod
from typing import Any

from shared.process.clock import monotonic

from .link import Link
from .subscription import Delivery, Subscription


class Workers(ABC):
    """One queue, its channel and its threads; what a delivery's end is, `_handle` says.

    Closes by finishing what is in hand; what only waits goes back to the queue, for another process.
    """

    def __init__(self, link: Link, queue_name: str, *, threads: int, prefetch: int, priority: int = 0) -> None:
        self._queue_name = queue_name
        self._waiting: queue.SimpleQueue[Delivery | None] = queue.SimpleQueue()
        self._closing = threading.Event()
        self._subscription = Subscription(
            link, queue_name, prefetch=prefetch, priority=priority, on_delivery=self._arrived, prepare=self._prepare
        )
        self._threads = [
            threading.Thread(target=self._work, name=f"{queue_name}-{thread_number}", daemon=True)
            for thread_number in range(threads)
        ]

    @property
    def running(self) -> bool:
        return self._subscription.consuming

    def start(self) -> None:
        for thread in self._threads:
            thread.start()
        self._subscription.start()

    def begin_close(self) -> None:
        """Take up nothing more; for who closes several at once."""
        self._closing.set()
        for _ in self._threads:
            self._waiting.put(None)

    def close(self, timeout_s: float = 30.0) -> None:
        deadline = monotonic() + timeout_s
        self.begin_close()
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(max(0.0, deadline - monotonic()))
        self._subscription.stop()

    def _prepare(self, channel: Any) -> str:
        """On each new channel, before it consumes; returns the queue."""
        return self._queue_name

    def _arrived(self, delivery: Delivery) -> None:
        """On the I/O thread."""
        self._waiting.put(delivery)

    @abstractmethod
    def _handle(self, delivery: Delivery) -> None:
        """Bring one delivery to its end, in one of the threads. Raises nothing."""

    def _work(self) -> None:
        while (delivery := self._waiting.get()) is not None:
            # Not started yet: the channel's end gives it back.
            if not self._closing.is_set() and self._subscription.is_current(delivery):
                self._handle(delivery)
