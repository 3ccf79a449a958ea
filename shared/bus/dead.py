"""Reading the dead letters into whatever keeps them."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Mapping
from typing import Any

import pydantic_core

from shared.process.logging import get_logger

from . import furniture, wire
from .link import Link
from .outcomes import DeadLetter
from .subscription import Delivery, Subscription

_AGAIN_S = 5.0

log = get_logger(part="bus")


class DeadConsumer:
    """One thread; a letter is acknowledged when `handle` has returned, and comes again when it raised."""

    def __init__(self, link: Link, handle: Callable[[DeadLetter], None]) -> None:
        self._handle = handle
        self._waiting: queue.SimpleQueue[Delivery | None] = queue.SimpleQueue()
        self._closing = threading.Event()
        self._subscription = Subscription(link, furniture.DEAD_QUEUE, prefetch=50, on_delivery=self._waiting.put)
        self._thread = threading.Thread(target=self._work, name=furniture.DEAD_QUEUE, daemon=True)

    @property
    def running(self) -> bool:
        return self._subscription.consuming

    def start(self) -> None:
        self._thread.start()
        self._subscription.start()

    def close(self, timeout_s: float = 30.0) -> None:
        self._closing.set()
        self._waiting.put(None)
        if threading.current_thread() is not self._thread:
            self._thread.join(timeout_s)
        self._subscription.stop()

    def _work(self) -> None:
        while (delivery := self._waiting.get()) is not None:
            if self._closing.is_set() or not self._subscription.is_current(delivery):
                continue
            while not self._kept(delivery) and not self._closing.wait(_AGAIN_S):
                pass

    def _kept(self, delivery: Delivery) -> bool:
        if not self._subscription.is_current(delivery):
            return True  # It will come again.
        try:
            self._handle(letter(delivery))
        except Exception:
            log.exception("dead letter not kept", message_id=delivery.properties.message_id, again_s=_AGAIN_S)
            return False
        self._subscription.ack(delivery)
        return True


def letter(delivery: Delivery) -> DeadLetter:
    """What is known of a dead message, whether we buried it or the broker did."""
    properties = delivery.properties
    headers: dict[str, Any] = dict(properties.headers or {})
    deaths = [death for death in headers.get("x-death") or () if isinstance(death, Mapping)]
    ours = headers.get(wire.REASON)
    last = deaths[0] if deaths else {}
    return DeadLetter(
        queue=str(headers.get(wire.QUEUE) or last.get("queue") or "unknown"),
        reason=str(ours or f"The broker gave it up: {last.get('reason', 'no reason given')}"),
        body=delivery.body,
        type=properties.type or "",
        subject=_subject(delivery.body),
        message_id=properties.message_id or "",
        history=tuple(_history(headers, deaths)),
        headers=headers,
    )


def _history(headers: Mapping[str, Any], deaths: list[Mapping[str, Any]]) -> list[str]:
    counts = {wire.FAILURES: "retries", wire.CRASHES: "handler failures"}
    told = [f"{headers[name]} {what}" for name, what in counts.items() if headers.get(name)]
    return told + [f"{death.get('reason')} in {death.get('queue')}, {death.get('count', 1)} times" for death in deaths]


def _subject(body: bytes) -> str:
    try:
        tree = pydantic_core.from_json(body)
    except ValueError:
        return ""
    return str(tree.get("subject", "")) if isinstance(tree, dict) else ""
