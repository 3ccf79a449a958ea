"""What a property of an endpoint is, and those that many types share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class EndpointProperty:
    """One property of an endpoint. `kind` is `text`, `lines`, `url`, `number`, `date`, `boolean` or `choice`."""

    name: str
    title: str
    kind: str = "text"
    required: bool = False
    default: Any = None
    choices: tuple[tuple[str, str], ...] = ()
    """Value and title."""
    help: str = ""
    when: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Asked for only while another property has one of these values."""


@dataclass(frozen=True, slots=True)
class EndpointType:
    """One type of endpoint, with its properties in the order in which a form asks."""

    name: str
    title: str
    description: str
    properties: tuple[EndpointProperty, ...]

    def property(self, name: str) -> EndpointProperty:
        """A property by its name."""
        return next(entry for entry in self.properties if entry.name == name)


FINGERPRINT = EndpointProperty(
    "fingerprint",
    "Accepted certificate",
    help="SHA-256 of a certificate that the system's authorities do not vouch for; Accept fills it in.",
)


AUTHORITY = EndpointProperty(
    "caCertificate", "Private authority", "lines", help="PEM; trusted besides the system's authorities."
)


LOCAL = EndpointProperty(
    "allowLocal",
    "May be on the runner's own machine",
    "boolean",
    help="Loopback, link-local and metadata addresses. Only administrators tick it, and change what is ticked.",
)


def expires(**when: tuple[str, ...]) -> EndpointProperty:
    return EndpointProperty(
        "secretExpiresOn",
        "Sign-in expires on",
        "date",
        help="Where the other side says so; a notice names it 30 days before. Tokens that hold their end (JWT) and "
        "certificates need none.",
        when=when,
    )
