"""Who runs and who waits."""

from __future__ import annotations

import pytest

from services.config.model.slots import WaitingRun
from services.config.runs.concurrency import Arrival, arrive, choose, group_of
from shared.grammar.spec import Supersede


def waits(id: str, group: str = "", concurrency: int = 10) -> WaitingRun:
    return WaitingRun(id, group, concurrency)


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (Supersede.PARALLEL, Arrival()),
        (Supersede.QUEUE, Arrival()),
        (Supersede.QUEUE_LATEST, Arrival(supersede=("w1", "w2"))),
        (Supersede.CANCEL_OLDER, Arrival(supersede=("w1", "w2"), cancel=("r1",))),
        (Supersede.SKIP_NEW, Arrival(skip=True)),
    ],
)
def test_each_policy_does_its_own_to_those_before(policy: Supersede, expected: Arrival) -> None:
    assert arrive(policy, ["r1"], ["w1", "w2"]) == expected


def test_skip_new_skips_nothing_when_the_group_is_empty() -> None:
    assert arrive(Supersede.SKIP_NEW, [], []) == Arrival()


def test_the_oldest_of_a_free_group_starts_and_the_others_of_it_wait() -> None:
    waiting = [waits("a", "x"), waits("b", "x"), waits("c", "y")]
    assert choose(waiting, 0, ()) == ("a", "c")


def test_a_busy_group_holds_up_only_itself() -> None:
    assert choose([waits("a", "x"), waits("b", "y")], 1, ("x",)) == ("b",)


def test_the_pipelines_limit_counts_those_that_run_already() -> None:
    waiting = [waits(name, concurrency=3) for name in "abcd"]
    assert choose(waiting, 1, ()) == ("a", "b")


def test_parallel_runs_have_no_group_and_others_share_one_by_pipeline_and_repository() -> None:
    assert group_of(Supersede.PARALLEL, "p", "acme/web") == ""
    assert group_of(Supersede.QUEUE, "p", "acme/web") == group_of(Supersede.QUEUE_LATEST, "p", "acme/web")
    assert group_of(Supersede.QUEUE, "p", "acme/web") != group_of(Supersede.QUEUE, "q", "acme/web")
