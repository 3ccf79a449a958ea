"""Duplicate and reordered messages: the same state."""

from __future__ import annotations

import base64
import time
from typing import Any

from tests.support.world import World

from .what_holds import assert_deployed_once, in_the_middle, runs_of

Json = dict[str, Any]


def test_a_hook_delivered_again_and_again_starts_one_run(world: World) -> None:
    delivered = world.push("redelivered")["deliveries"][0]
    for _ in range(4):
        world.steer_hub("redeliver", {"number": delivered["number"]})
    assert_deployed_once(world, "redelivered")
    assert len(runs_of(world, "redelivered")) == 1
    verdicts = [event["verdict"] for event in world.events(tag="redelivered")]
    assert sorted(verdicts) == ["duplicate"] * 4 + ["started"]


def test_a_run_message_copied_many_times_runs_once(world: World) -> None:
    with world.frozen("runner-1", "runner-2"):
        world.push("copied")
        world.execution_of("copied")
        # What the runners had fetched is back in the queue before their successors come.
        world.kill("runner-1")
        world.kill("runner-2")
        _copy(world, "runner.runs", times=5)
    assert_deployed_once(world, "copied")


def test_reports_that_come_twice_and_in_reverse_change_nothing(world: World) -> None:
    world.push("reversed")
    in_the_middle(world, "reversed")
    with world.frozen("config", "config-2"):
        time.sleep(2.0)
        for name in ("config", "config-2"):
            world.kill(name)
        _copy(world, "config.ledger", times=2, reverse=True)
    execution = assert_deployed_once(world, "reversed")
    tasks = [task for stage in execution["stages"].values() for task in stage["tasks"].values()]
    assert {task["status"] for task in tasks} == {"COMPLETED"}


def _copy(world: World, queue: str, *, times: int, reverse: bool = False) -> None:
    """Publish what is in a queue again, behind it."""
    order = {"count": 50, "ackmode": "ack_requeue_true", "encoding": "base64"}
    found = world.broker.manage("POST", f"/api/queues/%2F/{queue}/get", order)
    assert isinstance(found, list)
    for message in [*(reversed(found) if reverse else found)] * times:
        again = {
            "properties": message["properties"],
            "routing_key": queue,
            "payload": message["payload"] if message["payload_encoding"] == "base64" else _encoded(message["payload"]),
            "payload_encoding": "base64",
        }
        world.broker.manage("POST", "/api/exchanges/%2F/amq.default/publish", again)


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
