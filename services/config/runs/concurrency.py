"""Who runs and who waits: the decision from values alone.

Runs of one *concurrency group* must not be under way at the same time: a pipeline and a repository, or a pipeline and a
schedule. A run without a group waits only for its pipeline's limit.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from services.config.model.slots import WaitingRun
from shared.grammar.spec import Supersede


@dataclass(frozen=True, slots=True)
class Arrival:
    """What a new run does to those before it in its concurrency group."""

    skip: bool = False
    """The new run itself is not to be: another is under way."""
    supersede: tuple[str, ...] = ()
    """Waiting runs that will never start."""
    cancel: tuple[str, ...] = ()
    """Running ones to be cancelled."""


def group_of(policy: Supersede, pipeline_id: str, source: str) -> str:
    """The concurrency group of a run that a push of a repository or a schedule starts; runs in parallel have none."""
    return "" if policy is Supersede.PARALLEL or not source else f"{pipeline_id} {source}"


def arrive(policy: Supersede, running: Collection[str], waiting: Collection[str]) -> Arrival:
    """A new run comes into its concurrency group, where these run and those wait without having begun."""
    match policy:
        case Supersede.QUEUE_LATEST:
            return Arrival(supersede=tuple(waiting))
        case Supersede.CANCEL_OLDER:
            return Arrival(supersede=tuple(waiting), cancel=tuple(running))
        case Supersede.SKIP_NEW:
            return Arrival(skip=bool(running or waiting))
        case Supersede.PARALLEL | Supersede.QUEUE:
            return Arrival()


def choose(waiting: Iterable[WaitingRun], active: int, busy: Collection[str]) -> tuple[str, ...]:
    """Which of the waiting runs of one pipeline, oldest first, have a place now.

    `active` runs of the pipeline hold a place, in the concurrency groups `busy`.
    """
    taken = set(busy)
    count = active
    chosen: list[str] = []
    for place in waiting:
        if count < place.concurrency and place.group not in taken:
            chosen.append(place.id)
            count += 1
            if place.group:
                taken.add(place.group)
    return tuple(chosen)
