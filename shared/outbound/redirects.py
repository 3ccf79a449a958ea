"""Which request follows a redirect. Pure.

No credential follows one: another origin gets only headers that say nothing about the caller. https never becomes
http, and a body goes to no other origin than the one it was written for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import urldefrag, urljoin, urlsplit

REDIRECTS = frozenset({301, 302, 303, 307, 308})
_KEPT = frozenset({"accept", "accept-encoding", "accept-language", "range", "user-agent"})
_PORTS = {"http": 80, "https": 443}


class NotFollowed(Exception):
    """The redirect leads where this request may not go; the text says where and why."""


@dataclass(frozen=True, slots=True)
class Hop:
    """One request on the way to an answer."""

    method: str
    url: str
    headers: Mapping[str, str]
    has_body: bool = False


def next_hop(hop: Hop, status: int, location: str) -> Hop:
    """The request that a redirect asks for. Raises NotFollowed."""
    try:
        url = urldefrag(urljoin(hop.url, location.strip())).url
        before, after = _origin(hop.url), _origin(url)
    except ValueError:
        raise NotFollowed("an address that cannot be read") from None
    if after[0] not in _PORTS or not after[1]:
        raise NotFollowed(f"{without_query(url)}, which is not an HTTP address")
    if (before[0], after[0]) == ("https", "http"):
        raise NotFollowed(f"{without_query(url)}, without encryption")
    following = replace(hop, url=_without_user(url))
    if status == 303 or (status in (301, 302) and hop.method == "POST"):
        following = _as_get(following)
    if _is_same(before, after):
        return following
    if following.has_body:
        raise NotFollowed(f"{after[1]}, another server than the one that the body of this {hop.method} is meant for")
    return replace(following, headers={name: text for name, text in hop.headers.items() if name.lower() in _KEPT})


def without_query(url: str) -> str:
    """An address as people may see it: its query and its user may hold a secret."""
    plain = url.partition("?")[0].partition("#")[0]
    try:
        return _without_user(plain) if urlsplit(plain).netloc else plain.rpartition("@")[2]
    except ValueError:
        return plain.rpartition("@")[2]


def _as_get(hop: Hop) -> Hop:
    headers = {name: text for name, text in hop.headers.items() if not name.lower().startswith("content-")}
    return replace(hop, method=hop.method if hop.method == "HEAD" else "GET", headers=headers, has_body=False)


def _origin(url: str) -> tuple[str, str, int]:
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    return scheme, (parts.hostname or "").lower(), parts.port or _PORTS.get(scheme, 0)


def _is_same(before: tuple[str, str, int], after: tuple[str, str, int]) -> bool:
    """One server; also where it sends a request from http to https on their own ports."""
    upgraded = (before[0], before[2], after[0], after[2]) == ("http", 80, "https", 443)
    return before == after or (upgraded and before[1] == after[1])


def _without_user(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
