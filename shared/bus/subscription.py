"""One queue consumed on a channel of its own, opened again for ever."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from shared.process.clock import monotonic
from shared.process.logging import get_logger

from . import wire
from .link import NOT_FOUND, Link
from .outcomes import Incoming

_AGAIN_S = 1.0
_LOOK_S = 20.0
_PROBE_S = 5.0

log = get_logger(part="bus")


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message as it came, and the generation of the channel that brought it: acks of an older one are dropped."""

    generation: int
    tag: int
    redelivered: bool
    properties: Any
    body: bytes
    arrived_at: float = field(default_factory=monotonic)

    @property
    def is_stale(self) -> bool:
        """Whether it has waited here for as long as its sender waits for an answer, by this process's clock alone."""
        lasts_ms = self.properties.expiration
        return bool(lasts_ms) and monotonic() - self.arrived_at > int(lasts_ms) / 1000

    def header(self, name: str) -> Any:
        return (self.properties.headers or {}).get(name)

    def count(self, name: str) -> int:
        """A header that counts; 0 when it is absent or nonsense."""
        value = self.header(name)
        return value if isinstance(value, int) else 0

    def decoded(self) -> Incoming:
        """As a handler gets it. Raises `wire.Undecodable`."""
        topic, envelope, message = wire.unpack(self.body)
        return Incoming(
            topic,
            envelope,
            message,
            redelivered=self.redelivered,
            failures=self.count(wire.FAILURES),
            wants_reply=bool(self.properties.reply_to),
        )


class Subscription:
    """`generation` may be read anywhere; deliveries come on the I/O thread and must be handed on at once.

    `probe` is given the channel every few seconds, to close it when it finds that nothing can arrive over it.
    With `at_once`, which says how many messages may be here together with a delivery, a new channel gets one message at
    a time until a delivery allows more: what came back unfinished is delivered first. Acks must then be `multiple`.
    A consumer's width is fixed, so a wider one takes its place: it waits for the queue before the first is cancelled,
    and no ack leaves meanwhile. Nobody else can get a message between the two, and pika, which returns whatever
    comes for a consumer that is being cancelled, has none to return: it would be delivered again behind later ones.
    """

    def __init__(
        self,
        link: Link,
        queue: str,
        *,
        prefetch: int,
        on_delivery: Callable[[Delivery], None],
        priority: int = 0,
        auto_ack: bool = False,
        at_once: Callable[[Delivery], int] | None = None,
        prepare: Callable[[Any], str] | None = None,
        on_subscribed: Callable[[], None] | None = None,
        probe: Callable[[Any], None] | None = None,
    ) -> None:
        self._link = link
        self._queue = queue
        self._prefetch = prefetch
        self._arguments = {"x-priority": priority} if priority else None
        self._on_delivery = on_delivery
        self._auto_ack = auto_ack
        self._at_once = at_once
        self._width = prefetch
        self._acknowledged = 0
        self._widening = False
        self._kept_ack: Delivery | None = None
        """The newest of those submitted while a wider consumer takes over."""
        self._prepare = prepare
        self._on_subscribed = on_subscribed
        self._probe = probe
        self._connection: Any = None
        self._channel: Any = None
        self._opening = False
        self._wanted = True
        self._closed = threading.Event()
        self._counting = False
        self.generation = 0
        self.consuming = False
        self.heard_until = monotonic()
        """Every message that had reached the queue by then has arrived here; `listen_on` moves it."""

    def start(self) -> None:
        self._link.submit(lambda: self._link.add_user(self))

    def ack(self, delivery: Delivery, *, multiple: bool = False) -> None:
        """Acknowledge one delivery, or all up to it. From any thread."""
        self._link.submit(lambda: self._ack(delivery, multiple))

    def listen_on(self) -> None:
        """Ask the broker, unless it is being asked, whether messages are left; if none is, `heard_until` moves to now.

        A late broker, connection or I/O thread leaves it where it is. From any thread.
        """
        self._link.submit(self._count)

    def settle(self, timeout_s: float = 5.0) -> None:
        """Wait until the broker has taken in every ack submitted so far. Not from the I/O thread."""
        done = threading.Event()
        self._link.submit(lambda: self._ask_after_acks(done))
        done.wait(timeout_s)

    def requeue(self, delivery: Delivery) -> None:
        """Give one delivery back to its queue. From any thread."""
        self._link.submit(lambda: self._requeue(delivery))

    def stop(self, timeout_s: float = 5.0) -> None:
        """Close the channel for good, after the acks that were submitted so far. Waits until it is closed."""
        self._link.submit(self._stop)
        if not self._link.on_thread():
            self._closed.wait(timeout_s)

    def is_current(self, delivery: Delivery) -> bool:
        """Whether an ack of this delivery could still arrive."""
        return delivery.generation == self.generation

    # Everything below runs on the I/O thread.

    def on_up(self, connection: Any) -> None:
        self._connection = connection
        self._open()

    def on_down(self, reason: str) -> None:
        self._connection = self._channel = None
        self._opening = self.consuming = False
        self.generation += 1
        if not self._wanted:
            self._finish()

    def _open(self) -> None:
        if self._wanted and not self._opening and self._channel is None and self._connection:
            self._opening = True
            self._connection.channel(on_open_callback=self._opened)

    def _opened(self, channel: Any) -> None:
        self._opening = False
        self._channel = channel
        self._counting = False
        self.generation += 1
        generation = self.generation
        channel.add_on_close_callback(self._channel_closed)
        if not self._wanted:
            channel.close()
            return
        # The broker cancels a consumer whose queue was deleted: the queue is declared again, then consumed.
        channel.add_on_cancel_callback(lambda _frame: self._link.declare_again(channel.close))
        queue = self._prepare(channel) if self._prepare is not None else self._queue
        self._width, self._acknowledged = self._prefetch if self._at_once is None else 1, 0
        self._widening, self._kept_ack = False, None

        def deliver(_channel: Any, method: Any, properties: Any, body: bytes) -> None:
            delivery = Delivery(generation, method.delivery_tag, method.redelivered, properties, body)
            self._on_delivery(delivery)
            if self._widens(delivery):
                self._widening = True
                consume(instead_of=method.consumer_tag)

        tags = itertools.count()

        def consume(instead_of: str | None = None) -> None:
            def subscribed(frame: Any) -> None:
                self._subscribed(frame)
                if instead_of is not None:
                    channel.basic_cancel(instead_of, callback=lambda _frame: self._widened())

            if not self._auto_ack:
                channel.basic_qos(prefetch_count=self._width)
            # Of a lost channel a quorum queue takes back what each consumer held in the order of their tags (RabbitMQ
            # 3.10, rabbit_fifo:handle_down): with random ones the oldest message might come last.
            tag = f"{self._queue}.{next(tags)}"
            channel.basic_consume(
                queue,
                deliver,
                auto_ack=self._auto_ack,
                consumer_tag=tag,
                arguments=self._arguments,
                callback=subscribed,
            )

        consume()

    def _widens(self, delivery: Delivery) -> bool:
        """Whether more messages may come at once from here on.

        Not while any is on its way to the consumer that would be cancelled.
        """
        if self._at_once is None or self._widening:
            return False
        width = min(self._prefetch, self._at_once(delivery))
        if width <= self._width or delivery.tag - self._acknowledged < self._width:
            return False
        self._width = width
        return True

    def _widened(self) -> None:
        self._widening = False
        delivery, self._kept_ack = self._kept_ack, None
        if delivery is not None:
            self._ack(delivery, multiple=True)
        if not self._wanted:
            self._stop()

    def _subscribed(self, _frame: Any) -> None:
        if not self.consuming and not self._auto_ack:
            self._link.later(_LOOK_S, lambda generation=self.generation: self._look(generation))  # type: ignore[misc]
        if not self.consuming and self._probe is not None:
            self._link.later(_PROBE_S, lambda generation=self.generation: self._run_probe(generation))  # type: ignore[misc]
        self.consuming = True
        if self._on_subscribed is not None:
            self._on_subscribed()

    def _look(self, generation: int) -> None:
        """Ask whether the broker still knows us: a queue deleted and created again may not, and never says so."""
        if generation != self.generation or not self.consuming or not self._channel.is_open:
            return
        channel = self._channel

        def counted(frame: Any) -> None:
            if frame.method.consumer_count:
                self._link.later(_LOOK_S, lambda: self._look(generation))
            elif channel.is_open:
                log.warning("consumer.cancelled", queue=self._queue, again_after_s=_AGAIN_S)
                channel.close()

        channel.queue_declare(self._queue, passive=True, callback=counted)

    def _run_probe(self, generation: int) -> None:
        if generation != self.generation or self._probe is None or not self._channel.is_open:
            return
        self._probe(self._channel)
        self._link.later(_PROBE_S, lambda: self._run_probe(generation))

    def _count(self) -> None:
        if self._counting or not self.consuming or not self._channel.is_open:
            return
        self._counting, asked_at = True, monotonic()

        def counted(frame: Any) -> None:
            self._counting = False
            # A queue that has lost its leader counts neither messages nor consumers, us included.
            if frame.method.message_count == 0 and frame.method.consumer_count:
                self.heard_until = asked_at

        self._channel.queue_declare(self._queue, passive=True, callback=counted)

    def _channel_closed(self, channel: Any, reason: Any) -> None:
        if channel is not self._channel:
            return
        self._channel = None
        self.consuming = False
        self.generation += 1
        if not self._wanted:
            self._finish()
        elif self._link.up and self._connection is not None and self._connection.is_open:
            log.warning("consumer.channel-closed", queue=self._queue, reason=str(reason), again_after_s=_AGAIN_S)
            if getattr(reason, "reply_code", None) == NOT_FOUND:
                self._link.declare_again(self._open)
            else:
                self._link.later(_AGAIN_S, self._open)

    def _ack(self, delivery: Delivery, multiple: bool) -> None:
        if self._widening and self.is_current(delivery):
            self._kept_ack = delivery
        elif self._channel is not None and self._channel.is_open and self.is_current(delivery):
            self._channel.basic_ack(delivery.tag, multiple=multiple)
            if multiple:
                self._acknowledged = delivery.tag

    def _ask_after_acks(self, done: threading.Event) -> None:
        # A channel answers in order: this answer comes after all that was sent before it.
        if self._channel is not None and self._channel.is_open:
            self._channel.basic_qos(prefetch_count=self._prefetch, callback=lambda _frame: done.set())
        else:
            done.set()

    def _requeue(self, delivery: Delivery) -> None:
        if self._channel is not None and self._channel.is_open and self.is_current(delivery):
            self._channel.basic_nack(delivery.tag, requeue=True)

    def _stop(self) -> None:
        self._wanted = False
        if self._widening:
            return  # `_widened` ends it, after the ack that is kept until then.
        if self._channel is not None and self._channel.is_open:
            self._channel.close()
        elif self._channel is None and not self._opening:
            self._finish()

    def _finish(self) -> None:
        self._link.remove_user(self)
        self._closed.set()
