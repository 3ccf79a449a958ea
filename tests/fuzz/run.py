"""One run: documents in turn for every edge, counted."""

from __future__ import annotations

import random
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.in_process import InProcess

from .target import Broken, Target
from .targets import TARGETS

SLOWEST_S = 3.0
"""Of the processor, for one document: an edge that takes longer can be stopped by a few senders."""
ROUNDS_A_SYSTEM = 100
"""Then a new one, so that what was created before slows nothing down."""


@dataclass
class Count:
    """What became of the documents of one edge."""

    sent: int = 0
    past: int = 0
    """Came past the reader."""
    failures: list[tuple[bytes, str]] = field(default_factory=list)

    def add(self, other: Count) -> None:
        self.sent += other.sent
        self.past += other.past
        self.failures += other.failures


Counts = dict[str, Count]


def run(
    folder: Path,
    goes_on: Callable[[int], bool],
    seed: int,
    targets: Sequence[Target] = TARGETS,
    *,
    at_most: int = 1_000,
) -> Counts:
    """Fuzz while `goes_on`, which is given how many rounds are over.

    A round has each edge's own number of documents, but `at_most` this many. The same seed sends the same documents.
    """
    rng, rounds = random.Random(seed), 0
    counts = {target.name: Count() for target in targets}
    while goes_on(rounds):
        system = folder / str(rounds)
        system.mkdir()
        inside = InProcess(system)
        inside.ids["pipeline"] = inside.office.pipeline("Fuzzed")["id"]
        until = rounds + ROUNDS_A_SYSTEM
        while rounds < until and goes_on(rounds):
            for target in targets:
                for _ in range(min(target.documents, at_most)):
                    _try(inside, target, target.mutate(rng, target.seed), counts[target.name])
            rounds += 1
        inside.close()
    return counts


def fuzz_for(seed: int, minutes: float) -> Counts:
    """One process's share, in a folder of its own."""
    until = time.monotonic() + minutes * 60
    with tempfile.TemporaryDirectory() as folder:
        return run(Path(folder), lambda _: time.monotonic() < until, seed)


def _try(inside: InProcess, target: Target, document: bytes, count: Count) -> None:
    count.sent += 1
    began = time.thread_time()
    try:
        count.past += target.send(inside, document)
        if (took := time.thread_time() - began) > SLOWEST_S:
            raise Broken(f"it took {took:.1f} s")
    except Exception:
        count.failures.append((document, traceback.format_exc(limit=-3)))
