"""config is killed between fold and acknowledgement, and a standby takes over: the same ledger."""

from __future__ import annotations

import random
import time

from tests.support.world import World

from .what_holds import accepted, assert_deployed_once, in_the_middle


def test_a_standby_takes_over_during_a_run_that_still_ends_once(world: World) -> None:
    world.push("standby")
    in_the_middle(world, "standby")
    active = world.active_config()
    world.kill(active)
    assert_deployed_once(world, "standby")
    assert world.active_config() != active


def test_hooks_keep_being_taken_while_no_config_runs(world: World) -> None:
    world.kill("config")
    world.kill("config-2")
    assert accepted(world.push("no-config"))
    assert_deployed_once(world, "no-config")


def test_a_config_killed_again_and_again_among_reports_leaves_one_history(world: World) -> None:
    moments = random.Random(4)
    for number in range(3):
        world.push(f"again-{number}")
        in_the_middle(world, f"again-{number}")
        # Reports, logs and answers go to and fro now; somewhere among them it dies.
        time.sleep(moments.uniform(0.0, 0.6))
        world.kill(world.active_config())
        execution = assert_deployed_once(world, f"again-{number}")
        tasks = [task for stage in execution["stages"].values() for task in stage["tasks"].values()]
        assert {task["status"] for task in tasks} == {"COMPLETED"}
