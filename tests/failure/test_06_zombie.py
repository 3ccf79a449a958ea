"""A runner is stopped for a minute and woken: it does nothing outside, and its successor's work stands."""

from __future__ import annotations

import time

import pytest

from cli import demo
from tests.support.world import World, wait_for

from .conftest import LEASE_S
from .what_holds import assert_deployed_once, in_the_middle

DEPLOYMENT = f"/apis/apps/v1/namespaces/{demo.NAMESPACE}/deployments/{demo.DEPLOYMENT}"


@pytest.mark.parametrize("frozen_s", [LEASE_S + 4, 60])
def test_a_runner_that_wakes_after_its_lease_changes_nothing(world: World, frozen_s: float) -> None:
    tag = f"zombie-{frozen_s:g}"
    world.push(tag)
    in_the_middle(world, tag)
    holder = _holder(world, tag)
    woken_at = time.monotonic() + frozen_s
    with world.frozen(holder):
        assert_deployed_once(world, tag)
        world.push(f"{tag}-next")
        assert_deployed_once(world, f"{tag}-next")
        before = world.cluster.get(DEPLOYMENT)
        time.sleep(max(0.0, woken_at - time.monotonic()))
    wait_for(lambda: "run abandoned" in _log_since_freeze(world, holder), f"{holder} to learn that it holds nothing")
    after = world.cluster.get(DEPLOYMENT)
    assert before is not None and after is not None
    assert after["metadata"]["annotations"] == before["metadata"]["annotations"]
    assert after["spec"] == before["spec"]
    assert_deployed_once(world, f"{tag}-next")


def _holder(world: World, tag: str) -> str:
    """Whose log says last that it writes to the cluster for this run."""
    execution = world.execution_of(tag)
    held = world.held_by(execution["id"])
    return held.rpartition("-")[0]


def _log_since_freeze(world: World, name: str) -> str:
    return (world.home / "log" / f"{name}.log").read_text()
