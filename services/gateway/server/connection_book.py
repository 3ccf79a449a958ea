"""Who is connected, and who has to go when there are too many. Pure: connections are opaque.

A connection either waits (its request is not complete: it costs nothing but a place) or is busy in a thread. New ones
are never refused while somebody waits: the one that has waited longest goes, first of all one of the same address, so
that a stranger with a thousand connections takes them from himself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

C = TypeVar("C", bound=Hashable)


class ConnectionBook(Generic[C]):
    """Counts connections in all and of each address; `is_exempt` addresses (proxies of ours) only in all."""

    def __init__(self, *, limit: int, per_address: int, is_exempt: Callable[[str], bool]) -> None:
        self._limit = limit
        self._per_address = per_address
        self._is_exempt = is_exempt
        self._addresses: dict[C, str] = {}
        self._counts: Counter[str] = Counter()
        self._waiting: dict[C, None] = {}
        self._waiting_of: dict[str, dict[C, None]] = {}

    def __len__(self) -> int:
        return len(self._addresses)

    def add(self, connection: C, address: str) -> C | None:
        """Note a new connection, which waits. Answers the one to drop for it, perhaps itself; None if there is room."""
        self._addresses[connection] = address
        self._counts[address] += 1
        victim: C | None = None
        if self._counts[address] > self._per_address and not self._is_exempt(address):
            victim = self._oldest(self._waiting_of.get(address, {})) or connection
        elif len(self._addresses) > self._limit:
            victim = self._oldest(self._waiting) or connection
        self.wait(connection)
        return victim

    def wait(self, connection: C) -> None:
        """It waits from now on."""
        self._waiting[connection] = None
        self._waiting_of.setdefault(self._addresses[connection], {})[connection] = None

    def busy(self, connection: C) -> None:
        """A thread serves it: it is not dropped."""
        self._waiting.pop(connection, None)
        address = self._addresses[connection]
        of_address = self._waiting_of.get(address, {})
        of_address.pop(connection, None)
        if not of_address:
            self._waiting_of.pop(address, None)

    def remove(self, connection: C) -> None:
        """It is closed."""
        if connection not in self._addresses:
            return
        self.busy(connection)
        address = self._addresses.pop(connection)
        self._counts[address] -= 1
        if not self._counts[address]:
            del self._counts[address]

    @property
    def waiting(self) -> tuple[C, ...]:
        """All that wait, longest first."""
        return tuple(self._waiting)

    def address_of(self, connection: C) -> str:
        """The peer's address."""
        return self._addresses[connection]

    @staticmethod
    def _oldest(connections: dict[C, None]) -> C | None:
        return next(iter(connections), None)
