"""Duplicate and reordered messages: the same state."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from functools import partial
from typing import Any

from shared.bus import Bus
from shared.contracts.runs import Report
from shared.contracts.topics import RUN_REPORT, Service
from tests.support.world import World, wait_for

from .what_holds import assert_deployed_once, in_the_middle, untaken

Json = dict[str, Any]


def test_a_hook_delivered_again_and_again_starts_one_run(world: World) -> None:
    delivered = world.push("redelivered")["deliveries"][0]
    for _ in range(4):
        world.steer_hub("redeliver", {"number": delivered["number"]})
    assert_deployed_once(world, "redelivered")
    events = wait_for(partial(_all_judged, world, "redelivered", 5), "a verdict on each delivery")
    assert sorted(event["verdict"] for event in events) == ["duplicate"] * 4 + ["started"]


def test_a_run_message_copied_many_times_runs_once(world: World) -> None:
    with untaken(world, "copied"):
        _copy(world, "runner.runs", times=5)
    assert_deployed_once(world, "copied")


def test_reports_that_come_twice_and_in_reverse_change_nothing(world: World) -> None:
    world.push("reversed")
    run = in_the_middle(world, "reversed")
    said = _reports(world, run["id"])
    assert len(said) > 3
    with Bus(world.broker.amqp_url, service=Service.RUNNER, instance="copier") as bus:
        wait_for(lambda: bus.connected, "a connection")
        for report in [*reversed(said), *said]:
            bus.publish(RUN_REPORT, report, subject=run["id"])
    execution = assert_deployed_once(world, "reversed")
    tasks = [task for stage in execution["stages"].values() for task in stage["tasks"].values()]
    assert {task["status"] for task in tasks} == {"COMPLETED"}
    known = [(report.attempt, event.seq) for report in _reports(world, run["id"]) for event in report.events]
    assert len(set(known)) == len(known)


def _all_judged(world: World, tag: str, count: int) -> list[Json]:
    events = world.events(tag=tag, state="judged")
    return events if len(events) >= count else []


def _reports(world: World, execution_id: str) -> list[Report]:
    """What the holder of a run has said so far, as the ledger recorded it, one event in each."""
    with closing(sqlite3.connect(world.home / "portside.db", timeout=5)) as database:
        (hold,) = database.execute("SELECT hold FROM executions WHERE id = ?", (execution_id,)).fetchone()
        query = "SELECT attempt, body FROM events WHERE execution_id = ? AND attempt > 0 ORDER BY position"
        rows = database.execute(query, (execution_id,)).fetchall()
    runner = json.loads(hold).get("runner", "")
    return [
        Report.model_validate(
            {"execution_id": execution_id, "attempt": attempt, "runner": runner, "events": [json.loads(body)]}
        )
        for attempt, body in rows
    ]


def _copy(world: World, queue: str, *, times: int) -> None:
    """Publish what is in a queue again, behind it."""
    order = {"count": 50, "ackmode": "ack_requeue_true", "encoding": "base64"}
    found = world.broker.manage("POST", f"/api/queues/%2F/{queue}/get", order)
    assert isinstance(found, list) and found
    for message in found * times:
        again = {
            "properties": message["properties"],
            "routing_key": queue,
            "payload": message["payload"],
            "payload_encoding": message["payload_encoding"],
        }
        world.broker.manage("POST", "/api/exchanges/%2F/amq.default/publish", again)
