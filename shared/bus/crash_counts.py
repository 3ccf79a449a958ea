"""Finding the message that kills its process: it is quarantined after three deaths.

The broker counts deliveries that did not come to an end, but it counts whatever a killed process merely had waiting,
and its own restarts. What tells the killer from its neighbours is that it was being handled. So:

- A **pool** message that comes back unfinished moves (confirmed, then acknowledged) to `<queue>.alone`, of which a
  process holds one message at a time and handles it at once: there the broker counts starts, not waiting. Two starts
  that did not end, after the one that brought it there, are enough.
- An **ordered** queue keeps its order. What a process held when it died comes back as usual after one death, and alone
  after two: only what a process holds is counted when it dies, so a third death has one message to its account. To hold
  less already after the first death would narrow the search, but change the order: RabbitMQ lays what comes back behind
  what came back before (`rabbit_fifo`, its `returns`), so who held a part and died would see that part last.
- A message that this process was given before is not to blame for that: the process lives. So a broker that restarts
  again and again, or a database that is away, condemns nothing and slows nothing down.
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


def at_once(deaths: int, most: int) -> int:
    """How many messages a process may hold together with one that was there at so many deaths."""
    return most if deaths < DEATHS - 1 else 1


class Arrivals:
    """How often each message of one queue came to this process. Those that name no id are not remembered."""

    def __init__(self) -> None:
        self._times: OrderedDict[str, int] = OrderedDict()
        self._lock = threading.Lock()

    def add(self, delivery: Delivery) -> None:
        message_id = delivery.properties.message_id
        if not message_id:
            return
        with self._lock:
            times = self._times.pop(message_id, 0) if delivery.redelivered else 0
            self._times[message_id] = times + 1
            if len(self._times) > _REMEMBERED:
                self._times.popitem(last=False)

    def deaths(self, delivery: Delivery) -> int:
        """Of processes that held a message which has arrived here: all deliveries in vain but those to this process."""
        with self._lock:
            times = self._times.get(delivery.properties.message_id, 1)
        return max(0, times_unfinished(delivery) - (times - 1))
