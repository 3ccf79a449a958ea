"""The network that stands for a client's address: one caller may own a whole /64 of IPv6."""

from __future__ import annotations

from ipaddress import IPv4Address, ip_network

from shared.process.addresses import normalise

_IPV6_PREFIX = 64


def network_of(text: str) -> str:
    """`203.0.113.9`, `2001:db8:1:2::/64`; empty for anything else."""
    address = normalise(text)
    if address is None:
        return ""
    return str(address if isinstance(address, IPv4Address) else ip_network((address, _IPV6_PREFIX), strict=False))
