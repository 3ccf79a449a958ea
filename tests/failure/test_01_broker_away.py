"""The broker restarts, is blocked, or is away, under load: no accepted hook is lost, and everything recovers alone."""

from __future__ import annotations

import subprocess
import threading
import time
from typing import Any

import pytest

from cli.rabbitmq import PrivateNode, server_script
from tests.support.world import World, wait_for

from .what_holds import accepted, assert_deployed_once, in_the_middle

EVERY_S = 0.2


@pytest.mark.parametrize("how", ["stopped", "killed"])
def test_the_broker_restarted_during_a_run_leaves_one_completed_execution(world: World, how: str) -> None:
    tag = f"broker-{how}"
    world.push(tag)
    in_the_middle(world, tag)
    world.restart_broker(kill=how == "killed")
    assert_deployed_once(world, tag)


def test_every_hook_of_a_steady_stream_is_answered_and_heard_of_though_the_broker_is_away(world: World) -> None:
    pushes: list[Any] = []
    away = threading.Thread(target=lambda: world.restart_broker(away_s=2, kill=True))
    away.start()
    while away.is_alive():
        pushes.append(world.push(f"stream-{len(pushes)}"))
        time.sleep(EVERY_S)
    pushes.append(world.push("stream-last"))
    assert all(accepted(one) for one in pushes)
    assert_deployed_once(world, "stream-last")
    tags = {one["tag"] for one in pushes}
    judged = wait_for(
        lambda: tags <= {event["tag"] for event in world.events() if event["state"] == "judged"}, "every hook's verdict"
    )
    assert judged
    assert {event["verdict"] for event in world.events() if event["tag"] in tags} <= {"started", "queued"}


def test_a_broker_short_of_memory_holds_up_runs_but_no_hook(world: World) -> None:
    _alarm(world.broker, on=True)
    try:
        assert accepted(world.push("blocked"))
        assert accepted(world.push("blocked-last"))
    finally:
        _alarm(world.broker, on=False)
    assert_deployed_once(world, "blocked-last")


def _alarm(node: PrivateNode, *, on: bool) -> None:
    """A watermark that any node is above, and the usual one again."""
    script = server_script()
    assert script is not None
    mark = "0.00000001" if on else "0.4"
    command = [str(script.with_name("rabbitmqctl")), "-q", "set_vm_memory_high_watermark", mark]
    subprocess.run(command, env=node.environment, check=True, capture_output=True, timeout=60)
