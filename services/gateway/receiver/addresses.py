"""Who really called: `X-Forwarded-For` counts only as far as the proxies that are named in the settings."""

from __future__ import annotations

from collections.abc import Sequence

from shared.process.addresses import Address, Network, is_within, normal_text, normalise

_MAX_HOPS = 20


def _hop(text: str) -> Address | None:
    text = text.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    return normalise(text)


def client_address(remote: str, forwarded_for: str, proxies: Sequence[Network]) -> str:
    """The nearest address that is not a trusted proxy; what a stranger wrote further left proves nothing."""
    nearest = normal_text(remote)
    if not proxies or not forwarded_for or not is_within(nearest, proxies):
        return nearest
    for text in reversed(forwarded_for.split(",")[-_MAX_HOPS:]):
        address = _hop(text)
        if address is None:
            return nearest
        nearest = str(address)
        if not is_within(address, proxies):
            return nearest
    return nearest
