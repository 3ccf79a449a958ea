"""Where outgoing connections may lead, checked on the address that is really connected to.

A name is resolved here and each of its addresses is checked before a connection to it is tried, so that a name that
resolves to something else a moment later gains nothing, and a forbidden address is not even knocked at.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from shared.process import clock
from shared.process.addresses import (
    Network,
    is_link_local,
    is_loopback,
    is_metadata,
    is_multicast,
    is_private,
    is_within,
    normal_text,
)

from .cancel_scope import current_scope, watch

_DISCARD_PORT = 9


class ForbiddenAddress(OSError):
    """The connection would lead to an address that this caller may not reach."""

    def __init__(self, address: str, reason: str, *, by_setting: bool) -> None:
        super().__init__(f"{address} is {reason}")
        self.address = address
        self.reason = reason
        self.by_setting = by_setting
        """Nothing but another OUTGOING_DENY would allow it."""


@dataclass(frozen=True, slots=True)
class Reach:
    """Where one caller's connections may lead besides the internet."""

    local: bool = False
    """This machine, its own addresses, link-local networks and its cloud's metadata service."""
    private: bool = True
    """Private networks: open to a host that a person wrote down, closed to one that a foreign server names."""


class Guard:
    """Opens TCP connections for one process. Safe to use from several threads."""

    def __init__(self, *, allow_local: bool = False, deny: Iterable[Network] = ()) -> None:
        self._allow_local = allow_local
        self._deny = tuple(deny)

    def connect(self, host: str, port: int, *, reach: Reach, timeout_s: float) -> socket.socket:
        """Connect to the first address of the host that is allowed and answers; the current scope may end it.

        Raises ForbiddenAddress where no address is allowed, else OSError.
        """
        until = clock.monotonic() + timeout_s
        failure: OSError | None = None
        for family, kind, protocol, place in _resolve(host, port):
            try:
                self.check(str(place[0]), reach)
                connection = _open(family, kind, protocol, place, max(until - clock.monotonic(), 0.001))
            except OSError as error:
                # A failure to connect says more than that another address of the same name is forbidden.
                if failure is None or isinstance(failure, ForbiddenAddress):
                    failure = error
            else:
                if (scope := current_scope()) is not None:
                    scope.peer = str(place[0])
                return connection
        raise failure or OSError(f"{host} has no address")

    def check_host(self, host: str, reach: Reach) -> None:
        """Raises ForbiddenAddress where a name means an address here that is out of reach: a proxy connects to it.

        A name that only the proxy can resolve passes.
        """
        try:
            places = _resolve(host, 0)
        except OSError:
            return
        for *_, place in places:
            self.check(str(place[0]), reach)

    def check(self, address: str, reach: Reach) -> None:
        """Raises ForbiddenAddress for an IP address that is out of reach."""
        readable = normal_text(address)
        if is_within(address, self._deny):
            raise ForbiddenAddress(readable, "in a network that OUTGOING_DENY names", by_setting=True)
        if not (reach.local or self._allow_local) and (reason := local_reason(address)):
            raise ForbiddenAddress(readable, reason, by_setting=False)
        if not (reach.private or self._allow_local) and is_private(address):
            raise ForbiddenAddress(
                readable, "in a private network, which a server outside of it named", by_setting=True
            )


def local_reason(address: str) -> str:
    """In words, why an address is never a server of somebody else's; empty for any other."""
    if is_metadata(address):
        return "a cloud's metadata service"
    if is_loopback(address) or _is_own(address):
        return "this machine"
    if is_link_local(address):
        return "a link-local address"
    return "a multicast address" if is_multicast(address) else ""


def _is_own(address: str) -> bool:
    """Whether an address is one of this machine's interfaces: there alone it would also be the sender's."""
    plain = normal_text(address)
    family = socket.AF_INET6 if ":" in plain else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((plain, _DISCARD_PORT))  # UDP: this sends nothing
            return normal_text(str(probe.getsockname()[0])) == plain
    except OSError:
        return False


def _resolve(host: str, port: int) -> list[tuple[int, int, int, Any]]:
    try:
        addresses = socket.getaddrinfo(host.removeprefix("[").removesuffix("]"), port, type=socket.SOCK_STREAM)
    except UnicodeError:
        raise socket.gaierror(socket.EAI_NONAME, f"{host!r} is not a valid host name") from None
    return [(int(family), int(kind), protocol, place) for family, kind, protocol, _, place in addresses]


def _open(family: int, kind: int, protocol: int, place: Any, timeout_s: float) -> socket.socket:
    connection = socket.socket(family, kind, protocol)
    try:
        connection.settimeout(timeout_s)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        watch(connection)
        connection.connect(place)
    except BaseException:
        connection.close()
        raise
    return connection
