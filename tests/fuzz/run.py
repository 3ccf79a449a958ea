"""One run: documents in turn for every edge, counted."""

from __future__ import annotations

import random
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tests.support.in_process import InProcess

from .mutation import mutated
from .targets import TARGETS, Target


@dataclass
class Count:
    """What became of the documents of one edge."""

    sent: int = 0
    past: int = 0
    """Came past the reader."""
    failures: list[tuple[bytes, str]] = field(default_factory=list)


def run(
    inside: InProcess, goes_on: Callable[[int], bool], seed: int, targets: Sequence[Target] = TARGETS
) -> dict[str, Count]:
    """Fuzz while `goes_on`, which is given how many rounds are over."""
    inside.office.pipeline("Fuzzed")
    rng, counts = random.Random(seed), {target.name: Count() for target in targets}
    rounds = 0
    while goes_on(rounds):
        for target in targets:
            _try(inside, target, mutated(rng, target.seed), counts[target.name])
        rounds += 1
    return counts


def _try(inside: InProcess, target: Target, document: bytes, count: Count) -> None:
    count.sent += 1
    try:
        count.past += target.send(inside, document)
    except Exception:
        count.failures.append((document, traceback.format_exc(limit=-3)))
