"""Free TCP ports on loopback."""

from __future__ import annotations

import random
import socket

QUIET_PORTS = range(20_000, 30_000)
"""Below what Linux gives to outgoing connections (32768 and up) and Kubernetes to NodePorts (30000 and up): a port
that was free stays free until its server binds it, which RabbitMQ does seconds later."""
_chosen: set[int] = set()
"""By this process: none is chosen twice, since the server of the first may not have bound it yet."""


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a listener could be opened there now."""
    return not why_not_free(port, host)


def why_not_free(port: int, host: str) -> str:
    """Why no listener can be opened there now, in the system's words; empty when one can."""
    with socket.socket(_family(host)) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return error.strerror or str(error)
    return ""


def free_port(preferred: int = 0, host: str = "127.0.0.1") -> int:
    """`preferred` when it is free, else a random quiet one, else one that the system picks."""
    candidates = [preferred] if preferred else []
    fresh = [port for port in QUIET_PORTS if port not in _chosen]
    for port in candidates + random.sample(fresh, min(50, len(fresh))):
        if is_free(port, host):
            _chosen.add(port)
            return port
    with socket.socket(_family(host)) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def own_address() -> str:
    """The address by which other machines reach this one; loopback without a network. Nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])
