"""What admission knows about a run that waits for a slot."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WaitingRun:
    """A run as admission sees it; `concurrency` is its pipeline's limit of runs at a time."""

    id: str
    group: str
    concurrency: int
