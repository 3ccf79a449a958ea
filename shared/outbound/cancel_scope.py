"""Deadlines and cancellation for blocking work: both shut down the sockets that the work uses.

Nothing else ends a blocked `recv`, and a timeout per read does not bound a server that sends a byte a second. A scope
holds a duplicate of each descriptor, so that it also reaches a socket whose object moved into a TLS wrapper.
"""

from __future__ import annotations

import heapq
import itertools
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from enum import StrEnum
from types import TracebackType
from typing import Self

from shared.process import clock


class Ended(StrEnum):
    """Why a scope closed its sockets."""

    DEADLINE = "deadline"
    CANCELLED = "cancelled"


class CancelScope:
    """A time limit for blocking work, and a way for other threads to end it. Scopes nest: a parent ends its children.

    As a context manager it is the current scope of its thread. Its parent is the current one, unless `shield` keeps it
    apart: for what must still be done after a cancel.
    """

    def __init__(self, seconds: float | None = None, *, shield: bool = False) -> None:
        self.seconds = seconds
        self.ended: Ended | None = None
        self.peer = ""
        """The IP address of the last connection."""
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        self._children: set[CancelScope] = set()
        self._closed = False
        self._parent = None if shield else _current.get()
        self._outer: list[CancelScope | None] = []
        if self._parent is not None:
            self._parent._adopt(self)
        if seconds is not None:
            _deadlines.add(clock.monotonic() + seconds, self)

    def __enter__(self) -> Self:
        self._outer.append(_current.get())
        _current.set(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _current.set(self._outer.pop())
        self.close()

    @contextmanager
    def active(self) -> Iterator[None]:
        """Be the current scope for a while without closing at its end."""
        outer = _current.get()
        _current.set(self)
        try:
            yield
        finally:
            _current.set(outer)

    def watch(self, connection: socket.socket) -> None:
        """Shut this connection down when the scope ends; at once where it has ended."""
        duplicate = socket.socket(fileno=os.dup(connection.fileno()))
        with suppress(OSError):
            self.peer = str(duplicate.getpeername()[0])
        with self._lock:
            if self.ended is None and not self._closed:
                self._sockets.append(duplicate)
                return
        _shut([duplicate] if self.ended is not None else [], [duplicate])

    def cancel(self, reason: Ended = Ended.CANCELLED) -> None:
        """End the work, from any thread."""
        with self._lock:
            if self.ended is not None or self._closed:
                return
            self.ended = reason
            connections, children = list(self._sockets), list(self._children)
            _shut(connections, ())
        for child in children:
            child.cancel(reason)

    def close(self) -> None:
        """The work is over: let go of the descriptors."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            connections, self._sockets = self._sockets, []
        _shut((), connections)
        if self._parent is not None:
            self._parent._release(self)

    def _adopt(self, child: CancelScope) -> None:
        with self._lock:
            reason = self.ended
            self._children.add(child)
        if reason is not None:
            child.cancel(reason)

    def _release(self, child: CancelScope) -> None:
        with self._lock:
            self._children.discard(child)

    @property
    def is_closed(self) -> bool:
        """Whether the work is over."""
        return self._closed


_current: ContextVar[CancelScope | None] = ContextVar("cancel_scope", default=None)


def current_scope() -> CancelScope | None:
    """The scope that this thread works in."""
    return _current.get()


def watch(connection: socket.socket) -> None:
    """Let the current scope, if there is one, end this connection."""
    scope = _current.get()
    if scope is not None:
        scope.watch(connection)


def _shut(cut: list[socket.socket] | tuple[()], close: list[socket.socket] | tuple[()]) -> None:
    for connection in cut:
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
    for connection in close:
        connection.close()


class _Deadlines:
    """Ends scopes whose time is up: one thread for the process, started with the first deadline."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._heap: list[tuple[float, int, CancelScope]] = []
        self._order = itertools.count()
        self._thread: threading.Thread | None = None

    def add(self, at: float, scope: CancelScope) -> None:
        """End this scope at that time of `clock.monotonic`, unless it is closed by then."""
        with self._changed:
            heapq.heappush(self._heap, (at, next(self._order), scope))
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="deadlines", daemon=True)
                self._thread.start()
            if self._heap[0][2] is scope:
                self._changed.notify()

    def _run(self) -> None:
        while True:
            self._next().cancel(Ended.DEADLINE)

    def _next(self) -> CancelScope:
        with self._changed:
            while True:
                # Scopes that closed in time are dropped when they come to the top.
                while self._heap and self._heap[0][2].is_closed:
                    heapq.heappop(self._heap)
                wait_s = self._heap[0][0] - clock.monotonic() if self._heap else None
                if wait_s is not None and wait_s <= 0:
                    return heapq.heappop(self._heap)[2]
                self._changed.wait(wait_s)


_deadlines = _Deadlines()
