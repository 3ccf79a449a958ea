"""Pushes and webhooks as a user meets them, through the API alone, with every process real."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from cli import demo
from cli.portside.api import ApiError
from tests.support.world import World, wait_for

Json = dict[str, Any]


def webhook(world: World, **change: Any) -> Json:
    """The demo's webhook, after a change."""
    made = world.client.by_name("registry-webhooks", "default", demo.WEBHOOK)
    return world.client.patch(f"/registry-webhooks/{made['id']}", change) if change else made


def baseline(world: World) -> None:
    """Wait until the registry has been looked at, so that what is pushed from now on is new."""
    before = webhook(world)["look"]["lookedAt"]
    wait_for(lambda: bool((now := webhook(world)["look"])["baselineAt"]) and now["lookedAt"] > before, "a look")


def event_of(world: World, tag: str) -> Json:
    def judged() -> Json | None:
        found = [event for event in world.events(tag=tag) if event["state"] == "judged"]
        return found[-1] if found else None

    return wait_for(judged, f"a verdict on {tag}")


def hub_hooks(world: World) -> list[Json]:
    state = requests.get(f"{world.hub_url}/_fake/state", timeout=10).json()
    hooks: list[Json] = state["repositories"][demo.REPOSITORY]["hooks"]
    return hooks


@pytest.fixture(autouse=True)
def as_defined(world: World) -> None:
    """Each test begins with the webhook as the demo defines it."""
    webhook(world, mode="hook", enabled=True, tagNamePattern="", gatherSeconds=0)
    wait_for(lambda: webhook(world)["hubState"] == "in step", "the webhook to be in step")


def test_a_push_whose_hook_was_suppressed_is_made_up_for_and_deployed(world: World) -> None:
    baseline(world)
    assert world.push("missed-1", deliver=False)["deliveries"] == []
    event = event_of(world, "missed-1")
    assert (event["via"], event["verdict"]) == ("look", "started")
    assert world.ended("missed-1")["status"] == "COMPLETED"
    assert world.running_image() == f"{demo.REPOSITORY}:missed-1@{event['digest']}"
    history = [one["what"] for one in webhook(world)["history"]]
    assert "Recovered a missed push: missed-1." in history


def test_a_push_whose_hook_came_is_not_made_up_for(world: World) -> None:
    world.push("came-1")
    event_of(world, "came-1")
    looked = webhook(world)["look"]["lookedAt"]
    wait_for(lambda: webhook(world)["look"]["lookedAt"] > looked, "another look")
    assert [event["via"] for event in world.events(tag="came-1")] == ["hook"]


def test_the_mode_look_takes_the_hook_away_and_deploys_all_the_same(world: World) -> None:
    changed = webhook(world, mode="look")
    assert changed["hubState"] == "looked at"
    wait_for(lambda: hub_hooks(world) == [], "the hook to go at the Hub")
    world.push("looked-1")
    event = event_of(world, "looked-1")
    assert (event["via"], event["verdict"]) == ("look", "started")
    webhook(world, mode="hook")
    wait_for(lambda: len(hub_hooks(world)) == 1, "the hook to come back at the Hub")
    wait_for(lambda: webhook(world)["hubState"] == "in step", "the webhook to be in step")
    assert len(world.events(tag="looked-1")) == 1
    world.push("hooked-again")
    assert event_of(world, "hooked-again")["via"] == "hook"


def test_a_check_tells_every_hop_and_starts_nothing(world: World) -> None:
    id = webhook(world)["id"]
    before = len(world.executions())
    checked = world.client.post(f"/registry-webhooks/{id}?action=check", {"tag": "1.2.3"})
    assert [(hop["hop"], hop["ok"]) for hop in checked["hops"]] == [
        ("address reachable", True),
        ("token good", True),
        ("matched", True),
        ("would run", True),
    ]
    assert (checked["ok"], checked["message"]) == (True, "Test: it would have started Deploy web.")
    webhook(world, tagNamePattern="semver:^1", enabled=False)
    refused = world.client.post(f"/registry-webhooks/{id}?action=check", {"tag": "nightly"})
    assert (refused["ok"], refused["message"]) == (False, "ignored: tag: Tag nightly does not match semver:^1.")
    disabled = world.client.post(f"/registry-webhooks/{id}?action=check", {"tag": "1.2.3"})
    assert disabled["message"].endswith("The webhook is disabled; it would have started Deploy web.")
    assert len(world.executions()) == before


def test_a_check_says_when_the_public_address_is_not_reached(world: World) -> None:
    id = webhook(world)["id"]
    settings = world.client.get("/settings")
    try:
        world.client.patch("/settings", {"publicUrl": "http://127.0.0.1:9"})
        checked = world.client.post(f"/registry-webhooks/{id}?action=check", {})
        assert [hop["ok"] for hop in checked["hops"]] == [False, False]
        assert "connection refused" in checked["message"]
    finally:
        world.client.patch("/settings", {"publicUrl": settings["publicUrl"]})
    wait_for(lambda: webhook(world)["hubState"] == "in step", "the hook to be back at the address")
    assert all(str(settings["publicUrl"]) in str(hook) for hook in hub_hooks(world))


def test_one_call_says_why_an_image_was_not_deployed(world: World) -> None:
    webhook(world, tagNamePattern="semver:^1")
    world.push("nightly-7")
    event_of(world, "nightly-7")
    why = world.client.get(f"/registry-events/why?repository={demo.REPOSITORY}&tag=nightly-7")
    assert "ignored: tag: Tag nightly-7 does not match semver:^1." in why["answer"]
    never = world.client.get(f"/registry-events/why?repository={demo.REPOSITORY}&tag=never")
    assert never["answer"].startswith(f"No delivery of {demo.REPOSITORY}:never was received")


def test_what_is_pushed_together_is_gathered_into_one_run(world: World) -> None:
    webhook(world, gatherSeconds=3)
    first = world.push("3.4.5")
    for tag in ("3.4", "3", "latest"):
        world.push(tag, same_as="3.4.5")
    execution = world.ended("3.4.5")
    assert execution["input"]["DOCKER_TAGS"].split(",")[0] == "3.4.5"
    assert set(execution["input"]["DOCKER_TAGS"].split(",")) == {"3.4.5", "3.4", "3", "latest"}
    assert [event_of(world, tag)["verdict"] for tag in ("3.4", "3", "latest")] == ["gathered"] * 3
    assert first["digest"] == event_of(world, "3.4.5")["digest"]


def test_two_webhooks_on_one_repository_each_decide_once(world: World) -> None:
    other = world.client.post(
        "/registry-webhooks",
        {
            "name": "only v",
            "project": "default",
            "endpoint": demo.HUB_ENDPOINT,
            "pipeline": "Deploy web",
            "repoName": demo.REPOSITORY,
            "tagNamePattern": "v.*",
        },
    )
    try:
        wait_for(lambda: len(hub_hooks(world)) == 2, "the second hook at the Hub")
        world.push("dev-9")
        wait_for(lambda: len(world.events(tag="dev-9", state="judged")) == 2, "both verdicts")
        verdicts = {event["webhook"]: event["verdict"] for event in world.events(tag="dev-9")}
        assert verdicts["only v"] == "ignored: tag"
        assert verdicts[demo.WEBHOOK] in ("started", "queued")
    finally:
        world.client.delete(f"/registry-webhooks/{other['id']}")


def test_a_rerun_of_an_older_image_is_held_and_run_anyway_is_not(world: World) -> None:
    world.push("9.0.1")
    world.ended("9.0.1")
    world.push("9.0.2")
    world.ended("9.0.2")
    old = event_of(world, "9.0.1")
    held = world.client.post(f"/registry-events/{old['id']}?action=rerun", {})
    assert (held["verdict"], held["action"], held["actionLabel"]) == ("held as older", "run-anyway", "Run anyway")
    assert held["reason"].startswith("Older than the running image 9.0.2")
    forced = world.client.post(f"/registry-events/{held['id']}?action={held['action']}", {})
    judged = wait_for(
        lambda: now if (now := world.get(f"/codestream/api/registry-events/{forced['id']}"))["executionLink"] else None,
        "the run that was forced",
    )
    assert judged["verdict"] == "started"


def test_an_unknown_action_is_refused_with_those_that_are_known(world: World) -> None:
    with pytest.raises(ApiError, match="check"):
        world.client.post(f"/registry-webhooks/{webhook(world)['id']}?action=explode", {})
