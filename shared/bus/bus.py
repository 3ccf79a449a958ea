"""The post office of one process: two connections, and every way to send and to receive."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from typing import Protocol

from shared.bus.broadcasts import NewsConsumer
from shared.bus.settlement import Disposal
from shared.contracts.base import Message
from shared.contracts.envelope import Caller
from shared.contracts.topics import MOVED, RETIRED, Mode, Queue, Service, Topic
from shared.process import tracing
from shared.process.clock import monotonic
from shared.process.logging import get_logger
from shared.process.metrics import BROKER_BLOCKED, BROKER_UP

from . import metrics, topology, wire
from .dead import DeadConsumer
from .link import Link
from .outcomes import DeadLetter, Incoming, NotConfirmed, Outcome, RequestTimeout, TooLarge
from .pool import PoolConsumer
from .publisher import Publisher
from .requester import REPLY_TO, Requester
from .retirement import Retirement
from .serve import RpcConsumer, Server
from .single import SingleConsumer

_GRACE_S = 0.5

log = get_logger(part="bus")


class Consumer(Protocol):
    """Something that receives until it is closed."""

    @property
    def running(self) -> bool:
        """Whether the broker delivers to it now."""
        ...

    def close(self, timeout_s: float = 30.0) -> None:
        """Finish what is in hand, then close the channel; what only waited goes back to the queue."""
        ...


class _Startable(Consumer, Protocol):
    def start(self) -> None: ...


class Bus:
    """Open it after any fork. Everything may be called from any thread.

    One connection sends and one receives: a broker short of memory stops reading from connections that publish, and
    acknowledgements must pass all the same.
    """

    def __init__(self, url: str, *, service: Service, instance: str) -> None:
        self.service = service
        self.instance = instance
        self.source = f"portside/{service}/{instance}"
        self._sending = Link(url, f"{self.source} sends")
        self._receiving = Link(url, f"{self.source} receives")
        self._sending.add_user(_Pair(self._receiving))
        self._receiving.add_user(_Pair(self._sending))
        retired = {name: queue for name, queue in RETIRED.items() if queue.service is service}
        self._receiving.add_user(Retirement(self._receiving, retired))
        self._publisher = Publisher(self._sending)
        self._requester = Requester(self._sending)
        self._consumers: list[Consumer] = []
        self._lock = threading.Lock()
        self._opened = False

    def open(self) -> None:
        """Start to connect, in the background and for ever."""
        if not self._opened:
            self._opened = True
            tracing.start(self.service, self.instance)
            self._sending.open()
            self._receiving.open()

    def close(self, timeout_s: float = 10) -> None:
        """Finish what is in hand, wait for outstanding confirms, and disconnect."""
        deadline = monotonic() + timeout_s
        with self._lock:
            consumers, self._consumers = self._consumers, []
        # All at once: each may have to finish something.
        closers = [
            threading.Thread(target=consumer.close, args=(timeout_s,), name="bus-close", daemon=True)
            for consumer in consumers
        ]
        for closer in closers:
            closer.start()
        for closer in closers:
            closer.join(max(0.1, deadline - monotonic()))
        pause = threading.Event()
        while self._publisher.outstanding and self._publisher.ready and monotonic() < deadline:
            pause.wait(0.01)
        if self._opened:
            for link in (self._receiving, self._sending):
                link.close(max(1.0, deadline - monotonic()))
            tracing.stop()

    def __enter__(self) -> Bus:
        self.open()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    @property
    def connected(self) -> bool:
        """Whether a message published now has a chance: connected, ready and not blocked."""
        return self._publisher.usable and self._requester.usable

    @property
    def blocked(self) -> bool:
        """Whether the broker is short of memory or disk and takes nothing."""
        return self._sending.blocked

    @property
    def trouble(self) -> str:
        """One line for the health file: why the broker cannot be used, and what to do. Empty when it can."""
        if self._sending.blocked:
            return "The broker blocks publishers: it is short of memory or disk. Free some; nothing is lost."
        for link in (self._sending, self._receiving):
            if not link.up:
                return (
                    f"The broker is away: {link.why_down or 'connecting'}. Start it or check AMQP_URL; we keep trying."
                )
        if not self.connected:
            return "The broker is there; its channels are not open yet."
        return self._receiving.trouble or self._publisher.trouble or self._requester.trouble

    def sample(self) -> None:
        """Set the gauges that say how the broker is."""
        BROKER_UP.set(self.connected)
        BROKER_BLOCKED.set(self.blocked)

    def wait_connected(self, timeout_s: float) -> bool:
        """Wait until `connected`, at most so long; for starts and tests."""
        deadline, pause = monotonic() + timeout_s, threading.Event()
        while not self.connected and monotonic() < deadline:
            pause.wait(0.02)
        return self.connected

    def publish(
        self,
        topic: Topic,
        message: Message,
        *,
        subject: str,
        correlation_id: str | None = None,
        causation_id: str | None = None,
        message_id: str | None = None,
        timeout_s: float = 5.0,
    ) -> None:
        """Send, and return when the broker has it safe; NotConfirmed otherwise, at once where it is away.

        Raises `TooLarge`, as every other way to send does.
        """
        future = self.publish_nowait(
            topic,
            message,
            subject=subject,
            correlation_id=correlation_id,
            causation_id=causation_id,
            message_id=message_id,
            timeout_s=timeout_s,
        )
        try:
            future.result(timeout_s)
        except FutureTimeout as error:
            raise NotConfirmed(f"{topic.name} was not confirmed within {timeout_s:g} s") from error

    def publish_nowait(
        self,
        topic: Topic,
        message: Message,
        *,
        subject: str,
        correlation_id: str | None = None,
        causation_id: str | None = None,
        message_id: str | None = None,
        timeout_s: float = 5.0,
    ) -> Future[None]:
        """Send without waiting; the future resolves on the confirm. Its callbacks run on the I/O thread: be short."""
        own_traceparent, on_sent = tracing.sending(topic.name)
        parcel = wire.pack(
            topic,
            message,
            source=self.source,
            subject=subject,
            message_id=message_id,
            correlation_id=correlation_id,
            causation_id=causation_id,
            traceparent=own_traceparent,
        )
        future = self._publisher.publish(
            topology.exchange_of(topic),
            topic.routing_key,
            parcel.body,
            parcel.properties,
            mandatory=topology.is_mandatory(topic),
            timeout_s=timeout_s,
            subject=topic.name,
        )
        metrics.watch(future, topic.name, "publish")
        future.add_done_callback(on_sent)
        return future

    def broadcast(self, topic: Topic, message: Message, *, subject: str) -> None:
        """Tell the current listeners; never waits, silently lost while the broker is away or where it is too large."""
        if not self._publisher.usable:
            return
        try:
            parcel = wire.pack(topic, message, source=self.source, subject=subject, persistent=False)
        except TooLarge as error:
            log.warning("broadcast.too-large", topic=topic.name, subject=subject, reason=str(error))
            return
        self._publisher.send(topology.exchange_of(topic), topic.routing_key, parcel.body, parcel.properties)
        metrics.sent(topic.name, "broadcast")

    def request(
        self,
        topic: Topic,
        message: Message,
        *,
        subject: str = "",
        caller: Caller | None = None,
        command_id: str | None = None,
        timeout_s: float = 5.0,
    ) -> Message:
        """Ask and wait for the answer. Raises Refused, RequestTimeout or Unavailable."""
        future = self.request_nowait(
            topic, message, subject=subject, caller=caller, command_id=command_id, timeout_s=timeout_s
        )
        try:
            return future.result(timeout_s + _GRACE_S)
        except FutureTimeout as error:
            raise RequestTimeout(f"{topic.name}: no answer within {timeout_s:g} s") from error

    def request_nowait(
        self,
        topic: Topic,
        message: Message,
        *,
        subject: str = "",
        caller: Caller | None = None,
        command_id: str | None = None,
        timeout_s: float = 5.0,
        doubt_after_s: float = math.inf,
    ) -> Future[Message]:
        """Ask without waiting; the future gives the answer or raises as `request` does.

        With `doubt_after_s` a request may wait long for a busy process and still show soon that a channel is broken.
        """
        if topic.reply is None:
            raise TypeError(f"{topic.type} has no reply to wait for; publish it")
        # What waits in an RPC queue is worthless when nobody waits for it; in an ordered queue it still counts.
        own_traceparent, on_answered = tracing.sending(topic.name)
        rpc = all(queue.mode is Mode.RPC for queue in topic.queues)
        parcel = wire.pack(
            topic,
            message,
            source=self.source,
            subject=subject,
            caller=caller,
            command_id=command_id,
            traceparent=own_traceparent,
            persistent=not rpc,
            reply_to=REPLY_TO,
            expires_after_s=timeout_s if rpc else None,
        )
        future = self._requester.ask(topic, parcel, timeout_s, doubt_after_s)
        metrics.watch(future, topic.name, "request")
        future.add_done_callback(on_answered)
        return future

    def consume_pool(
        self, queue: Queue, handlers: Mapping[Topic, Callable[[Incoming], Outcome]], *, threads: int, prefetch: int
    ) -> Consumer:
        """Handle a pool queue in `threads` threads, with at most `prefetch` messages in the process."""
        _check(queue, Mode.POOL, handlers)
        return self._started(
            PoolConsumer(
                self._receiving, self._disposal(queue), queue.name, handlers, threads=threads, prefetch=prefetch
            )
        )

    def consume_single(
        self,
        queue: Queue,
        handle_batch: Callable[[Sequence[Incoming]], Sequence[Outcome]],
        *,
        max_batch: int = 200,
        gather_s: float = 0.0,
    ) -> Consumer:
        """Handle an ordered queue in one thread, a batch of what has arrived at a time.

        A handler returns an outcome for each message, or for the first of them, at least one: those are acknowledged
        and answered, and it gets the others next.

        Where several processes consume the queue and only one may work at a time, `max_batch` is 1. Batches begin at
        least `gather_s` apart unless they are full: for what is in no hurry.
        """
        _check(queue, Mode.SINGLE, {})
        return self._started(
            SingleConsumer(
                self._receiving,
                self._disposal(queue),
                queue.name,
                handle_batch,
                max_batch=max_batch,
                gather_s=gather_s,
            )
        )

    def serve(
        self,
        queue: Queue,
        handlers: Mapping[Topic, Server],
        *,
        threads: int,
        deferred: int = 0,
        on_arrival: Callable[[Incoming], None] | None = None,
        priority: int = 0,
    ) -> RpcConsumer:
        """Answer requests in `threads` threads; a handler raises Refused to answer a problem.

        Of several processes those of the highest `priority` get all that they have room for.

        Up to `deferred` requests beyond what the threads need may wait in this process: those that a handler answers by
        a future, or all that come at once. `on_arrival` is called on the I/O thread for each, before it waits.
        """
        _check(queue, Mode.RPC, handlers)
        consumer = RpcConsumer(
            self._receiving,
            self._disposal(queue),
            queue.name,
            handlers,
            threads=threads,
            deferred=deferred,
            on_arrival=on_arrival,
            priority=priority,
            moved=topology.moved_bindings_of(queue),
        )
        self._started(consumer)
        return consumer

    def listen(
        self,
        queue: Queue,
        handlers: Mapping[Topic, Callable[[Incoming], None]],
        *,
        on_gap: Callable[[], None] | None = None,
    ) -> Consumer:
        """Hear broadcasts in one thread; `on_gap` is called there after every subscription, for news may be missed."""
        _check(queue, Mode.BROADCAST, {})
        return self._started(NewsConsumer(self._receiving, queue.name, self.instance, handlers, on_gap))

    def consume_dead(self, handle: Callable[[DeadLetter], None]) -> Consumer:
        """Read the dead letters; one is acknowledged when `handle` returns."""
        return self._started(DeadConsumer(self._receiving, handle))

    def _disposal(self, queue: Queue) -> Disposal:
        return Disposal(self._publisher, queue.name, self.source)

    def _started(self, consumer: _Startable) -> Consumer:
        consumer.start()
        with self._lock:
            self._consumers.append(consumer)
        return consumer


class _Pair:
    """When one connection is back the other need not wait any longer."""

    def __init__(self, other: Link) -> None:
        self._other = other

    def on_up(self, _connection: object) -> None:
        self._other.hurry()

    def on_down(self, _reason: str) -> None:
        """The other notices by itself."""


def _check(queue: Queue, mode: Mode, handlers: Mapping[Topic, object]) -> None:
    if queue.mode is not mode:
        raise ValueError(f"{queue.name} is a {queue.mode} queue, not {mode}")
    for topic in handlers:
        if queue not in topic.queues and topic not in MOVED.get(queue, ()):
            raise ValueError(f"{topic.name} does not arrive in {queue.name}")
