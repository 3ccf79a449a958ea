"""`AMQP_URL`: one broker, or the nodes of a cluster."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

_EXAMPLE = "as in amqp://user:password@host:5672/vhost, or amqp://user:password@host-1:5672,host-2:5672/vhost"
_NEXT_URL = re.compile(r",\s*(?=amqps?://)")
_PARTS = re.compile(r"(?P<scheme>amqps?://)(?P<authority>[^/?#]*)(?P<rest>.*)", re.DOTALL)


def node_urls(text: str) -> tuple[str, ...]:
    """One URL a host. Hosts are listed within one URL, which share its user, virtual host and query, or as whole URLs.

    Raises ValueError in words that hold nothing of `text`, which may hold a password.
    """
    urls = tuple(url for part in _NEXT_URL.split(text.strip()) for url in _by_host(part))
    for url in urls:
        _check(url)
    return urls


def _by_host(text: str) -> tuple[str, ...]:
    parts = _PARTS.fullmatch(text)
    if parts is None:
        raise ValueError(f"it must begin with amqp:// or amqps://, {_EXAMPLE}")
    # A password may hold a comma, and an @ that nobody escaped; a host holds neither.
    user, at, hosts = parts["authority"].rpartition("@")
    return tuple(f"{parts['scheme']}{user}{at}{host.strip()}{parts['rest']}" for host in hosts.split(","))


def _check(url: str) -> None:
    try:
        address = urlsplit(url)
        has_port = address.port is None or address.port > 0
    except ValueError:
        has_port = False
    if not has_port:
        raise ValueError(f"a host's port must be a number from 1 to 65535, {_EXAMPLE}")
    if not address.hostname:
        raise ValueError(f"a host is missing, {_EXAMPLE}")
