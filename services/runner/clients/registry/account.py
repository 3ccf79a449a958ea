"""Where and as whom a registry is asked, and what its refusals are called."""

from __future__ import annotations

from dataclasses import dataclass, field

from services.runner.clients.clouds import CloudSignIn, sign_in_of
from services.runner.task_protocol import OpenEndpoint
from shared.grammar.repositories import HUB_HOST, registry_name, registry_of
from shared.outbound.tls import Trust, plain

TOKEN_USER = "token"
"""Goes with a token that has no user name: a registry whose tokens stand alone takes any name, but none without."""
_HUB_KEY = "https://index.docker.io/v1/"
_KNOWN_REALMS = {HUB_HOST: "https://auth.docker.io/token", "registry.gitlab.com": "https://gitlab.com/jwt/auth"}
"""Public registries whose token service is another server, as Docker's and GitLab's documentation name it."""


class RegistryProblem(Exception):
    """A registry could not or would not answer; `code` is a stable word for the cause."""

    def __init__(self, code: str, message: str, url: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.url = url
        """What was asked, where that matters: a registry's sign-in may be at another host."""


@dataclass(frozen=True, slots=True)
class RegistryAccount:
    """Where and as whom to ask; the password in clear, so short-lived."""

    host: str
    username: str = ""
    password: str = field(default="", repr=False)
    plain_http: bool = False
    ca_pem: str | None = None
    fingerprint: str | None = None
    realm: str = ""
    """The token service on another server that the endpoint accepted."""
    local: bool = False
    """The registry may be on the runner's own machine."""
    sign_in: CloudSignIn | None = None
    """For a cloud's registry, in place of the password: what mints one."""

    @property
    def accepted_realm(self) -> str:
        """The token service that may have the password besides the registry's own server, without a query."""
        return self.realm or _KNOWN_REALMS.get(self.name, "")

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
        return self.name == HUB_HOST

    @property
    def name(self) -> str:
        """The registry as an image reference names it."""
        return registry_name(self.host) or HUB_HOST

    @property
    def config_key(self) -> str:
        """The registry as the key of its sign-in in a `.dockerconfigjson`, which is how container runtimes find it."""
        return _HUB_KEY if self.is_hub else self.name

    @property
    def user(self) -> str:
        """As whom to sign in, in words too; blank for an anonymous caller."""
        if self.sign_in is not None:
            return f"endpoint {self.sign_in.endpoint}"
        return self.username or (TOKEN_USER if self.password and not self.is_hub else "")

    def repository(self, name: str) -> str:
        """A repository as the API names it."""
        return f"library/{name}" if self.is_hub and "/" not in name else name


def account_of(endpoint: OpenEndpoint) -> RegistryAccount:
    """Where a docker endpoint's registry is and as whom to ask."""
    host, plain = registry_of(endpoint.properties)
    sign_in = sign_in_of(endpoint)
    return RegistryAccount(
        host,
        endpoint.text("username") if sign_in is None else "",
        (endpoint.text("password") or endpoint.text("token")) if sign_in is None else "",
        plain_http=plain,
        ca_pem=endpoint.text("caCertificate") or None,
        fingerprint=endpoint.text("fingerprint") or None,
        realm=endpoint.text("realm"),
        local=endpoint.may_be_local,
        sign_in=sign_in,
    )
