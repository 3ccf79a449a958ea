"""Reading the dead letters into whatever keeps them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pydantic_core

from shared.contracts.texts import counted
from shared.process.logging import get_logger

from . import topology, wire
from .link import Link
from .outcomes import DeadLetter
from .subscription import Delivery
from .workers import Workers

_AGAIN_S = 5.0

log = get_logger(part="bus")


class DeadConsumer(Workers):
    """A letter is acknowledged when `keep` has returned, and comes again when it raised."""

    def __init__(self, link: Link, keep: Callable[[DeadLetter], None]) -> None:
        super().__init__(link, topology.DEAD_QUEUE, threads=1, prefetch=50)
        self._keep = keep

    def _handle(self, delivery: Delivery) -> None:
        while not self._kept(delivery) and not self._closing.wait(_AGAIN_S):
            pass

    def _kept(self, delivery: Delivery) -> bool:
        if not self._subscription.is_current(delivery):
            return True  # It will come again.
        try:
            self._keep(letter(delivery))
        except Exception:
            log.exception("letter.not-kept", message_id=delivery.properties.message_id, again_s=_AGAIN_S)
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
    nouns = {wire.FAILURES: ("retry", "retries"), wire.CRASHES: ("handler failure", "")}
    lines = [_times(headers[name], *noun) for name, noun in nouns.items() if headers.get(name)]
    return lines + [
        f"{death.get('reason')} in {death.get('queue')}, {_times(death.get('count', 1), 'time')}" for death in deaths
    ]


def _times(count: Any, noun: str, nouns: str = "") -> str:
    """What a header counts, which may hold anything."""
    return counted(count, noun, nouns) if isinstance(count, int) else f"{count} {nouns or noun + 's'}"


def _subject(body: bytes) -> str:
    try:
        tree = pydantic_core.from_json(body)
    except ValueError:
        return ""
    return str(tree.get("subject", "")) if isinstance(tree, dict) else ""
