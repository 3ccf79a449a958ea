"""Design, section 6: whatever dies in the middle of a run, exactly one execution completes and the right image runs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from cli import demo
from tests.support.world import SERVICES, World, a_world, wait_for


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with a_world(tmp_path_factory.mktemp("world")) as running:
        yield running


def _assert_deployed_once(world: World, tag: str) -> None:
    execution = world.ended(tag)
    assert execution["status"] == "COMPLETED", execution["statusMessage"]
    of_tag = [run for run in world.executions() if run["input"].get("DOCKER_TAG") == tag]
    assert [run["id"] for run in of_tag] == [execution["id"]]
    digest = world.events(tag=tag)[0]["digest"]
    assert world.running_image() == f"{demo.REPOSITORY}:{tag}@{digest}"


def _in_the_middle(world: World, tag: str) -> None:
    """Wait until the run's roll-out has begun and is not over."""

    def begun() -> bool | None:
        found = [run for run in world.executions() if run["input"].get("DOCKER_TAG") == tag]
        return bool(found and found[0]["stages"]["Deploy"]["status"] == "RUNNING") or None

    wait_for(begun, f"the roll-out of {tag} to begin", 60)


@pytest.mark.parametrize("victim", SERVICES)
def test_a_service_killed_during_a_run_leaves_one_completed_execution(world: World, victim: str) -> None:
    tag = f"1.0.0-{victim}"
    world.push(tag)
    _in_the_middle(world, tag)
    world.kill(victim)
    _assert_deployed_once(world, tag)


def test_both_runners_killed_during_a_run_leave_one_completed_execution(world: World) -> None:
    world.push("1.1.0")
    _in_the_middle(world, "1.1.0")
    killed = time.monotonic()
    world.kill("runner-1")
    world.kill("runner-2")
    _assert_deployed_once(world, "1.1.0")
    assert time.monotonic() - killed < 60


@pytest.mark.parametrize("how", ["stopped", "killed"])
def test_the_broker_restarted_during_a_run_leaves_one_completed_execution(world: World, how: str) -> None:
    tag = f"1.2.0-{how}"
    world.push(tag)
    _in_the_middle(world, tag)
    world.restart_broker(kill=how == "killed")
    _assert_deployed_once(world, tag)


def test_a_hook_taken_while_the_broker_is_away_is_run_once_it_is_back(world: World) -> None:
    world.broker.stop()
    try:
        pushed = world.push("1.3.0")
        assert [delivery["status"] for delivery in pushed["deliveries"]] == [202]
    finally:
        world.broker.start()
    _assert_deployed_once(world, "1.3.0")


def test_hooks_keep_being_taken_while_config_restarts(world: World) -> None:
    world.kill("config")
    pushed = world.push("1.3.1")
    assert [delivery["status"] for delivery in pushed["deliveries"]] == [202]
    _assert_deployed_once(world, "1.3.1")


def test_a_runner_frozen_past_its_lease_does_nothing_when_it_wakes(world: World) -> None:
    world.push("1.4.0")
    _in_the_middle(world, "1.4.0")
    for runner in ("runner-1", "runner-2"):
        # Whichever holds the run: the other must take over, so only one is frozen at a time.
        world.freeze(runner)
        time.sleep(14)
        world.wake(runner)
    _assert_deployed_once(world, "1.4.0")
    world.push("1.4.1")
    _assert_deployed_once(world, "1.4.1")


def test_queues_that_are_deleted_are_dispatched_again(world: World) -> None:
    world.push("1.5.0")
    _in_the_middle(world, "1.5.0")
    for queue in world.broker.manage("GET", "/api/queues/%2F"):  # type: ignore[attr-defined]
        if queue["name"] in ("runner.runs", "config.ledger"):
            try:
                world.broker.manage("DELETE", f"/api/queues/%2F/{queue['name']}")
            except requests.RequestException:
                pass
    _assert_deployed_once(world, "1.5.0")


def test_no_password_or_token_stands_in_any_log(world: World, tmp_path: Path) -> None:
    secrets = [demo.HUB_PASSWORD, demo.CLUSTER_TOKEN, world.layout.password_file.read_text().strip()]
    for log in (world.home / "log").glob("*.log"):
        if log.name.startswith("demo-"):
            continue
        text = log.read_text(errors="replace")
        assert not [secret for secret in secrets if secret in text], log.name
        assert "secureToken=" not in text.replace("secureToken=*****", ""), log.name
