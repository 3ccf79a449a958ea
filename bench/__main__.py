"""`make bench`: starts a private broker and a Portside of its own, measures, and stops everything."""

from __future__ import annotations

import argparse
import os
import re
import signal
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import requests

from bench import chain, floors, load
from bench.measure import PAIRS, Row, at_least, at_most, percentile, row, show
from cli import system
from cli.client import Client
from cli.ports import free_port
from cli.processes import Process, Supervisor
from tests.support.world import World, a_world, wait_for

Json = dict[str, Any]
CONNECTIONS = 32
SECONDS = 3.0
IDLE_PUSHES = 20
CHAINS = 200

PIPELINE = """---
project: default
kind: PIPELINE
name: Three no-ops
enabled: true
concurrency: 1000
supersede: parallel
options: [DOCKER_TRIGGER]
input:
  DOCKER_TAG: ''
stageOrder: [Only]
stages:
  Only:
    taskOrder: [One, Two, Three]
    tasks:
      One: {type: Log, input: {message: one}}
      Two: {type: Log, input: {message: two}}
      Three: {type: Log, input: {message: three}}
"""


def hook_url(client: Client, base: str) -> str:
    """Define the pipeline and a webhook of its own; returns the address that a registry would call."""
    client.import_yaml(PIPELINE)
    body = {"name": "bench", "project": "default", "pipeline": "Three no-ops", "repoName": "acme/web", "enabled": True}
    made = client.post("/registry-webhooks", body)
    token = re.search(r"secureToken=([\w-]+)", str(made))
    secret = token.group(1) if token else made["secretToken"]
    return f"{base}/pipelines/api/docker-hub-webhooks?secureToken={secret}"


def hooks(world: World, url: str) -> list[Row]:
    """Hooks accepted, with config and the runners frozen, beside a bare confirmed publish and a bare app."""
    for name in ("config", "runner-1"):
        world.freeze(name)
    app_port = free_port()
    bare = Supervisor(world.home / "log")
    command = (sys.executable, "-m", "gunicorn", "-k", "gthread", "-w", "2", "--threads", "128", "-b")
    bare_url = f"http://127.0.0.1:{app_port}"
    environment = {"AMQP_URL": world.broker.amqp_url}
    bare.start(
        Process(
            "bare",
            (*command, f"127.0.0.1:{app_port}", "bench.bare_app:app"),
            environment,
            ready=partial(system.http_answers, bare_url),
        )
    )
    ours, publishes, apps, slow_ours, slow_apps = [], [], [], [], []
    try:
        for turn in range(PAIRS):
            first = turn * 1_000_000
            ours.append(load.post(url, connections=CONNECTIONS, seconds=SECONDS, first=first))
            publishes.append(floors.confirmed_publishes(world.broker.amqp_url, threads=CONNECTIONS, seconds=SECONDS))
            apps.append(load.post(f"{bare_url}/hook", connections=CONNECTIONS, seconds=SECONDS))
            slow_ours.append(load.post(url, connections=8, seconds=SECONDS, first=first + 500_000, rate_per_s=200))
            slow_apps.append(load.post(f"{bare_url}/hook", connections=8, seconds=SECONDS, rate_per_s=200))
    finally:
        bare.stop()
        for name in ("config", "runner-1"):
            world.wake(name)
    accepted, app_rates = [one.accepted_per_s for one in ours], [one.accepted_per_s for one in apps]
    rows = [
        row(
            "hooks beside one bare confirmed publish",
            "a second",
            at_least(0.5),
            accepted,
            [one[0] for one in publishes],
        ),
        row("hooks beside a bare Flask app", "a second", at_least(0.9), accepted, app_rates),
    ]
    for share, bound in ((0.5, 3.0), (0.99, 3.0)):
        times = [percentile(one.times_ms, share) for one in slow_ours]
        bare_times = [percentile(one.times_ms, share) for one in slow_apps]
        rows.append(
            row(f"hook p{share * 100:.0f} at 200 a second beside the app", "ms", at_most(bound), times, bare_times)
        )
    return rows


def first_task(world: World, url: str) -> list[Row]:
    """Hook to first task start on an idle system, beside four bare hops."""
    hops = floors.FourHops(world.broker.amqp_url)
    ours: list[list[float]] = []
    bare: list[list[float]] = []
    try:
        for turn in range(PAIRS):
            sent: dict[str, float] = {}
            for number in range(IDLE_PUSHES):
                tag = f"idle-{turn}-{number}"
                sent[tag] = time.time()
                requests.post(url, data=load.body(number, tag), timeout=10).raise_for_status()
                time.sleep(0.1)
            ended = wait_for(lambda sent=sent: _all_ended(world, set(sent)), "the idle pushes to run", 60)  # type: ignore[misc]
            ours.append([_first_start(run) * 1000 - sent[run["input"]["DOCKER_TAG"]] * 1000 for run in ended])
            bare.append(hops.times_ms(IDLE_PUSHES * 5))
    finally:
        hops.close()
    return [
        row(
            f"hook to first task start, p{share * 100:.0f}, beside four bare hops",
            "ms",
            at_most(bound),
            [percentile(times, share) for times in ours],
            [percentile(times, share) for times in bare],
        )
        for share, bound in ((0.5, 3.0), (0.99, 5.0))
    ]


def executions(world: World, url: str) -> list[Row]:
    """Executions of three no-op tasks a second from a full queue, beside Celery chains on the same broker."""
    workers = chain.start(world.broker.add_vhost("celery"))
    chain.app.conf.broker_url = world.broker.url_of("celery")
    ours, celery = [], []
    try:
        chain.chains_per_s(20)
        for turn in range(PAIRS):
            world.freeze("runner-1")
            tags = {f"full-{turn}-{number}" for number in range(CHAINS)}
            for number, tag in enumerate(sorted(tags)):
                requests.post(url, data=load.body(number, tag), timeout=10).raise_for_status()
            wait_for(lambda tags=tags: _known(world, tags), "the pushes to be admitted", 60)  # type: ignore[misc]
            world.wake("runner-1")
            ended = wait_for(lambda tags=tags: _all_ended(world, tags), "the queue to drain", 120)  # type: ignore[misc]
            last = max(run["_requestTimeInMicros"] + run["_totalDurationInMicros"] for run in ended) / 1_000_000
            ours.append(len(ended) / (last - min(_first_start(run) for run in ended)))
            celery.append(chain.chains_per_s(CHAINS))
    finally:
        chain.stop(workers)
    return [row("executions of three no-ops beside Celery chains", "a second", at_least(1.0), ours, celery)]


def _runs(world: World, tags: set[str]) -> list[Json]:
    found = world.client.documents("/executions?$top=500&$orderby=_requestTimeInMicros desc")
    return [run for run in found if run["input"].get("DOCKER_TAG") in tags]


def _known(world: World, tags: set[str]) -> list[Json] | None:
    runs = _runs(world, tags)
    return runs if len(runs) == len(tags) else None


def _all_ended(world: World, tags: set[str]) -> list[Json] | None:
    runs = _runs(world, tags)
    done = len(runs) == len(tags) and all(run["status"] == "COMPLETED" for run in runs)
    time.sleep(0 if done else 0.3)
    return runs if done else None


def _first_start(run: Json) -> float:
    started = run["stages"]["Only"]["tasks"]["One"]["_startTime"]
    return float(started) / 1_000_000


def main() -> None:
    """Run every row, or those whose name is given."""
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--only", choices=["hooks", "first-task", "executions"])
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    os.environ.pop("AMQP_URL", None)
    groups = {"hooks": hooks, "first-task": first_task, "executions": executions}
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder, a_world(Path(folder) / "home", runners=1, define=False) as world:
        url = hook_url(world.client, world.layout.url)
        for name in (arguments.only,) if arguments.only else ("first-task", "executions", "hooks"):
            rows += groups[name](world, url)
    show(rows, arguments.json)


if __name__ == "__main__":
    main()
