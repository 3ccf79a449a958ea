"""A queue with one consumer: in order, in batches of what has arrived, acknowledged together after the handler."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from shared.bus.settlement import BROKER_AWAY_S, QUARANTINE_AFTER, Disposal, handler_failed
from shared.contracts.problems import Code
from shared.process import tracing
from shared.process.clock import monotonic
from shared.process.logging import get_logger

from . import crash_counts, metrics, wire
from .link import Link
from .outcomes import Drop, Incoming, NotConfirmed, Outcome, StopConsuming
from .subscription import Delivery, Subscription

_BETWEEN_TRIES_S = (0.2, 1.0)

log = get_logger(part="bus")

BatchHandler = Callable[[Sequence[Incoming]], Sequence[Outcome]]
"""Handles the first messages of a batch, as many as it has time for and at least one; one outcome for each."""


@dataclass(slots=True)
class _InHand:
    """A delivery of a batch, decoded once."""

    delivery: Delivery
    incoming: Incoming | None = None


class SingleConsumer:
    """Closes by finishing what the handler has in hand and then closing the channel.

    Cancelling while it holds messages would hand the next one to a standby out of order. While it cannot continue
    (`StopConsuming`) nothing is acknowledged and nothing else taken; the same batch is tried again.
    """

    def __init__(
        self,
        link: Link,
        disposal: Disposal,
        queue_name: str,
        handle_batch: BatchHandler,
        *,
        max_batch: int,
        gather_s: float = 0.0,
    ) -> None:
        self._queue_name = queue_name
        self._handle_batch = handle_batch
        self._max_batch = max_batch
        self._gather_s = gather_s
        self._disposal = disposal
        self._waiting: deque[Delivery] = deque()
        self._arrived = threading.Condition()
        self._arrivals = crash_counts.Arrivals()
        self._closing = False
        # The next batch gathers while the last one is handled; batches of one are for who must never hold a second.
        self._prefetch = 2 * max_batch if max_batch > 1 else 1
        self._subscription = Subscription(
            link, queue_name, prefetch=self._prefetch, on_delivery=self._put, at_once=self._at_once
        )
        self._thread = threading.Thread(target=self._work, name=queue_name, daemon=True)

    @property
    def running(self) -> bool:
        return self._subscription.consuming

    def start(self) -> None:
        self._thread.start()
        self._subscription.start()

    def close(self, timeout_s: float = 30.0) -> None:
        with self._arrived:
            self._closing = True
            self._arrived.notify_all()
        deadline = monotonic() + timeout_s
        if threading.current_thread() is not self._thread:
            self._thread.join(timeout_s)
        self._subscription.stop(max(1.0, deadline - monotonic()))

    def _at_once(self, delivery: Delivery) -> int:
        return crash_counts.at_once(self._arrivals.deaths(delivery), self._prefetch)

    def _put(self, delivery: Delivery) -> None:
        self._arrivals.add(delivery)
        with self._arrived:
            self._waiting.append(delivery)
            self._arrived.notify()

    def _take(self) -> list[Delivery]:
        """What has arrived, at least one, in order; fewer of what was there when a process died. Empty when closing."""
        with self._arrived:
            while True:
                while not self._waiting and not self._closing:
                    self._arrived.wait()
                if self._closing:
                    return []
                batch: list[Delivery] = []
                most = self._max_batch
                while self._waiting:
                    delivery = self._waiting[0]
                    if not self._subscription.is_current(delivery):
                        self._waiting.popleft()
                        continue
                    most = crash_counts.at_once(self._arrivals.deaths(delivery), most)
                    if len(batch) >= most:
                        break
                    batch.append(self._waiting.popleft())
                if batch:
                    return batch

    def _work(self) -> None:
        while deliveries := self._take():
            began, newest = monotonic(), deliveries[-1]
            batch = [_InHand(delivery) for delivery in deliveries]
            wait_s = 0.0
            while batch and self._hold(batch, wait_s):
                wait_s = self._try(batch)
            # What was handed out before may be delivered a few at a time, so that no more can gather.
            if not newest.redelivered:
                self._gather(began + self._gather_s)

    def _gather(self, until: float) -> None:
        """Let messages come together that are in no hurry, unless they fill a batch before."""
        with self._arrived:
            self._arrived.wait_for(
                lambda: self._closing or len(self._waiting) >= self._max_batch, max(0.0, until - monotonic())
            )

    def _try(self, batch: list[_InHand]) -> float:
        """Handle the first of a batch and take them out of it; the seconds after which to try the others."""
        try:
            del batch[: self._dispose(batch)]
        except StopConsuming as stop:
            log.warning("consumer.stopped", queue=self._queue_name, reason=stop.reason, again_s=stop.again_after_s)
            return stop.again_after_s
        except NotConfirmed as error:
            log.warning("batch.not-settled", queue=self._queue_name, reason=str(error))
            return BROKER_AWAY_S
        except Exception:
            log.exception("consumer.failed", queue=self._queue_name, reason="unexpected error outside the handler")
            return BROKER_AWAY_S
        return 0.0

    def _hold(self, batch: list[_InHand], wait_s: float) -> bool:
        """Wait with a batch in hand; False when it is no longer ours to handle.

        Giving it back and taking it again would count as one more delivery in vain, and a database that is away for an
        hour would make every message look like a killer.
        """
        with self._arrived:
            self._arrived.wait_for(lambda: self._closing, wait_s)
            return not self._closing and self._subscription.is_current(batch[-1].delivery)

    def _dispose(self, batch: Sequence[_InHand]) -> int:
        """Bring the first deliveries to their end, acknowledged together; how many, at least one."""
        readable: list[tuple[Delivery, Incoming]] = []
        for entry in batch:
            try:
                entry.incoming = entry.incoming or self._read(entry.delivery)
            except wire.Undecodable as error:
                if readable:
                    break
                self._refuse(entry.delivery, str(error))
                return 1
            readable.append((entry.delivery, entry.incoming))
        outcomes = self._outcomes([incoming for _, incoming in readable])
        settled = list(zip(readable, outcomes, strict=False))
        for (delivery, _), outcome in settled:
            if isinstance(outcome, Drop):
                self._disposal.drop(delivery, outcome.reason)
        self._subscription.ack(batch[len(settled) - 1].delivery, multiple=True)
        for (delivery, incoming), outcome in settled:
            self._disposal.answer(delivery, incoming, outcome)
        return len(settled)

    def _refuse(self, delivery: Delivery, reason: str) -> None:
        self._disposal.drop(delivery, reason)
        self._subscription.ack(delivery, multiple=True)
        self._disposal.reply_problem(delivery, Code.INVALID, reason)

    def _read(self, delivery: Delivery) -> Incoming:
        """Raises `wire.Undecodable`, also for what has ended too many processes."""
        if self._arrivals.deaths(delivery) >= crash_counts.DEATHS:
            raise wire.Undecodable(crash_counts.CRASHED)
        return delivery.decoded()

    def _outcomes(self, batch: Sequence[Incoming]) -> Sequence[Outcome]:
        try:
            return self._handled(batch)
        except StopConsuming:
            raise
        except Exception:
            log.exception("batch.failed", queue=self._queue_name, size=len(batch), next_step="each message alone")
        # One of them is at fault; alone, the others pass.
        return [self._outcome(incoming) for incoming in batch]

    def _outcome(self, incoming: Incoming) -> Outcome:
        for tries in range(1, QUARANTINE_AFTER + 1):
            try:
                return self._handled([incoming])[0]
            except StopConsuming:
                raise
            except Exception as error:
                reason = handler_failed(incoming, error, tries)
            if tries < QUARANTINE_AFTER:
                with self._arrived:
                    self._arrived.wait_for(lambda: self._closing, _BETWEEN_TRIES_S[tries - 1])
                    if self._closing:
                        raise StopConsuming("closing")
        return Drop(reason)

    def _handled(self, batch: Sequence[Incoming]) -> Sequence[Outcome]:
        parents = [incoming.envelope.traceparent for incoming in batch]
        with (
            metrics.processing(self._queue_name, len(batch)) as counted,
            tracing.processing(self._queue_name, parents) as traced,
        ):
            outcomes = self._handle_batch(batch)
            counted.messages = traced.messages = len(outcomes)
        if not 1 <= len(outcomes) <= len(batch):
            raise ValueError(f"{len(outcomes)} outcomes for {len(batch)} messages of {self._queue_name}")
        metrics.BATCH.labels(self._queue_name).observe(len(outcomes))
        for outcome in outcomes:
            if not isinstance(outcome, Outcome):
                raise TypeError(f"{outcome!r} is not an outcome")
        return outcomes
