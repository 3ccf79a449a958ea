"""Finding the message that kills its process.

The broker counts deliveries, but it counts whatever a killed process merely had waiting, and its own restarts. So:

1. A message that came back unfinished fewer than `SUSPECT_AFTER` times is handled as any other.
2. From then on it is a suspect and handled alone. Before its handler starts, a copy with one strike more is put aside
   (confirmed) and the original acknowledged: the start is on record, whatever happens to this process.
3. Where the handler comes back, the copy arrives later and is passed over by the process that remembers it; another
   process handles it once more, which every handler must bear anyway.
4. A copy with a strike that itself comes back unfinished has now ended four processes, once under its own name:
   it goes to the dead letters.

A message that was only near a crash gets a strike at worst for a start that did not end, never for waiting.
"""

from __future__ import annotations

import threading
from collections import OrderedDict

from . import wire
from .subscription import Delivery

SUSPECT_AFTER = 2
"""Deliveries that did not come to an end."""
_REMEMBERED = 10_000

CRASHED = "It ended the process that handled it at least three times."


def is_suspect(delivery: Delivery) -> bool:
    """Whether to handle this one alone and on record."""
    return delivery.count(wire.DELIVERY_COUNT) >= SUSPECT_AFTER


def is_guilty(delivery: Delivery) -> bool:
    """Whether it must not be started again."""
    return delivery.count(wire.STRIKES) >= 1 and delivery.count(wire.DELIVERY_COUNT) >= 1


class Survivors:
    """Suspects whose handling came to an end in this process, so that their copies need none."""

    def __init__(self) -> None:
        self._ids: OrderedDict[str, None] = OrderedDict()
        self._lock = threading.Lock()

    def add(self, delivery: Delivery) -> None:
        with self._lock:
            self._ids[delivery.properties.message_id or ""] = None
            if len(self._ids) > _REMEMBERED:
                self._ids.popitem(last=False)

    def has(self, delivery: Delivery) -> bool:
        """Whether this is the copy of a survivor."""
        if not delivery.count(wire.STRIKES):
            return False
        with self._lock:
            return (delivery.properties.message_id or "") in self._ids
