"""The world outside: what was really done to it, and the checks that a target itself makes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


class Broken(AssertionError):
    """A promise of the protocol did not hold."""


@dataclass(frozen=True)
class Live:
    """What a runner read from the cluster before it writes."""

    resource_version: int
    start_number: int


@dataclass(frozen=True)
class Actor:
    """Who acts: one holder of one run."""

    execution_id: str
    attempt: int
    start_number: int


@dataclass
class Outside:
    """One cluster object that every run writes, a service with idempotency keys, and one that takes whatever comes."""

    checks_resource_version: bool = True
    live: Live = Live(1, 0)
    writes: list[Actor] = field(default_factory=list)
    keyed: Counter[str] = field(default_factory=Counter)
    once: Counter[tuple[str, str, str]] = field(default_factory=Counter)

    def write(self, actor: Actor, read: Live) -> bool:
        """Apply what `actor` decided after it had read `read`; False: somebody wrote in between."""
        if self.checks_resource_version and read.resource_version != self.live.resource_version:
            return False
        self.live = Live(self.live.resource_version + 1, actor.start_number)
        self.writes.append(actor)
        return True

    def charge(self, key: str) -> None:
        """An effect with an idempotency key."""
        self.keyed[key] += 1

    def shout(self, execution_id: str, stage: str, task: str) -> None:
        """An effect that nothing outside protects."""
        self.once[execution_id, stage, task] += 1
        if self.once[execution_id, stage, task] > 1:
            raise Broken(f"once means once: {execution_id} did {stage}.{task} twice")
