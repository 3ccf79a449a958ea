"""What the gateway reads from its environment."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, model_validator
from pydantic_settings import NoDecode

from shared.process import certificates
from shared.process.addresses import Network, mapped_network, read_network
from shared.process.settings import CommonSettings


def _networks(value: Any) -> Any:
    if isinstance(value, str):
        return tuple(read_network(part) for part in value.split(",") if part.strip())
    return value


class GatewaySettings(CommonSettings):
    """HTTP, threads and the receiver's bounds."""

    host: str = "127.0.0.1"
    """Address to listen on; 0.0.0.0 serves other machines, :: also those that speak IPv6."""
    port: int = 8080
    """Port of hooks, pages and API."""
    workers: int = 2
    """Processes that serve; one more for each core that hooks keep busy."""
    threads: int = 256
    """A worker's threads: streams hold one each."""
    streams: int = 200
    """SSE streams a worker at most, so that one worker has room for all if the other has none; a page past that polls.
    What `THREADS` has beyond these and `RESERVED_THREADS` serves pages and the API."""
    reserved_threads: int = 24
    """A worker's threads that only hooks may use."""
    connections: int = 4096
    """Connections of a worker, busy, idle or half-way through a request; past it the oldest that waits is dropped."""
    connections_per_address: int = 512
    """Of these, connections from one address; past it the oldest of them that waits is dropped. Trusted proxies have
    no bound of their own."""
    trusted_proxies: Annotated[tuple[Network, ...], NoDecode, BeforeValidator(_networks)] = ()
    """Addresses or networks, by commas, whose `X-Forwarded-For` and `X-Forwarded-Proto` count.
    Without it clients behind a proxy cannot be told apart, and failed sign-ins are limited all together."""
    tls_certfile: str = ""
    """Path of a PEM certificate with its chain: the gateway serves HTTPS itself. Empty where a proxy before it does."""
    tls_keyfile: str = ""
    """Path of its private key; empty when the certificate's file holds it too."""
    rabbitmq_management_url: str = ""
    """RabbitMQ's management API as `http://user:password@host:15672`; without it the Queues page knows no rates."""
    hook_cap_per_minute: int = 30_000
    """Hooks a minute that each worker takes from one token; past it the sender gets 429 and the webhook says so.
    Raise it only where one webhook really has this many pushes."""
    spool_max_bytes: int = 512 * 1024 * 1024
    """Bytes of hooks kept on disk while the broker is away; past it the sender gets 503. Raise it with the disk."""
    spool_max_files: int = 200_000
    """The same in hooks."""

    site_folder: str = ""
    """The folder of the documentation, served at `/docs`; empty means where `make site` and the image put it."""
    samples_folder: str = ""
    """The folder by which the first page asks `make up` for sample data; without it the page offers none."""

    @model_validator(mode="after")
    def _can_serve_tls(self) -> Self:
        if self.tls_certfile and (flaw := certificates.flaw_of_files(self.tls_certfile, self.tls_keyfile)):
            raise ValueError(f"TLS_CERTFILE and TLS_KEYFILE cannot be used: {flaw}.")
        return self

    @property
    def bind(self) -> str:
        """Host and port to listen on, as an address writes them."""
        host = self.host.strip("[]")
        return f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"

    @property
    def forwarders(self) -> str:
        """Whose `X-Forwarded-Proto` counts, by commas; IPv4 also as a socket for both families shows it."""
        proxies = self.trusted_proxies or (read_network("127.0.0.1"),)
        return ",".join(str(form) for proxy in proxies for form in dict.fromkeys((proxy, mapped_network(proxy))))

    @property
    def folder(self) -> Path:
        """What the gateway keeps on disk."""
        return self.home / "gateway"
