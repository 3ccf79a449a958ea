"""Two gateways with a spool each: what both kept while the broker was away is judged in the order of its reception.

The clock of the second is an hour behind.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest

from tests.chaos import scene
from tests.chaos.outside import Counted
from tests.support.clocks import skewed
from tests.support.world import World, a_world, wait_for

pytestmark = [pytest.mark.outer, pytest.mark.timeout(570)]
REPOSITORY = scene.repository_of("queue")
GATEWAYS = ("gateway", "gateway-2")
VERDICT_WITHIN_S = 15.0


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    outside = Counted()
    try:
        home, clocks = tmp_path_factory.mktemp("two") / "home", skewed({"gateway-2": -3600.0, "runner-1": 30.0})
        with a_world(home, define=False, pace_s=0.2, gateways=2, more=clocks) as world:
            scene.define(world, outside.url)
            yield world
    finally:
        outside.close()


def push(world: World, gateway: str, tag: str) -> None:
    assert world.balancer is not None
    world.balancer.only(world.balancer.ports[GATEWAYS.index(gateway)])
    (delivery,) = world.push(tag, REPOSITORY)["deliveries"]
    world.balancer.all()
    assert delivery["status"] == 202


@contextmanager
def silent_gateway(world: World) -> Iterator[None]:
    """The second gateway stands still meanwhile, and its spool with it."""
    assert world.balancer is not None
    world.balancer.only(world.balancer.ports[0])
    with world.frozen("gateway-2"):
        yield
    world.balancer.all()


def spooled(world: World, gateway: str) -> int:
    home = world.home if gateway == "gateway" else world.home / gateway
    return len(list((home / "gateway" / "spool").glob("*.json")))


def events(world: World, tags: list[str]) -> dict[str, dict[str, Any]]:
    return {event["tag"]: event for event in world.events() if event["tag"] in tags}


def judged(world: World, tags: list[str]) -> dict[str, dict[str, Any]] | None:
    found = events(world, tags)
    return found if len(found) == len(tags) and all(event["state"] == "judged" for event in found.values()) else None


def test_gateways_whose_clocks_differ_agree_on_which_push_came_first(world: World) -> None:
    tags = [f"live-{number}" for number in range(4)]
    for place, tag in enumerate(tags):
        push(world, GATEWAYS[place % 2], tag)
        wait_for(partial(judged, world, [tag]), "its verdict")
    runs = [world.ended(tag) for tag in tags]
    assert [run["status"] for run in runs] == ["COMPLETED"] * len(tags)
    assert [run["index"] for run in runs] == sorted(run["index"] for run in runs)


def test_what_two_spools_kept_runs_in_the_order_in_which_it_was_received(world: World) -> None:
    world.broker.stop()
    tags = [f"both-{number}" for number in range(6)]
    for place, tag in enumerate(tags):
        push(world, GATEWAYS[place % 2], tag)
    assert [spooled(world, gateway) for gateway in GATEWAYS] == [3, 3]
    with silent_gateway(world):
        world.broker.start()
        wait_for(lambda: spooled(world, "gateway") == 0, "the first gateway to send what it kept", every_s=0.02)
    by_tag = wait_for(lambda: judged(world, tags), "a verdict for each push")
    assert [by_tag[tag]["verdict"] for tag in tags] == ["started", *["queued"] * 5]
    runs = [world.ended(tag) for tag in tags]
    assert [run["index"] for run in runs] == sorted(run["index"] for run in runs)
    assert [run["status"] for run in runs] == ["COMPLETED"] * len(tags)
    assert [spooled(world, gateway) for gateway in GATEWAYS] == [0, 0]


def test_a_silent_gateway_is_not_waited_for_and_its_push_does_not_replace_what_is_newer(world: World) -> None:
    world.broker.stop()
    push(world, "gateway-2", "silent")
    push(world, "gateway", "heard")
    with silent_gateway(world):
        world.broker.start()
        wait_for(lambda: events(world, ["heard"]), "the push of the gateway that is back")
        since = time.monotonic()
        wait_for(lambda: judged(world, ["heard"]), "its verdict")
        assert time.monotonic() - since < VERDICT_WITHIN_S
        assert world.ended("heard")["status"] == "COMPLETED"
    silent = wait_for(lambda: judged(world, ["silent"]), "the push of the gateway that was silent")["silent"]
    assert silent["verdict"] == "held as older"
