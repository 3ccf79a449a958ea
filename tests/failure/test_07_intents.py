"""Cancel, pause and approval in the worst moment (the holder reconnects, the run parks): they take effect."""

from __future__ import annotations

from contextlib import suppress
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote

import pytest

from tests.support.world import World, wait_for

from .what_holds import assert_deployed_once, in_the_middle

Json = dict[str, Any]

ASKS = """---
project: default
kind: PIPELINE
name: Asks
enabled: true
concurrency: 10
stageOrder: [First]
stages:
  First:
    taskOrder: [Ask, Say]
    tasks:
      Ask: {type: UserOperation, input: {summary: Go on?, approvers: [admin]}}
      Say: {type: Log, input: {message: gone on}}
"""


@pytest.fixture(scope="module")
def asks(world: World) -> str:
    """A pipeline that parks at once; returns its id."""
    world.client.import_yaml(ASKS, "apply")
    return str(world.client.by_name("pipelines", "default", "Asks")["id"])


def test_a_cancel_while_the_holder_is_reconnecting_ends_the_run(world: World) -> None:
    world.push("cancelled")
    execution = in_the_middle(world, "cancelled")
    _cut_connections(world, "runner")
    world.client.post(f"/executions/{execution['id']}?action=cancel", {})
    assert world.ended("cancelled", limit_s=30)["status"] == "CANCELED"


def test_a_cancel_of_a_run_whose_holder_died_ends_it(world: World) -> None:
    world.push("cancelled-dead")
    execution = in_the_middle(world, "cancelled-dead")
    world.kill("runner-1")
    world.kill("runner-2")
    world.client.post(f"/executions/{execution['id']}?action=cancel", {})
    assert world.ended("cancelled-dead", limit_s=60)["status"] == "CANCELED"


def test_a_pause_while_the_broker_restarts_holds_and_a_resume_goes_on(world: World) -> None:
    world.push("paused")
    execution = in_the_middle(world, "paused")
    world.client.post(f"/executions/{execution['id']}?action=pause", {})
    world.restart_broker(kill=True)
    wait_for(lambda: world.get(execution["_link"])["status"] == "PAUSED", "the pause", 60)
    world.retry(lambda: world.client.post(f"/executions/{execution['id']}?action=resume", {}))
    assert_deployed_once(world, "paused")


def test_answers_that_come_while_their_runs_park_and_runners_die_are_all_heard(world: World, asks: str) -> None:
    started = [_execute(world, asks) for _ in range(12)]
    open_ones = {one["_link"] for one in started}
    world.kill("runner-1")

    def answered_all() -> bool:
        # Each question is answered the moment it can be seen, which is before or while its run parks.
        for asked in world.documents("/user-operations?$filter=status eq 'ACTIVE'&$top=50"):
            world.retry(
                lambda asked=asked: world.client.patch(f"/user-operations/{asked['id']}", {"status": "Approved"})
            )
        return all(world.get(link)["status"] == "COMPLETED" for link in open_ones)

    wait_for(answered_all, "every run to go on", 60, every_s=0.02)


def _execute(world: World, pipeline_id: str) -> Json:
    answer = world.client.post(f"/pipelines/{pipeline_id}/executions", {})
    return world.client.get(f"/executions/{answer['executionId']}")


def _cut_connections(world: World, service: str) -> None:
    found = world.broker.manage("GET", "/api/connections")
    assert isinstance(found, list)
    for connection in found:
        said = connection.get("client_properties", {}).get("connection_name", "") or connection.get(
            "user_provided_name", ""
        )
        if f"/{service}/" in said:
            with suppress(HTTPError):
                world.broker.manage("DELETE", f"/api/connections/{quote(connection['name'], safe='')}")
