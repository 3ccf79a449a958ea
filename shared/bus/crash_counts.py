"""Finding the message that kills its process: it is quarantined after three deaths.

The broker counts deliveries that did not come to an end, but it counts whatever a killed process merely had waiting,
and its own restarts. What tells the killer from its neighbours is that it was being handled. So:

- A **pool** message that comes back unfinished moves (confirmed, then acknowledged) to `<queue>.alone`, of which a
  process holds one message at a time and handles it at once: there the broker counts starts, not waiting. Two starts
  that did not end, after the one that brought it there, are enough.
- An **ordered** queue keeps its order. On a new channel a process takes one message at a time until the first that
  nobody had before, so among those that came back only the one in hand can be counted again. Back for the third time
  is enough.
- A message that this process has itself handled before is innocent: the process lives. So a broker that restarts
  again and again, or a database that is away, condemns nothing.
"""

from __future__ import annotations

import threading
from collections import OrderedDict

from shared.bus.subscription import Delivery

from . import wire

DEATHS = 3
"""Of processes, before a message is quarantined."""
_REMEMBERED = 10_000

CRASHED = f"It ended the process that handled it {DEATHS} times."


def times_unfinished(delivery: Delivery) -> int:
    """How often the broker handed this message out in vain; from 4.3 on the second header counts that."""
    return max(delivery.count(wire.DELIVERY_COUNT), delivery.count(wire.ACQUIRED_COUNT), int(delivery.redelivered))


class Survived:
    """The messages whose handling has come to an end in this process, well or not."""

    def __init__(self) -> None:
        self._ids: OrderedDict[str, None] = OrderedDict()
        self._lock = threading.Lock()

    def add(self, delivery: Delivery) -> None:
        with self._lock:
            self._ids[delivery.properties.message_id or ""] = None
            if len(self._ids) > _REMEMBERED:
                self._ids.popitem(last=False)

    def has(self, delivery: Delivery) -> bool:
        with self._lock:
            return (delivery.properties.message_id or "") in self._ids
