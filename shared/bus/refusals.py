"""What to do when the broker keeps refusing messages whose queue has room: change the channel, then the node.

After a node of a cluster was lost, a channel has been seen to send into nothing until that node was back, while
channels beside it worked.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from shared.contracts.texts import counted
from shared.process.clock import monotonic
from shared.process.logging import get_logger

from . import topology
from .link import Link

PATIENCE_S = 5.0
_BETWEEN_NODES_S = 60.0
"""Where the next node refuses as well, the fault is in the queue, and going round the nodes would add to it."""
_READ_AGAIN_S = 1.0

log = get_logger(part="bus")


class Remedy(StrEnum):
    NONE = "none"
    CHANNEL = "channel"
    NODE = "node"


def cure(refused_s: float, since_channel_s: float, since_node_s: float) -> Remedy:
    """What is due after refusals for so long, by how long ago the channel and the node were changed last."""
    if refused_s < PATIENCE_S or since_channel_s < PATIENCE_S:
        return Remedy.NONE
    if since_channel_s > refused_s:
        return Remedy.CHANNEL
    return Remedy.NODE if since_node_s >= _BETWEEN_NODES_S else Remedy.NONE


@dataclass(slots=True)
class _Depth:
    messages: int
    consumers: int
    has_room: bool


@dataclass(slots=True)
class _Refused:
    """One exchange and routing key, from the first refusal until something is accepted."""

    since: float
    message_bytes: int
    depths: dict[str, _Depth] = field(default_factory=dict)
    read_at: float = float("-inf")


Route = tuple[str, str]


class Refusals:
    """Of one sender's channel. Everything but `trouble` belongs to the I/O thread.

    `change_channel` opens another. With `answered`, a refusal is a request that got no answer, which is nobody's fault
    where nobody consumes, or where requests wait in the queue.
    """

    def __init__(self, link: Link, change_channel: Callable[[], None], *, answered: bool = False) -> None:
        self._link = link
        self._change_channel = change_channel
        self._answered = answered
        self._connection: Any = None
        self._routes: dict[Route, _Refused] = {}
        self._channel_at = self._node_at = float("-inf")
        self.trouble = ""
        link.add_user(self)

    def on_up(self, connection: Any) -> None:
        self._connection = connection

    def on_down(self, _reason: str) -> None:
        self._connection = None
        self.forget()

    def forget(self) -> None:
        """Something was accepted, of which it is no longer known what it was."""
        self._routes.clear()
        self.trouble = ""

    def accepted(self, route: Route) -> None:
        if self._routes and self._routes.pop(route, None) is not None:
            self.trouble = ""

    def refused(self, route: Route, message_bytes: int) -> None:
        """Note it, and look at the queue: what the broker says of it decides whether anything is to be changed."""
        at = monotonic()
        refusal = self._routes.setdefault(route, _Refused(at, message_bytes))
        if at - refusal.read_at >= _READ_AGAIN_S and self._connection is not None and self._connection.is_open:
            refusal.read_at = at
            for spec in topology.destinations(*route):
                self._read(route, spec)

    def words(self, route: Route) -> str:
        """How full the queues are where that has been read."""
        refusal = self._routes.get(route)
        if refusal is None or not refusal.depths:
            return "its queue may be full; how many messages it holds was not read yet"
        return ", ".join(
            f"{name} holds {counted(depth.messages, 'message')}" + ("" if depth.has_room else " and is full")
            for name, depth in refusal.depths.items()
        )

    def _read(self, route: Route, spec: topology.QueueSpec) -> None:
        def opened(channel: Any) -> None:
            channel.queue_declare(spec.name, passive=True, callback=lambda frame: counted(channel, frame))

        def counted(channel: Any, frame: Any) -> None:
            channel.close()
            refusal = self._routes.get(route)
            if refusal is not None:
                method = frame.method
                room = topology.has_room(spec, method.message_count, refusal.message_bytes)
                depth = refusal.depths[spec.name] = _Depth(method.message_count, method.consumer_count, room)
                self._consider(route, refusal, depth)

        self._connection.channel(on_open_callback=opened)

    def _consider(self, route: Route, refusal: _Refused, depth: _Depth) -> None:
        at = monotonic()
        to_change = depth.consumers > 0 and depth.messages == 0 if self._answered else depth.has_room
        refused_s = at - refusal.since
        if refused_s < PATIENCE_S:
            return
        if not to_change:
            self.trouble = ""
            return
        how = "Requests got no answer" if self._answered else "The broker refused messages"
        self.trouble = f"{how} for {refused_s:.0f} s, though {self.words(route)}."
        due = cure(refused_s, at - self._channel_at, at - self._node_at)
        if due is Remedy.CHANNEL:
            self._channel_at = at
            log.warning("channel.replaced", reason=self.trouble)
            self._change_channel()
        elif due is Remedy.NODE:
            self._node_at = at
            self._link.change_node(self.trouble)
