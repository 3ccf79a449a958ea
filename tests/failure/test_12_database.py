"""The database is away or full: config stops acknowledging, says so, loses nothing."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.postgres import PrivatePostgres
from tests.support.world import World, a_world, wait_for

from .what_holds import accepted, assert_deployed_once, in_the_middle


@pytest.mark.postgres
def test_pushes_while_postgresql_is_stopped_run_once_it_is_back(tmp_path: Path) -> None:
    database = PrivatePostgres()
    database.start()
    try:
        with a_world(tmp_path / "home", standby=True, more={"DATABASE_URL": database.url}) as world:
            world.push("pg-before")
            in_the_middle(world, "pg-before")
            database.stop()
            assert all(accepted(world.push(f"pg-{number}")) for number in range(10))
            wait_for(lambda: _is_troubled(world), "config to say that its database is away")
            database.start()
            assert_deployed_once(world, "pg-9")
            assert {event["state"] for event in world.events()} == {"judged"}
            assert len({event["tag"] for event in world.events()}) == 11
            assert world.ended("pg-before")["status"] == "COMPLETED"
            wait_for(lambda: not _is_troubled(world), "config to be well again")
    finally:
        database.remove()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: a disk of its own that can be filled is mounted")
def test_pushes_while_the_disk_of_sqlite_is_full_run_once_there_is_room(tmp_path: Path) -> None:
    with (
        _small_disk(tmp_path / "disk") as disk,
        a_world(tmp_path / "home", standby=True, more={"DATABASE_URL": f"sqlite:///{disk}/portside.db"}) as world,
    ):
        world.push("full-before")
        in_the_middle(world, "full-before")
        ballast = disk / "ballast"
        _fill(ballast)
        # SQLite writes over what its log had room for before, so that the first few still fit.
        tags: list[str] = []
        while not _is_troubled(world):
            tags.append(f"full-{len(tags)}")
            assert accepted(world.push(tags[-1]))
            assert len(tags) < 190, "config never said that its database is full"
        tags.append("full-last")
        assert accepted(world.push("full-last"))
        ballast.unlink()
        assert_deployed_once(world, "full-last")
        assert {event["tag"] for event in world.events()} == {"full-before", *tags}
        assert world.ended("full-before")["status"] == "COMPLETED"
        wait_for(lambda: not _is_troubled(world), "config to be well again")


def _is_troubled(world: World) -> bool:
    """Whether any config says in its health file that the database cannot be used."""
    said = [json.loads(file.read_text()) for file in (world.home / "run").glob("config*.health.json")]
    return any("database" in line for one in said for line in one["troubles"])


@contextmanager
def _small_disk(folder: Path) -> Iterator[Path]:
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(folder)], check=False)
    if mounted.returncode != 0:
        pytest.skip("nothing may be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def _fill(ballast: Path) -> None:
    with open(ballast, "wb", buffering=0) as file:
        try:
            while True:
                file.write(b"\0" * 4096)
        except OSError:
            return
