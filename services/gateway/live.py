"""From broadcasts to streams: each viewer learns that what it watches has changed, at most five times a second.

A change says only *that*; what there is to see is asked of config as the viewer, so rights hold for every frame.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from shared.contracts.pushes import DeliveryChanged
from shared.contracts.runs import ExecutionChanged
from shared.process.clock import monotonic

from .crowd import Crowd

if TYPE_CHECKING:
    from shared.bus import Incoming

FRAME_S = 0.2
HEARTBEAT_S = 15.0
TICK_S = 1.0
EXECUTIONS = "executions"
EVENTS = "events"


@dataclass(eq=False, slots=True)
class Viewer:
    """One stream's place: `changed` is set when its topic has news."""

    topic: str
    changed: threading.Event = field(default_factory=threading.Event)


class TooManyStreams(Exception):
    """No stream is left: the page polls instead."""


class Live:
    """The streams of one process."""

    def __init__(self, limit: int) -> None:
        self._crowd = Crowd(limit)
        self._viewers: dict[str, set[Viewer]] = {}
        self._lock = threading.Lock()
        self._stopping = False

    def on_execution(self, incoming: Incoming) -> None:
        """Something happened in an execution."""
        change = incoming.message
        assert isinstance(change, ExecutionChanged)
        self._tell(EXECUTIONS)
        self._tell(f"{EXECUTIONS}/{change.execution_id}")

    def on_delivery(self, incoming: Incoming) -> None:
        """Activity has something new."""
        assert isinstance(incoming.message, DeliveryChanged)
        self._tell(EVENTS)

    def on_gap(self) -> None:
        """News may have been missed: everybody looks again."""
        with self._lock:
            topics = list(self._viewers)
        for topic in topics:
            self._tell(topic)

    def stop(self) -> None:
        """End every stream soon; safe in a signal handler."""
        self._stopping = True

    @property
    def has_room(self) -> bool:
        """May another stream start? Without room a page polls."""
        return self._crowd.left > 0

    def _tell(self, topic: str) -> None:
        with self._lock:
            viewers = list(self._viewers.get(topic, ()))
        for viewer in viewers:
            viewer.changed.set()

    @contextmanager
    def watching(self, topic: str) -> Iterator[Viewer]:
        """A place among the viewers of a topic. Raises `TooManyStreams`."""
        if self._stopping or not self._crowd.enter():
            raise TooManyStreams
        viewer = Viewer(topic)
        with self._lock:
            self._viewers.setdefault(topic, set()).add(viewer)
        try:
            yield viewer
        finally:
            with self._lock:
                left = self._viewers[topic]
                left.discard(viewer)
                if not left:
                    del self._viewers[topic]
            self._crowd.leave()

    def frames(self, viewer: Viewer, draw: Callable[[], str], over: Callable[[], bool]) -> Iterator[str]:
        """The frames of a viewer: the state now, and again after each change; a heartbeat when nothing happens.

        A frame that equals the last one is not sent. Ends when the process stops or `over` says so.
        """
        shown = ""
        quiet_since = monotonic()
        viewer.changed.set()
        while not self._stopping:
            if viewer.changed.wait(TICK_S):
                viewer.changed.clear()
                started = monotonic()
                drawn = draw()
                if drawn != shown:
                    shown, quiet_since = drawn, started
                    yield frame("show", drawn)
                if over():
                    yield frame("over", "")
                    return
                # The pace is kept here, so that a burst of changes costs one look.
                threading.Event().wait(max(0.0, FRAME_S - (monotonic() - started)))
            elif monotonic() - quiet_since > HEARTBEAT_S:
                quiet_since = monotonic()
                yield ": still here\n\n"


def frame(event: str, data: str) -> str:
    """One server-sent event."""
    lines = "".join(f"data: {line}\n" for line in data.splitlines() or [""])
    return f"event: {event}\n{lines}\n"
