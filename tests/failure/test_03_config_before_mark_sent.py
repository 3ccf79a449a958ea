"""config is killed between publish and mark-sent: exactly one execution for each delivery, run once."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

from tests.support.world import World, wait_for

from .what_holds import assert_deployed_once


def test_a_message_that_is_published_twice_is_run_once(world: World) -> None:
    with world.frozen("runner-1", "runner-2"):
        world.push("twice")
        with _promise_kept(world):
            # Published within milliseconds; but the row cannot be removed, for the database is ours.
            time.sleep(1.0)
            world.kill("config")
            world.kill("config-2")
            time.sleep(0.2)
        wait_for(lambda: _promised(world) == 0, "the successor to publish again and mark as sent", 30)
    execution = assert_deployed_once(world, "twice")
    second = [
        line
        for name in ("runner-1", "runner-2")
        for line in (world.home / "log" / f"{name}.log").read_text().splitlines()
        # By another runner, or by the one that holds it: both messages reach one runner when they reconnect in turn.
        if ("run.not-taken" in line or "run.already-held" in line) and execution["id"] in line
    ]
    assert second, "the second message never came, so that this test shows nothing"


@contextmanager
def _promise_kept(world: World) -> Iterator[None]:
    """Hold the database's write lock from the moment at which the outbox has a run's message."""
    with closing(sqlite3.connect(world.home / "portside.db", timeout=0.05, isolation_level=None)) as database:

        def caught() -> bool:
            try:
                database.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                return False
            (found,) = database.execute(_PROMISED).fetchone()
            if not found:
                database.execute("ROLLBACK")
            return bool(found)

        wait_for(caught, "the run's message in the outbox", every_s=0.002)
        yield
        database.execute("ROLLBACK")


_PROMISED = "SELECT count(*) FROM outbox WHERE type LIKE 'run.execution%'"


def _promised(world: World) -> int:
    with closing(sqlite3.connect(world.home / "portside.db", timeout=5)) as database:
        return int(database.execute(_PROMISED).fetchone()[0])
