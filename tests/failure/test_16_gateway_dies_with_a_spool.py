"""A gateway ends, in order or by `kill -9`, while hooks wait in its spool: the next on that folder sends them."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.world import World, a_world, wait_for

HOOKS = 5


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_hooks_that_were_accepted_outlive_their_gateway(tmp_path: Path, number: signal.Signals) -> None:
    with a_world(tmp_path / "home") as world:
        world.broker.stop()
        tags = [f"waits-{number}-{place}" for place in range(HOOKS)]
        assert {delivery["status"] for tag in tags for delivery in world.push(tag)["deliveries"]} == {202}
        spool = world.home / "gateway" / "spool"
        assert len(list(spool.glob("*.json"))) == HOOKS
        gateway = world.supervisor.pid_of("gateway")
        with suppress(ProcessLookupError):
            os.killpg(gateway, number)
        wait_for(lambda: not _lives(gateway), "the gateway to end")
        world.broker.start()
        judged = wait_for(lambda: _judged(world, tags), "a verdict for each hook", 90)
        assert sorted(judged) == sorted(tags)
        wait_for(lambda: not list(spool.glob("*.json")), "the spool to be empty")


def _lives(pid: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


def _judged(world: World, tags: list[str]) -> list[str] | None:
    events = [event["tag"] for event in world.events(state="judged") if event["tag"] in tags]
    return events if len(events) >= len(tags) else None
