"""From broadcasts to streams: each viewer learns that what it watches has changed, at most five times a second.

A change says only *that*; what there is to see is asked of config as the viewer, so rights hold for every frame.
Streams of one person at one address share a picture, and the more streams a process has, the slower it paints.
"""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from shared.contracts.pushes import DeliveryChanged
from shared.contracts.runs import ExecutionChanged
from shared.process.clock import monotonic

from .concurrency_limit import ConcurrencyLimit
from .metrics import STREAMS
from .ports import expect

if TYPE_CHECKING:
    from shared.bus import Incoming

FRAME_S = 0.2
SLOWEST_S = 10.0
STREAM_COST_S = 0.01
LOOKING_SHARE = 0.2
"""However many watch, a process sends about a hundred frames a second and spends a fifth of its time on looks, which
slow down with it where the machine is busy: hooks come first."""
HEARTBEAT_S = 15.0
TICK_S = 1.0
EXECUTIONS = "executions"
EVENTS = "events"


@dataclass(eq=False, slots=True)
class Picture:
    """What all viewers of one topic with the same key see; drawn by the first viewer that finds it old."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    text: str = ""
    over: bool = False
    drawn_at: float = -1.0
    took_s: float = 0.0
    viewers: int = 0


@dataclass(eq=False, slots=True)
class Viewer:
    """One stream's place: `changed` is set when its topic has news, which began at `news_at`."""

    topic: str
    picture: Picture
    key: Hashable
    news_at: float
    changed: threading.Event = field(default_factory=threading.Event)


class TooManyStreams(Exception):
    """No stream is left: the page polls instead."""


class EventStreams:
    """The streams of one process."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._crowd = ConcurrencyLimit(limit)
        self._viewers: dict[str, set[Viewer]] = {}
        self._pictures = 0
        self._lock = threading.Lock()
        self._stopped = threading.Event()

    def on_execution(self, incoming: Incoming) -> None:
        """Something happened in an execution."""
        change = expect(incoming.message, ExecutionChanged)
        self._tell(EXECUTIONS)
        self._tell(f"{EXECUTIONS}/{change.execution_id}")

    def on_delivery(self, incoming: Incoming) -> None:
        """Activity has something new."""
        expect(incoming.message, DeliveryChanged)
        self._tell(EVENTS)

    def on_gap(self) -> None:
        """News may have been missed: everybody looks again."""
        with self._lock:
            topics = list(self._viewers)
        for topic in topics:
            self._tell(topic)

    def stop(self) -> None:
        """End every stream soon; safe in a signal handler."""
        self._stopped.set()

    @property
    def has_room(self) -> bool:
        """May another stream start? Without room a page polls."""
        return self._crowd.left > 0

    def sample(self) -> None:
        """Set the gauges of streams."""
        free = self._crowd.left
        STREAMS.labels("open").set(self._limit - free)
        STREAMS.labels("free").set(free)

    def _tell(self, topic: str) -> None:
        at = monotonic()
        with self._lock:
            viewers = list(self._viewers.get(topic, ()))
        for viewer in viewers:
            viewer.news_at = at
            viewer.changed.set()

    @contextmanager
    def watching(self, topic: str, key: Hashable = None) -> Iterator[Viewer]:
        """A place among the viewers of a topic; those with the same key see the same. Raises `TooManyStreams`."""
        if self._stopped.is_set() or not self._crowd.enter():
            raise TooManyStreams
        with self._lock:
            others = self._viewers.setdefault(topic, set())
            neighbour = next((other for other in others if key is not None and other.key == key), None)
            picture = neighbour.picture if neighbour is not None else Picture()
            self._pictures += not picture.viewers
            picture.viewers += 1
            # A picture that saw the topic's last news and is no older than a frame will do.
            news_at = max(neighbour.news_at if neighbour is not None else 0.0, monotonic() - FRAME_S)
            viewer = Viewer(topic, picture, key, news_at)
            others.add(viewer)
        try:
            yield viewer
        finally:
            with self._lock:
                remaining = self._viewers[topic]
                remaining.discard(viewer)
                picture.viewers -= 1
                self._pictures -= not picture.viewers
                if not remaining:
                    del self._viewers[topic]
            self._crowd.leave()

    def frames(
        self, viewer: Viewer, draw: Callable[[], str], over: Callable[[], bool], hung_up: Callable[[], bool]
    ) -> Iterator[str]:
        """The frames of a viewer: the state now, and again after each change; a heartbeat when nothing new is seen.

        A frame that equals the last one is not sent. Ends when the process stops, or `over` or `gone` says so.
        """
        last_text = ""
        quiet_since = monotonic()
        viewer.changed.set()
        while not self._stopped.is_set() and not hung_up():
            if viewer.changed.wait(TICK_S):
                viewer.changed.clear()
                started = monotonic()
                pace_s = self._pace_s(viewer.picture)
                # The first frame is no older than the page that it comes to.
                drawn, is_over = _seen(viewer, draw, over, pace_s if last_text else FRAME_S)
                if drawn != last_text:
                    last_text, quiet_since = drawn, started
                    yield frame("show", drawn)
                if is_over:
                    yield frame("over", "")
                    return
                # The pace is kept here, so that a burst of changes costs one look.
                self._stopped.wait(max(0.0, pace_s - (monotonic() - started)))
            # Also while there is news: what is shown may not change by it, and a silent stream looks dead to a proxy.
            if monotonic() - quiet_since > HEARTBEAT_S:
                quiet_since = monotonic()
                yield ": still here\n\n"

    def _pace_s(self, picture: Picture) -> float:
        """How long after a look the next one comes."""
        sending_s = STREAM_COST_S * (self._limit - self._crowd.left)
        looking_s = picture.took_s * self._pictures / LOOKING_SHARE
        return min(SLOWEST_S, max(FRAME_S, sending_s, looking_s))


def _seen(viewer: Viewer, draw: Callable[[], str], over: Callable[[], bool], pace_s: float) -> tuple[str, bool]:
    picture, wanted_from = viewer.picture, viewer.news_at
    with picture.lock:
        if picture.drawn_at < wanted_from:
            began = monotonic()
            if began < picture.drawn_at + pace_s:
                # Another viewer had it drawn just now; what is newer is seen at the next look.
                viewer.changed.set()
            else:
                # News that comes while it is drawn makes it old again.
                picture.text = draw()
                picture.over = over()
                picture.drawn_at, picture.took_s = began, monotonic() - began
        return picture.text, picture.over


def hangs_up(connection: socket.socket | None) -> Callable[[], bool]:
    """Tells whether the browser has closed its end, where the system can (Linux); a write would tell it only later."""
    if connection is None or not hasattr(select, "POLLRDHUP"):
        return lambda: False
    poll = select.poll()
    poll.register(connection, select.POLLRDHUP)
    return lambda: bool(poll.poll(0))


def frame(event: str, data: str) -> str:
    """One server-sent event."""
    lines = "".join(f"data: {line}\n" for line in data.splitlines() or [""])
    return f"event: {event}\n{lines}\n"
