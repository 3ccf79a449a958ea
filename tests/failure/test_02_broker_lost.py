"""The broker's queues are deleted or its disk is lost: everything unfinished is dispatched again, places are freed."""

from __future__ import annotations

from contextlib import suppress
from urllib.error import HTTPError

from tests.support.world import World

from .what_holds import accepted, assert_deployed_once, in_the_middle, runs_of, untaken


def test_queues_deleted_during_a_run_come_back_and_the_run_ends(world: World) -> None:
    world.push("purged")
    in_the_middle(world, "purged")
    _delete_queues(world, "runner.runs", "config.ledger", "config.rpc.v2")
    assert_deployed_once(world, "purged")


def test_a_run_whose_message_is_gone_is_noticed_within_a_minute(world: World) -> None:
    with untaken(world, "gone") as execution:
        _delete_queues(world, "runner.runs")
    assert world.ended("gone")["id"] == execution["id"]
    assert_deployed_once(world, "gone")


def test_after_the_brokers_disk_is_lost_everything_unfinished_goes_on(world: World) -> None:
    world.push("disk-held")
    in_the_middle(world, "disk-held")
    assert accepted(world.push("disk-waiting"))
    world.broker.kill()
    world.broker.forget()
    assert accepted(world.push("disk-spooled"))
    world.broker.start()
    assert_deployed_once(world, "disk-spooled")
    assert world.ended("disk-held")["status"] == "COMPLETED"
    assert [run["status"] for run in runs_of(world, "disk-waiting")] in (["COMPLETED"], ["CANCELED"])


def _delete_queues(world: World, *names: str) -> None:
    for name in names:
        with suppress(HTTPError):
            world.broker.manage("DELETE", f"/api/queues/%2F/{name}")
