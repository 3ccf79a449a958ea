"""What goes on beside an attack on a whole system: runs that hold their leases, and people who sign in."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial

from cli import system
from cli.portside.api import Client
from tests.support.web import Web, web_server
from tests.support.world import World, wait_for

RUNS = 3
TAKEN_WITHIN_S = 60
ENDED = ("COMPLETED", "FAILED", "CANCELED")
WAITING = "Waits"
PIPELINE = """---
project: default
kind: PIPELINE
name: {name}
enabled: true
concurrency: 10
stageOrder: [S]
stages:
  S:
    taskOrder: [Wait]
    tasks:
      Wait:
        type: POLL
        input:
          url: {url}
          pollCount: 600
          pollIntervalSeconds: 1
          exitCriteria:
            success: response.responseJson.over == true
"""


@contextmanager
def runs_to_hold(world: World) -> Iterator[Web]:
    """Defines the pipeline whose runs last until the server that it polls says so."""
    with web_server() as web:
        world.client.import_yaml(PIPELINE.format(name=WAITING, url=web.url), "apply")
        yield web


@contextmanager
def held_runs(world: World, polled: Web) -> Iterator[None]:
    """Runs for as long as the block lasts; each ends well, and with the runner that took it first."""
    polled.body = '{"over": false}'
    runs = [world.client.post(f"/pipelines/default/{WAITING}/executions", {})["executionId"] for _ in range(RUNS)]
    for run in runs:
        wait_for(partial(is_taken, world, run), f"{run} to be taken", TAKEN_WITHIN_S)
    yield
    polled.body = '{"over": true}'
    for run in runs:
        wait_for(partial(has_status, world, run, *ENDED), f"the end of {run}", TAKEN_WITHIN_S)
        assert world.get(f"/executions/{run}")["status"] == "COMPLETED", world.get(f"/executions/{run}")[
            "statusMessage"
        ]
        assert attempts(world, run) == 1


def has_status(world: World, run: str, *statuses: str) -> bool:
    return world.get(f"/executions/{run}")["status"] in statuses


def is_taken(world: World, run: str) -> bool:
    return attempts(world, run) > 0


def attempts(world: World, run: str) -> int:
    """How many runners have held it, one after another."""
    with closing(sqlite3.connect(world.home / "portside.db", timeout=5)) as database:
        (hold,) = database.execute("SELECT hold FROM executions WHERE id = ?", (run,)).fetchone()
    return int(json.loads(hold).get("attempt", 0))


def sign_in_s(world: World) -> float:
    """How long a good sign-in takes, from an address that has signed in before."""
    began, person = time.monotonic(), Client(world.layout.url)
    person.sign_in(system.ADMIN, world.layout.password_file.read_text().strip())
    return time.monotonic() - began


@contextmanager
def sending(kind: str, port: int, count: int, source: str, seconds: float) -> Iterator[None]:
    """A stranger who sends; what came of it must be answers, and not one of them a failure."""
    name = kind.split()[0]
    command = [sys.executable, "-m", "tests.adversary.senders", name, str(port), str(count), str(seconds), source]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as stranger:
        try:
            assert stranger.stdout and stranger.stdout.readline() == "ready\n"
            yield
            codes = {int(code): times for code, times in json.loads(stranger.stdout.readline()).items()}
        finally:
            stranger.kill()
    assert sum(codes.values()) >= count
    assert {code for code in codes if code >= 500} <= {503}, codes
