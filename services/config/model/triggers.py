"""What the catalog tells the rest of config: frozen facts, read inside one unit of work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from shared.contracts.pushes import RegistryAccess

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
    """`acme/web`; empty when it is not known, which matches any."""
    image_pattern: str
    tag_pattern: str
    exclude: tuple[str, ...]
    input: Mapping[str, Any]
    actor: Actor
    missing: tuple[str, ...] = ()
    """What the webhook lacks before it can start anything, each a sentence."""
    access: RegistryAccess | None = None
    """How to ask the registry for the tag's digest."""
    gather_s: float = 0.0
    """The quiet period, in seconds, in which what is pushed together is gathered; 0 for none."""
    platforms: tuple[str, ...] = ()
    """A run waits until the registry has the tag for all of these, such as `linux/arm64`."""
