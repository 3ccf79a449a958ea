"""What the catalog tells the rest of config: frozen facts, read inside one unit of work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from shared.contracts.pushes import RegistryAccess
from shared.grammar.repositories import HUB_HOST, is_named

PipelineState = Literal["ENABLED", "DISABLED", "RELEASED"]


@dataclass(frozen=True, slots=True)
class RunnablePipeline:
    """A pipeline as the ledger needs it to start a run."""

    id: str
    project: str
    name: str
    version: int
    state: PipelineState
    tree: Mapping[str, Any]
    """The pipeline document, as `shared.grammar.pipelines.read_pipeline` reads it."""
    concurrency: int
    description: str = ""
    tags: tuple[str, ...] = ()

    @property
    def enabled(self) -> bool:
        return self.state != "DISABLED"


@dataclass(frozen=True, slots=True)
class Actor:
    """As whom a webhook's runs act, and why that cannot be now, in words for the verdict; empty when all is well."""

    user: str
    """The owner of its API token, else who made it."""
    token_problem: str = ""
    right_problem: str = ""

    @property
    def problem(self) -> str:
        return self.token_problem or self.right_problem


@dataclass(frozen=True, slots=True)
class MatchWebhook:
    """A webhook as matching needs it."""

    id: str
    project: str
    name: str
    enabled: bool
    pipeline: str
    """The pipeline's name; empty while the webhook is incomplete."""
    registry_host: str
    """As in an image reference, `docker.io`; empty when it is not known, which matches any."""
    repository: str
    """`acme/web`; empty for a whole namespace, or when it is not known, which matches any."""
    image_pattern: str
    tag_pattern: str
    exclude: tuple[str, ...]
    input: Mapping[str, Any]
    actor: Actor
    namespace: str = ""
    """Where `repository` is empty: what a repository must be in; empty for all of the registry."""
    registry_names: frozenset[str] = frozenset()
    """All names of its registry."""
    endpoint: str = ""
    """The endpoint's name, for words."""
    missing: tuple[str, ...] = ()
    """What the webhook lacks before it can start anything, each a sentence."""
    access: RegistryAccess | None = None
    """How to ask the registry for the tag's digest."""
    gather_s: float = 0.0
    """The quiet period, in seconds, in which what is pushed together is gathered; 0 for none."""
    platforms: tuple[str, ...] = ()
    """A run waits until the registry has the tag for all of these, such as `linux/arm64`."""
    networks: tuple[str, ...] = ()
    """Where calls may come from, in CIDR notation; empty for anywhere."""
    signed: bool = False
    """Calls must be signed."""

    def is_for_registry(self, host: str) -> bool:
        """Whether a push at that registry is this webhook's."""
        return not self.registry_host or is_named(host, self.registry_names or {self.registry_host})

    def is_for_repository(self, path: str) -> bool:
        """Whether a push of that repository is this webhook's, were its registry the right one."""
        if self.repository or not self.namespace:
            return self.repository in ("", path)
        return path == self.namespace or path.startswith(f"{self.namespace}/")

    @property
    def about(self) -> str:
        """What it is for, in words."""
        host = "" if self.registry_host in ("", HUB_HOST) else self.registry_host
        if not self.repository and not self.namespace:
            return f"any repository of {host}" if host else "any repository"
        named = f"{host}/{self.repository or self.namespace}".lstrip("/")
        return named if self.repository else f"all of {named}"
