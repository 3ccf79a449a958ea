"""What the runner reads from its environment."""

from __future__ import annotations

from pydantic import field_validator

from shared.process.addresses import Network, read_network
from shared.process.settings import CommonSettings


class RunnerSettings(CommonSettings):
    """Sizes of the runner's pools."""

    runner_slots: int = 32
    """Runs held at a time; a run needs no thread of its own."""
    runner_threads: int = 128
    """Threads that call tasks, started as they are needed: servers that do not answer occupy one each until their
    time-out."""
    runner_request_threads: int = 4
    """Threads for short requests: resolving tags, validating endpoints, looking at something for a page."""
    runner_notice_threads: int = 2
    """Threads that send notifications; more where many go to a server that is slow."""
    outgoing_local: bool = False
    """Let tasks and endpoints reach the runner's own machine, link-local networks and its cloud's metadata service."""
    outgoing_deny: str = ""
    """Networks that nothing reaches from the runner, separated by commas, as in 10.0.5.0/24, fd00:5::/64."""

    @field_validator("outgoing_deny")
    @classmethod
    def _are_networks(cls, text: str) -> str:
        _networks(text)
        return text

    @property
    def denied_networks(self) -> tuple[Network, ...]:
        """`outgoing_deny`, read."""
        return _networks(self.outgoing_deny)


def _networks(text: str) -> tuple[Network, ...]:
    return tuple(read_network(part) for part in text.split(",") if part.strip())
