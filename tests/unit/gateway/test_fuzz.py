"""A short, bounded run of `make fuzz`, the same each time."""

from __future__ import annotations

import random
from pathlib import Path

from tests.fuzz.mutation import mutated
from tests.fuzz.run import run
from tests.fuzz.targets import TARGETS, Target
from tests.support.in_process import InProcess

ROUNDS = 12


def test_no_edge_fails_at_what_it_reads(tmp_path: Path) -> None:
    inside = InProcess(tmp_path)
    counts = run(inside, lambda rounds: rounds < ROUNDS, seed=20_261_129)
    assert {name: count.failures for name, count in counts.items() if count.failures} == {}
    assert all(count.sent == ROUNDS for count in counts.values())
    past = sum(count.past for count in counts.values())
    assert past >= sum(count.sent for count in counts.values()) / 3
    inside.close()


def test_a_reader_that_raises_is_counted_with_its_document(tmp_path: Path) -> None:
    def fail(inside: InProcess, document: bytes) -> bool:
        raise RecursionError

    inside = InProcess(tmp_path)
    (count,) = run(inside, lambda rounds: rounds < 2, 1, (Target("broken", b"{}", fail),)).values()
    assert (count.sent, count.past, len(count.failures)) == (2, 0, 2)
    inside.close()


def test_the_same_seed_gives_the_same_documents() -> None:
    one, other = (random.Random(7) for _ in range(2))
    assert [mutated(one, TARGETS[2].seed) for _ in range(50)] == [mutated(other, TARGETS[2].seed) for _ in range(50)]
