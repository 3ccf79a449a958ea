"""What the address may be at which the world reaches Portside: the one rule for the setting and for the API. Pure."""

from __future__ import annotations

from urllib.parse import urlsplit

EXAMPLE = "https://portside.example.com"


def public_url_flaw(url: str) -> str:
    """Why an address cannot be the public one; blank when it can."""
    try:
        parts = urlsplit(url.strip())
        host = parts.hostname if parts.port != 0 else None
    except ValueError:
        return f"it is not an address such as {EXAMPLE}"
    if parts.scheme not in ("http", "https") or not host or parts.query or parts.fragment:
        return f"it must be an address such as {EXAMPLE}"
    if parts.username is not None or parts.password is not None:
        return f"it must hold no user name and no password, as in {EXAMPLE}"
    if parts.path.strip("/"):
        return (
            f"it must have no path, as in {EXAMPLE}: Portside's pages and its API are at the root of their host, so "
            f"give it a host name or a port of its own in place of {parts.path}"
        )
    return ""
