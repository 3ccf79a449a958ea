"""Who really called: `X-Forwarded-For` counts only as far as the proxies that are named in the settings."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network
_MAX_HOPS = 20


def _address(text: str) -> IPv4Address | IPv6Address | None:
    text = text.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return ip_address(text)
    except ValueError:
        return None


def _trusted(text: str, proxies: Sequence[Network]) -> bool:
    address = _address(text)
    return address is not None and any(address in network for network in proxies)


@lru_cache(maxsize=1024)
def _networks(written: tuple[str, ...]) -> tuple[Network, ...]:
    """Networks as config checked and wrote them."""
    return tuple(ip_network(one) for one in written)


def within(text: str, written: tuple[str, ...]) -> bool:
    """Whether an address is in one of these networks; none at all lets every address in."""
    return not written or _trusted(text, _networks(written))


def client_address(remote: str, forwarded_for: str, proxies: Sequence[Network]) -> str:
    """The nearest address that is no proxy of ours; what a stranger wrote further left proves nothing."""
    if not proxies or not forwarded_for or not _trusted(remote, proxies):
        return remote
    nearest = remote
    for hop in reversed(forwarded_for.split(",")[-_MAX_HOPS:]):
        address = _address(hop)
        if address is None:
            return nearest
        nearest = str(address)
        if not _trusted(nearest, proxies):
            return nearest
    return nearest
