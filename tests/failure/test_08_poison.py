"""A poison message is quarantined with its reason, others flow, and it is looked at, requeued or discarded."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cli.portside.api import ApiError
from tests.support.letters import publish, quarantine_hook
from tests.support.world import World, wait_for

from .what_holds import accepted, assert_deployed_once, untaken

Json = dict[str, Any]


def test_what_cannot_be_read_is_kept_with_its_reason_and_the_next_hook_runs(world: World) -> None:
    publish(world, "config.hooks", b"\x00 this is no hook", "poison-1")
    assert accepted(world.push("after-poison"))
    assert_deployed_once(world, "after-poison")
    letter = _letter(world, "poison-1")
    assert letter["queue"] == "config.hooks" and letter["reason"]
    assert "this is no hook" in world.client.get(f"/dead-letters/{letter['id']}")["body"]
    with pytest.raises(ApiError) as refused:
        world.client.post(f"/dead-letters/{letter['id']}?action=requeue", {})
    assert refused.value.status == 409
    assert world.client.post(f"/dead-letters/{letter['id']}?action=discard", {})["state"] == "discarded"


def test_a_run_whose_message_nobody_can_read_fails_and_gives_its_place_to_the_next(world: World) -> None:
    with untaken(world, "unreadable") as execution:
        world.broker.manage("DELETE", "/api/queues/%2F/runner.runs/contents")
        body = {"data": {"execution_id": execution["id"], "dispatch": 1}, "and": "no envelope"}
        publish(world, "runner.runs", json.dumps(body).encode(), "poison-2")
    ended = world.ended("unreadable")
    assert ended["status"] == "FAILED" and "No runner could read" in ended["statusMessage"]
    world.push("after-unreadable")
    assert_deployed_once(world, "after-unreadable")


def test_a_quarantined_hook_that_can_be_read_is_requeued_and_run(world: World) -> None:
    (delivery,) = world.push("requeued-before")["deliveries"]
    url = world.hub_state()["deliveries"][delivery["number"]]["url"]
    assert_deployed_once(world, "requeued-before")
    quarantine_hook(world, url, "requeued-before", "requeued-1")
    letter = _letter(world, "requeued-1")
    assert world.client.post(f"/dead-letters/{letter['id']}?action=requeue", {})["state"] == "requeued"
    (event,) = wait_for(lambda: world.events(deliveryId="requeued-1") or None, "the hook's event")
    assert event["tag"] == "requeued-before"


def _letter(world: World, subject: str) -> Json:
    def found() -> Json | None:
        letters = world.documents("/dead-letters?$top=200")
        return next((one for one in letters if subject in (one["subject"], one["messageId"])), None)

    return wait_for(found, f"the dead letter {subject}")
