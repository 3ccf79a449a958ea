"""A runner is killed in the middle of a task: another resumes soon, what was finished is not repeated."""

from __future__ import annotations

import time

import pytest

from tests.support.patience import PATIENCE_S
from tests.support.world import SERVICES, World

from .conftest import LEASE_S
from .what_holds import assert_deployed_once, in_the_middle


@pytest.mark.parametrize("victim", SERVICES)
def test_a_service_killed_during_a_run_leaves_one_completed_execution(world: World, victim: str) -> None:
    tag = f"killed-{victim}"
    world.push(tag)
    in_the_middle(world, tag)
    world.kill(victim)
    assert_deployed_once(world, tag)


def test_after_both_runners_are_killed_a_successor_resumes_and_repeats_nothing(world: World) -> None:
    world.push("both")
    before = in_the_middle(world, "both")["stages"]["Check"]
    killed = time.monotonic()
    world.kill("runner-1")
    world.kill("runner-2")
    after = assert_deployed_once(world, "both")
    assert time.monotonic() - killed < LEASE_S + PATIENCE_S
    # Tasks of the stage that had ended ended once: their times are those of the first runner.
    for name, task in before["tasks"].items():
        assert after["stages"]["Check"]["tasks"][name]["_endTime"] == task["_endTime"] > 0
