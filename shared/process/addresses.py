"""IP addresses: the one reading for senders, proxies, rate limits and the guard on outgoing connections.

A dual-stack socket shows an IPv4 caller as `::ffff:192.0.2.7`, and networks carry IPv4 within IPv6. Comparing such an
address with an IPv4 network, or asking whether it is loopback, takes the IPv4 address.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any
from urllib.parse import SplitResult, urlsplit

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_IPV4_BITS = 32
_CLIENT_PREFIX = 64
_MAPPED = IPv6Network("::ffff:0:0/96")
_EMBEDDING: tuple[tuple[IPv6Network, int], ...] = (
    (_MAPPED, 0),
    (IPv6Network("64:ff9b::/96"), 0),
    (IPv6Network("64:ff9b:1::/48"), 0),
    (IPv6Network("2002::/16"), 80),
    (IPv6Network("::/96"), 0),
)
"""Prefixes that hold an IPv4 address, and how many bits follow it: mapped (RFC 4291), NAT64 (RFC 6052, and the local
prefix of RFC 8215), 6to4 (RFC 3056), and the old IPv4-compatible form."""
_METADATA = frozenset(map(ip_address, ("169.254.169.254", "100.100.100.200", "168.63.129.16", "fd00:ec2::254")))
"""Where clouds tell a machine its secrets: AWS, Google and most others; Alibaba; Azure; AWS over IPv6."""
_PRIVATE = tuple(map(ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")))


def normalise(address: str | Address) -> Address | None:
    """An address in its plain form: without brackets and zone, an IPv4-mapped one as IPv4; None for anything else."""
    if isinstance(address, str):
        text = address.strip().removeprefix("[").removesuffix("]").partition("%")[0]
        try:
            address = ip_address(text)
        except ValueError:
            return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def normal_text(text: str) -> str:
    """The same as text; anything else stays as it is."""
    address = normalise(text)
    return text if address is None else str(address)


def read_network(text: str) -> Network:
    """A network or a single address, in CIDR notation; an IPv4-mapped one as IPv4. Raises ValueError."""
    network = ip_network(text.strip(), strict=False)
    if isinstance(network, IPv6Network) and network.subnet_of(_MAPPED):
        return IPv4Network((int(network.network_address) & 0xFFFF_FFFF, network.prefixlen - _MAPPED.prefixlen))
    return network


def mapped_network(network: Network) -> IPv6Network:
    """An IPv4 network as a dual-stack socket shows it; an IPv6 one as it is."""
    if isinstance(network, IPv6Network):
        return network
    base = int(_MAPPED.network_address) | int(network.network_address)
    return IPv6Network((base, _MAPPED.prefixlen + network.prefixlen))


def is_within(host: str | Address, networks: Iterable[Network]) -> bool:
    """Whether an address is in one of these networks."""
    address = normalise(host)
    return address is not None and any(address in network for network in networks)


@lru_cache(maxsize=1024)
def _read_networks(texts: tuple[str, ...]) -> tuple[Network, ...]:
    return tuple(map(read_network, texts))


def is_let_in(host: str, networks: tuple[str, ...]) -> bool:
    """Whether an address is in one of these networks in CIDR notation; none at all lets every address in."""
    return not networks or is_within(host, _read_networks(networks))


def client_network(text: str) -> str:
    """What stands for a client's address: `203.0.113.9`, but `2001:db8:1:2::/64`, since one client may own all of it.

    Empty for anything else.
    """
    address = normalise(text)
    if address is None:
        return ""
    return str(address if isinstance(address, IPv4Address) else ip_network((address, _CLIENT_PREFIX), strict=False))


def hidden_ipv4(host: str | Address) -> IPv4Address | None:
    """The IPv4 address that an IPv6 one leads to; None for any other."""
    address = ip_address(host.partition("%")[0]) if isinstance(host, str) else host
    if isinstance(address, IPv4Address) or int(address) <= 1:  # `::` and `::1` hold none.
        return None
    shift = next((shift for prefix, shift in _EMBEDDING if address in prefix), None)
    return None if shift is None else IPv4Address(int(address) >> shift & (2**_IPV4_BITS - 1))


def _forms(host: str | Address) -> tuple[Address, ...]:
    """An address, and the IPv4 one within it; none for anything else."""
    address = normalise(host)
    if address is None:
        return ()
    hidden = hidden_ipv4(address)
    return (address,) if hidden is None else (address, hidden)


def is_loopback(host: str | Address) -> bool:
    """This machine, also through IPv4 within IPv6 and as the unspecified address, which connects to it."""
    return any(form.is_loopback or form.is_unspecified for form in _forms(host))


def is_link_local(host: str | Address) -> bool:
    """The wire that this machine is on."""
    return any(form.is_link_local for form in _forms(host))


def is_metadata(host: str | Address) -> bool:
    """A cloud's metadata service."""
    return any(form in _METADATA for form in _forms(host))


def is_multicast(host: str | Address) -> bool:
    """No single machine."""
    return any(form.is_multicast for form in _forms(host))


def is_private(host: str | Address) -> bool:
    """A network of one's own: RFC 1918, carrier-grade NAT, unique local IPv6."""
    return any(form in network for form in _forms(host) for network in _PRIVATE)


def is_local(host: str | Address) -> bool:
    """What never is a server of somebody else's: this machine, its wire, its cloud's metadata, multicast."""
    return any(check(host) for check in (is_loopback, is_link_local, is_metadata, is_multicast))


def is_global(host: str | Address) -> bool:
    """Whether the whole internet reaches it."""
    forms = _forms(host)
    return bool(forms) and all(form.is_global for form in forms)


def parts_of(url: str) -> SplitResult:
    """An address in its parts; one that cannot be read (`https://[`, a port that is none) has no server, and is all
    path."""
    try:
        parts = urlsplit(url)
        is_readable = parts.port is None or parts.port >= 0
    except ValueError:
        is_readable = False
    return parts if is_readable else SplitResult("", "", url, "", "")


def is_private_way(url: str) -> bool:
    """Whether nobody reads what is sent to an address: https, or http to this machine's own loopback."""
    parts = parts_of(url)
    host = (parts.hostname or "").rstrip(".")
    return parts.scheme == "https" or (parts.scheme == "http" and (host == "localhost" or is_loopback(host)))


def may_be_local(properties: Mapping[str, Any]) -> bool:
    """Whether an administrator lets an endpoint, by its properties, reach the machine and networks of its caller."""
    return str(properties.get("allowLocal") or "").strip().lower() in ("true", "yes", "1", "on")
