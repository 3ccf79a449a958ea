"""One connection to the broker and the one thread that owns it.

pika has no thread-safe connection: every call that touches one happens on its own I/O thread, and everybody else
schedules onto it with `submit`. The link connects for ever, to one node after another, with backoff and jitter after
each round, and declares the topology before it tells its users that it is up.
"""

from __future__ import annotations

import contextlib
import logging
import random
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import pika
import pika.exceptions
from pika.adapters.select_connection import IOLoop, SelectConnection
from pika.channel import Channel

from shared.bus.errors import describe
from shared.process.backoff import doubled
from shared.process.clock import monotonic
from shared.process.logging import get_logger

from .declare import Declaration
from .nodes import Address, Nodes

_NEXT_NODE_S = 0.02
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.2, 5.0
_BEFORE_DECLARING_AGAIN_S = 1.0
_BETWEEN_DECLARATIONS_S = 5.0
NOT_FOUND = 404
_REPLY_LEAVING, _LONGEST_REPLY = 200, 200
_BEFORE_REPAIR_S = 10.0
_STABLE_S = 5.0
"""A link that was up for this long has recovered: the next loss restarts the backoff."""

log = get_logger(part="bus")


class LinkListener(Protocol):
    """Who wants to know about a link; all calls come on its I/O thread."""

    def on_up(self, connection: Any) -> None: ...

    def on_down(self, reason: str) -> None: ...


class _Channel(Channel):  # type: ignore[misc]  # pika has no types
    """Closes without cancelling its consumers first, as pika would.

    A cancelled consumer's queue goes to the next one while this channel still holds messages of it: the next one would
    get what comes after them first. What a closed channel held is back in the queue before anybody else consumes.
    """

    _ends = False

    def close(self, reply_code: int = 0, reply_text: str = "Normal shutdown") -> None:
        self._ends = True
        super().close(reply_code, reply_text)

    def basic_cancel(self, *arguments: Any, **options: Any) -> None:
        if not self._ends:
            super().basic_cancel(*arguments, **options)


class _Connection(SelectConnection):  # type: ignore[misc]  # pika has no types
    """Sends what one turn of the I/O thread produced in one piece; pika would make three system calls a message."""

    _corked: list[bytes] | None = None

    def cork(self) -> None:
        self._corked = []

    def uncork(self) -> None:
        frames, self._corked = self._corked, None
        if frames:
            self._output_marshaled_frames(frames)

    def _output_marshaled_frames(self, marshaled_frames: Sequence[bytes]) -> None:
        if self._corked is not None:
            self._corked.extend(marshaled_frames)
        else:
            super()._output_marshaled_frames([b"".join(marshaled_frames)])

    def _create_channel(self, channel_number: int, on_open_callback: Callable[[Channel], Any] | None) -> _Channel:
        return _Channel(self, channel_number, on_open_callback)


class Link:
    """A connection that comes back. `up` and `blocked` may be read anywhere; all else belongs to the I/O thread."""

    def __init__(self, url: str, name: str) -> None:
        self._nodes = Nodes(url, name)
        self._untried: deque[pika.URLParameters] = deque()
        """The rest of the round of nodes; empty until one begins."""
        self._node: Address | None = None
        self._name = name
        self._users: list[LinkListener] = []
        self._calls: deque[Callable[[], None]] = deque()
        self._scheduled = False
        self._loop: Any = None
        """pika's loop, with its sockets: from `open` on."""
        self._connection: _Connection | None = None
        self._thread: threading.Thread | None = None
        self._closing = False
        self._declaration: Declaration | None = None
        self._after_declaring: list[Callable[[], None]] = []
        self._declared_at = 0.0
        self._waiting: Any = None
        self._attempts = 0
        self._up_since = 0.0
        self.up = False
        self.blocked = False
        self.why_down: str = "not opened yet"

    def add_user(self, user: LinkListener) -> None:
        """Before `open`, or from the I/O thread."""
        self._users.append(user)
        if self.up:
            self._tell(lambda: user.on_up(self._connection))

    def remove_user(self, user: LinkListener) -> None:
        if user in self._users:
            self._users.remove(user)

    def open(self) -> None:
        """Start the thread; it connects at once and for ever."""
        # pika tells each failed attempt in a dozen lines; we say it in one.
        logging.getLogger("pika").setLevel(logging.CRITICAL)
        self._begin_loop()
        self._thread = threading.Thread(target=self._run, name=f"bus-{self._name}", daemon=True)
        self._thread.start()

    def close(self, timeout_s: float) -> None:
        """Close the connection in order and end the thread."""
        self.submit(self._begin_close)
        if self._thread is not None:
            self._thread.join(timeout_s)

    def submit(self, call: Callable[[], None]) -> None:
        """Run `call` on the I/O thread soon, in the order of submission. From any thread."""
        self._calls.append(call)
        if not self._scheduled:
            self._scheduled = True
            # A loop that is just being replaced may be closed; the new one drains the same calls.
            with contextlib.suppress(Exception):
                self._loop.add_callback_threadsafe(self._drain)

    def later(self, delay_s: float, call: Callable[[], None]) -> None:
        """Run `call` on the I/O thread after a delay. Only from the I/O thread."""
        self._loop.call_later(delay_s, lambda: self._tell(call))

    def hurry(self) -> None:
        """Try to connect now rather than after the wait: somebody has seen the broker. From any thread."""
        self.submit(self._hurry)

    def change_node(self, reason: str) -> None:
        """Leave this node for the next: it accepts connections and yet does not work. Only from the I/O thread."""
        if self.up and self._connection is not None and self._connection.is_open:
            log.warning("node.left", connection=self._name, node=_text(self._node), reason=reason)
            self._connection.close(_REPLY_LEAVING, reason[:_LONGEST_REPLY])

    @property
    def trouble(self) -> str:
        """Which queues could not be declared, and why; empty when all are there."""
        return self._declaration.trouble if self._declaration is not None else ""

    def on_thread(self) -> bool:
        """Whether the caller is the I/O thread, which must never wait for the broker."""
        return threading.current_thread() is self._thread

    def declare_again(self, then: Callable[[], None]) -> None:
        """An exchange or queue is missing: declare everything again, a moment later. Only from the I/O thread.

        A broker whose queue is declared again before it has told the old one's consumers never tells them. Who finds
        something missing meanwhile waits for the same declaration.
        """
        self._after_declaring.append(then)
        if len(self._after_declaring) == 1:
            wait_s = max(_BEFORE_DECLARING_AGAIN_S, self._declared_at + _BETWEEN_DECLARATIONS_S - monotonic())
            self._loop.call_later(wait_s, lambda: self._tell(self._declare_again))

    def open_channel_again(self, channel: Any, reason: Any, opened: Callable[[Any], None]) -> None:
        """This channel alone was closed. Where an exchange was missing, all is declared first.

        Only from the I/O thread.
        """
        if not self.up or not channel.connection.is_open:
            return

        def open_channel() -> None:
            if self.up and self._connection is not None:
                self._connection.channel(on_open_callback=opened)

        log.warning("channel.closed", connection=self._name, reason=str(reason))
        if getattr(reason, "reply_code", None) == NOT_FOUND:
            self.declare_again(open_channel)
        else:
            open_channel()

    # Everything below runs on the I/O thread.

    def _run(self) -> None:
        self._connect()
        while True:
            try:
                self._loop.start()
            except Exception:
                # A loop that pika's own code threw out of is not trusted again: everything restarts.
                log.exception("connection.failed", connection=self._name, reason="unexpected error in the I/O thread")
                self._start_over()
                continue
            if self._closing:
                self._loop.close()
                return

    def _begin_loop(self) -> None:
        """With what was submitted before."""
        self._loop = IOLoop()
        self._scheduled = True
        self._loop.add_callback_threadsafe(self._drain)

    def _start_over(self) -> None:
        old, self._waiting = self._loop, None
        self._begin_loop()
        with contextlib.suppress(Exception):
            old.close()
        self._lost("unexpected error in the I/O thread")

    def _drain(self) -> None:
        # Cleared first: a call submitted from here on schedules the next turn.
        self._scheduled = False
        connection = self._connection
        if connection is not None:
            connection.cork()
        try:
            for _ in range(len(self._calls)):
                self._tell(self._calls.popleft())
        finally:
            # A connection that ended within this turn has nowhere to write to.
            if connection is not None:
                with contextlib.suppress(Exception):
                    connection.uncork()

    def _tell(self, call: Callable[[], None]) -> None:
        try:
            call()
        except pika.exceptions.AMQPError as error:
            # The channel or connection ended under the call; its close callback tells everybody.
            log.debug("channel.call-ignored", connection=self._name, reason=repr(error))
        except Exception:
            log.exception("channel.call-failed", connection=self._name, reason="unexpected error; see the traceback")

    def _connect(self) -> None:
        self._waiting = None
        if self._closing:
            return
        if self._untried:
            self._connect_to(self._untried.popleft())
        else:
            # To look a name up may take seconds, and this thread is needed to close.
            threading.Thread(target=self._look_up, name=f"bus-{self._name}-names", daemon=True).start()

    def _look_up(self) -> None:
        try:
            nodes = self._nodes.in_turn(self._node)
        except OSError as error:
            reason = describe(error)
            self.submit(lambda: self._begin_round([], reason))
        else:
            self.submit(lambda: self._begin_round(nodes, ""))

    def _begin_round(self, nodes: list[pika.URLParameters], flaw: str) -> None:
        if self._closing or self._connection is not None or self._waiting is not None:
            return  # Meanwhile something else has led to an attempt.
        self._untried = deque(nodes)
        if nodes:
            self._connect()
        else:
            self._lost(flaw)

    def _connect_to(self, node: pika.URLParameters) -> None:
        self._node = (node.host, node.port)
        self._connection = _Connection(
            node,
            on_open_callback=self._opened,
            on_open_error_callback=lambda _connection, error: self._lost(describe(error)),
            on_close_callback=lambda _connection, error: self._lost(describe(error)),
            custom_ioloop=self._loop,
        )

    def _opened(self, connection: _Connection) -> None:
        if self._closing:
            connection.close()
            return
        connection.add_on_connection_blocked_callback(lambda _connection, _method: self._set_blocked(True))
        connection.add_on_connection_unblocked_callback(lambda _connection, _method: self._set_blocked(False))
        self._declare(self._ready)

    def _declare(self, then: Callable[[], None]) -> None:
        connection = self._connection

        def declared() -> None:
            if connection is not self._connection:
                return
            if self._declaration is not None and self._declaration.trouble:
                self.later(_BEFORE_REPAIR_S, lambda: self._repair(connection))
            then()

        self._declaration = Declaration(connection, declared)

    def _repair(self, connection: Any) -> None:
        """Declare again what could not be: what it needs may be back."""
        if self.up and connection is self._connection:
            self.declare_again(lambda: None)

    def _ready(self) -> None:
        self.up, self.blocked, self._up_since, self.why_down = True, False, monotonic(), ""
        # A later loss looks the names up again: a node that was replaced has another address.
        self._untried.clear()
        log.info("broker.connected", connection=self._name, node=_text(self._node))
        for user in tuple(self._users):
            self._tell(lambda user=user: user.on_up(self._connection))  # type: ignore[misc]

    def _declare_again(self) -> None:
        waiting, self._after_declaring = self._after_declaring, []
        self._declared_at = monotonic()
        if self.up and self._connection is not None:
            log.warning("queue.missing", connection=self._name, next_step="declaring all again")

            def declared() -> None:
                for then in waiting:
                    self._tell(then)

            self._declare(declared)

    def _set_blocked(self, blocked: bool) -> None:
        self.blocked = blocked
        if blocked:
            log.warning("broker.blocked", connection=self._name, next_step="free its memory or disk")
        else:
            log.info("broker.unblocked", connection=self._name)

    def _lost(self, reason: str) -> None:
        was_up, self.up, self.blocked, self._connection = self.up, False, False, None
        # All that wait open their channels on the next connection, which begins by declaring.
        self._after_declaring.clear()
        self.why_down = reason
        if was_up:
            for user in tuple(self._users):
                self._tell(lambda user=user: user.on_down(reason))  # type: ignore[misc]
        if self._closing:
            self._loop.stop()
            return
        if was_up and monotonic() - self._up_since >= _STABLE_S:
            self._attempts = 0
        if self._untried:
            log.debug("node.unreachable", connection=self._name, node=_text(self._node), reason=reason)
            self._waiting = self._loop.call_later(_NEXT_NODE_S, self._connect)
            return
        wait_s = doubled(_FIRST_WAIT_S, self._attempts + 1, _LONGEST_WAIT_S) * random.uniform(0.5, 1.0)
        # Said once when it is lost and then rarely: an hour without a broker is one fact, not a thousand.
        if was_up or self._attempts in (0, 4) or self._attempts % 60 == 0:
            log.warning("broker.lost", connection=self._name, reason=reason, again_after_s=round(wait_s, 1))
        self._attempts += 1
        self._waiting = self._loop.call_later(wait_s, self._connect)

    def _hurry(self) -> None:
        if self._waiting is not None:
            self._loop.remove_timeout(self._waiting)
            self._connect()

    def _begin_close(self) -> None:
        self._closing = True
        if self._connection is None or self._connection.is_closed:
            self._loop.stop()
        elif not self._connection.is_closing:
            self._connection.close()


def _text(node: Address | None) -> str:
    return f"{node[0]}:{node[1]}" if node else ""
