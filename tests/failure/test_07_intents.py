"""Cancel, pause and approval in the worst moment (the holder reconnects, the run parks): they take effect."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote

import pytest

from cli.portside.api import ApiError
from tests.support.world import World, wait_for

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


WATCHES = """---
project: default
kind: PIPELINE
name: Watches
enabled: true
concurrency: 10
stageOrder: [Only]
stages:
  Only:
    taskOrder: [Watch, Again]
    tasks:
      Watch: &poll
        type: POLL
        input:
          url: {hub}/_fake/state
          pollCount: {count}
          pollIntervalSeconds: 1
          ignoreFailure: true
          exitCriteria: {{success: response.responseJson.never == "there"}}
        ignoreFailure: true
      Again: *poll
"""
"""Two tasks that need leave: a pause that no holder has heard of yet is met there."""


def _watching(world: World, *, count: int = 300) -> Json:
    """A run that a runner holds and that goes on for this many seconds, once it has begun."""
    world.client.import_yaml(WATCHES.format(hub=world.hub_url, count=count), "apply")
    execution = _execute(world, str(world.client.by_name("pipelines", "default", "Watches")["id"]))

    def begun() -> Json | None:
        now = world.get(execution["_link"])
        return now if now["stages"]["Only"]["tasks"]["Watch"]["status"] == "RUNNING" else None

    return wait_for(begun, "the run to begin")


def _ends_as(world: World, execution: Json, status: str) -> None:
    wait_for(lambda: world.get(execution["_link"])["status"] == status, f"#{execution['index']} to be {status}")


@pytest.fixture
def asks(world: World) -> str:
    """A pipeline that parks at once; returns its id."""
    world.client.import_yaml(ASKS, "apply")
    return str(world.client.by_name("pipelines", "default", "Asks")["id"])


def test_a_cancel_while_the_holder_is_reconnecting_ends_the_run(world: World) -> None:
    execution = _watching(world)
    _cut_connections(world, "runner")
    world.client.post(f"/executions/{execution['id']}?action=cancel", {})
    _ends_as(world, execution, "CANCELED")


def test_a_cancel_of_a_run_whose_holder_died_ends_it(world: World) -> None:
    execution = _watching(world)
    world.kill("runner-1")
    world.kill("runner-2")
    world.client.post(f"/executions/{execution['id']}?action=cancel", {})
    _ends_as(world, execution, "CANCELED")


def test_a_pause_while_the_broker_restarts_holds_and_a_resume_goes_on(world: World) -> None:
    execution = _watching(world, count=4)
    world.client.post(f"/executions/{execution['id']}?action=pause", {})
    world.restart_broker(kill=True)
    _ends_as(world, execution, "PAUSED")
    world.retry(lambda: world.client.post(f"/executions/{execution['id']}?action=resume", {}))
    _ends_as(world, execution, "COMPLETED")


def test_answers_that_come_while_their_runs_park_and_runners_die_are_all_heard(world: World, asks: str) -> None:
    started = [_execute(world, asks) for _ in range(12)]
    open_ones = {one["_link"] for one in started}
    world.kill("runner-1")

    def answered_all() -> bool:
        # Each question is answered the moment it can be seen, which is before or while its run parks.
        for asked in world.documents("/user-operations?$filter=status eq 'ACTIVE'&$top=50"):
            world.retry(partial(_approve, world, asked["id"]))
        return all(world.get(link)["status"] == "COMPLETED" for link in open_ones)

    wait_for(answered_all, "every run to go on", every_s=0.02)


def _approve(world: World, operation_id: str) -> None:
    try:
        world.client.patch(f"/user-operations/{operation_id}", {"status": "Approved"})
    except ApiError as refused:
        # Taken the first time, though the answer to that call was lost.
        if refused.status != 409:
            raise


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
