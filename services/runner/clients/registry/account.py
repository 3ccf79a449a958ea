"""Where and as whom a registry is asked, and what its refusals are called."""

from __future__ import annotations

from dataclasses import dataclass, field

from services.runner.clients.tls import Trust, plain
from services.runner.task_protocol import OpenEndpoint
from shared.grammar.repositories import registry_of

_HUB = frozenset({"", "docker.io", "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com"})


class RegistryProblem(Exception):
    """A registry could not or would not answer; `code` is a stable word for the cause."""

    def __init__(self, code: str, message: str, url: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.url = url
        """What was asked, where that matters: a registry's sign-in may be at another host."""


@dataclass(frozen=True, slots=True)
class Account:
    """Where and as whom to ask; the password in clear, so short-lived."""

    host: str
    username: str = ""
    password: str = field(default="", repr=False)
    plain_http: bool = False
    ca_pem: str | None = None
    fingerprint: str | None = None

    @property
    def trust(self) -> Trust:
        """Which certificates to take."""
        return Trust(plain(self.fingerprint or ""), self.ca_pem or "")

    @property
    def base(self) -> str:
        """The API's address."""
        host = "registry-1.docker.io" if self.is_hub else self.host
        return f"{'http' if self.plain_http else 'https'}://{host}"

    @property
    def is_hub(self) -> bool:
        """Docker Hub, whose official images live under `library/`."""
        return self.host in _HUB

    @property
    def name(self) -> str:
        """The registry as an image reference names it."""
        return "docker.io" if self.is_hub else self.host

    def repository(self, written: str) -> str:
        """A repository as the API names it."""
        return f"library/{written}" if self.is_hub and "/" not in written else written


def account_of(endpoint: OpenEndpoint) -> Account:
    """Where a docker endpoint's registry is and as whom to ask."""
    host, plain = registry_of(endpoint.properties)
    return Account(
        host,
        endpoint.text("username"),
        endpoint.text("password") or endpoint.text("token"),
        plain_http=plain,
        ca_pem=endpoint.text("caCertificate") or None,
        fingerprint=endpoint.text("fingerprint") or None,
    )
