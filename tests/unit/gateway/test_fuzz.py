"""A short, bounded run of `make fuzz`, the same each time."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest

from tests.fuzz.__main__ import LEAST_PAST
from tests.fuzz.mutation import mutated
from tests.fuzz.run import run
from tests.fuzz.target import Target
from tests.fuzz.targets import TARGETS
from tests.support.in_process import InProcess

ROUNDS = 2


@pytest.mark.slow
def test_no_edge_fails_at_what_it_reads(tmp_path: Path) -> None:
    counts = run(tmp_path, lambda rounds: rounds < ROUNDS, seed=20_261_129, at_most=1)
    assert {name: count.failures for name, count in counts.items() if count.failures} == {}
    assert [count.sent for count in counts.values()] == [ROUNDS] * len(TARGETS)
    assert sum(count.past for count in counts.values()) >= ROUNDS * len(TARGETS) / 3


@pytest.mark.slow
def test_every_edge_reads_the_document_that_is_mutated(tmp_path: Path) -> None:
    targets = [replace(target, mutate=lambda _, document: document) for target in TARGETS]
    counts = run(tmp_path, lambda rounds: rounds < 1, 1, targets, at_most=1)
    assert {name for name, count in counts.items() if not count.past} == set()


@pytest.mark.slow
def test_a_third_of_what_strict_readers_are_sent_comes_past_them(tmp_path: Path) -> None:
    strict = [target for target in TARGETS if target.mutate is not mutated]
    counts = run(tmp_path, lambda rounds: rounds < 15, 1, strict, at_most=4)
    assert {name: count.past for name, count in counts.items() if count.past < count.sent * LEAST_PAST} == {}


@pytest.mark.slow
def test_a_reader_that_raises_is_counted_with_its_document(tmp_path: Path) -> None:
    def fail(inside: InProcess, document: bytes) -> bool:
        raise RecursionError

    (count,) = run(tmp_path, lambda rounds: rounds < 2, 1, (Target("broken", b"{}", fail),)).values()
    assert (count.sent, count.past, len(count.failures)) == (2, 0, 2)


def test_the_same_seed_gives_the_same_documents() -> None:
    one, other = (random.Random(7) for _ in range(2))
    documents, again = ([target.mutate(rng, target.seed) for target in TARGETS] for rng in (one, other))
    assert documents == again
