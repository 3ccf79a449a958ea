"""config is killed between publish and mark-sent: exactly one execution for each delivery, run once."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

from tests.support.world import World, wait_for

from .what_holds import assert_deployed_once


def test_a_message_that_is_published_twice_is_run_once(world: World) -> None:
    tag = _pushed_and_published_twice(world)
    execution = assert_deployed_once(world, tag)
    second = [
        line
        for name in ("runner-1", "runner-2")
        for line in (world.home / "log" / f"{name}.log").read_text().splitlines()
        # By another runner, or by the one that holds it: both messages reach one runner when they reconnect in turn.
        if ("run.not-taken" in line or "run.already-held" in line) and execution["id"] in line
    ]
    assert second, "the second message never came, so that this test shows nothing"


def _pushed_and_published_twice(world: World) -> str:
    """Push until config could be killed in time, and return the tag: the row is there for milliseconds."""
    for tag in (f"twice-{attempt}" for attempt in range(_PUSHES)):
        with world.frozen("runner-1", "runner-2"):
            world.push(tag)
            with _promise_kept(world) as is_kept:
                if is_kept:
                    # Published within milliseconds; but the row cannot be removed, for the database is ours.
                    time.sleep(1.0)
                    world.kill("config")
                    world.kill("config-2")
                    time.sleep(0.2)
            if is_kept:
                wait_for(lambda: _promised(world) == 0, "the successor to publish again and mark as sent")
                return tag
        world.ended(tag)
    raise AssertionError(f"the run's message was never seen in the outbox, after {_PUSHES} pushes")


@contextmanager
def _promise_kept(world: World) -> Iterator[bool]:
    """Hold the database's write lock from the moment at which the outbox has a run's message, if it is seen there."""
    # SQLite's own waiting for a lock is longer than the row is there.
    with closing(sqlite3.connect(world.home / "portside.db", timeout=0, isolation_level=None)) as database:
        is_kept, until = False, time.monotonic() + _LOOKED_FOR_S
        while not is_kept and time.monotonic() < until:
            time.sleep(0.001)
            is_kept = _holds(database)
        yield is_kept
        if is_kept:
            database.execute("ROLLBACK")


def _holds(database: sqlite3.Connection) -> bool:
    try:
        database.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError:
        return False
    (count,) = database.execute(_PROMISED).fetchone()
    if not count:
        database.execute("ROLLBACK")
    return bool(count)


_PUSHES, _LOOKED_FOR_S = 4, 20.0
"""A frozen runner does not ask the registry either, for which config waits ten seconds."""
_PROMISED = "SELECT count(*) FROM outbox WHERE type LIKE 'run.execution%'"


def _promised(world: World) -> int:
    with closing(sqlite3.connect(world.home / "portside.db", timeout=5)) as database:
        return int(database.execute(_PROMISED).fetchone()[0])
