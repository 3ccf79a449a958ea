"""A runner is stopped for a minute and woken: it does nothing outside, and its successor's work stands."""

from __future__ import annotations

import json
import sqlite3
import time
from contextlib import closing

from cli import demo
from tests.support.world import World, wait_for

from .what_holds import assert_deployed_once, in_the_middle

FROZEN_S = 60
DEPLOYMENT = f"/apis/apps/v1/namespaces/{demo.NAMESPACE}/deployments/{demo.DEPLOYMENT}"


def test_a_runner_that_wakes_after_a_minute_changes_nothing(world: World) -> None:
    tag = "zombie"
    world.push(tag)
    holder = _holder(world, in_the_middle(world, tag)["id"])
    abandoned = _abandoned(world, holder)
    woken_at = time.monotonic() + FROZEN_S
    with world.frozen(holder):
        assert_deployed_once(world, tag)
        world.push(f"{tag}-next")
        assert_deployed_once(world, f"{tag}-next")
        before = world.cluster.get(DEPLOYMENT)
        time.sleep(max(0.0, woken_at - time.monotonic()))
    wait_for(lambda: _abandoned(world, holder) > abandoned, f"{holder} to learn that it holds nothing")
    after = world.cluster.get(DEPLOYMENT)
    assert before is not None and after is not None
    assert after["metadata"]["annotations"] == before["metadata"]["annotations"]
    assert after["spec"] == before["spec"]
    assert_deployed_once(world, f"{tag}-next")


def _holder(world: World, execution_id: str) -> str:
    """Which process the ledger's row names."""
    with closing(sqlite3.connect(world.home / "portside.db", timeout=5)) as database:
        (hold,) = database.execute("SELECT hold FROM executions WHERE id = ?", (execution_id,)).fetchone()
    return str(json.loads(hold)["runner"]).rpartition("-")[0]


def _abandoned(world: World, name: str) -> int:
    return sum("run.abandoned" in line for line in world.log_of(name))
