"""Hooks accepted a second and how long one takes, beside a bare Flask app under the same server and load."""

from __future__ import annotations

import sys
from functools import partial

import requests

from bench import floors, load
from bench.crowd import PEOPLE, News, Viewers
from bench.measure import PAIRS, Row, at_least, at_most, pairs, percentile, row
from bench.stage import NO_OP, Stage, hook_url
from bench.watch import purge
from cli import system
from cli.ports import free_port
from cli.processes import Process, Supervisor

CONNECTIONS = 32
SECONDS = 3.0
VIEWERS = 200
ROWS_SHOWN = 30


def hooks(stage: Stage) -> list[Row]:
    """With config and the runner stopped; what was accepted is thrown away afterwards."""
    bare, url = Supervisor(stage.world.home / "log"), stage.no_ops
    with stage.frozen("config", "runner-1"):
        try:
            rows = _beside(stage, url, _start_bare_app(stage, bare))
        finally:
            bare.stop()
            purge(stage.amqp_url, "config.hooks", "config.hooks-bulk")
    return rows


def _start_bare_app(stage: Stage, supervisor: Supervisor) -> str:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    gunicorn = (sys.executable, "-m", "gunicorn", "-k", "gthread", "-w", "2", "--threads", "128")
    command = (*gunicorn, "-b", f"127.0.0.1:{port}", "bench.bare_app:app")
    ready = partial(system.http_answers, url)
    supervisor.start(Process("bare", command, {"AMQP_URL": stage.amqp_url}, ready=ready))
    return f"{url}/hook"


def _beside(stage: Stage, url: str, bare_url: str) -> list[Row]:
    publishes: list[float] = []

    def ours(turn: int) -> float:
        return load.accepted_per_s(url, connections=CONNECTIONS, seconds=SECONDS, first=turn * 1_000_000)

    def bare(turn: int) -> float:
        rate = load.accepted_per_s(bare_url, connections=CONNECTIONS, seconds=SECONDS)
        publishes.append(floors.confirmed_publishes(stage.amqp_url, threads=CONNECTIONS, seconds=SECONDS)[0])
        return rate

    accepted, apps = pairs(ours, bare)
    rows = [
        row("hooks accepted, beside a bare Flask app", "a second", at_least(0.9), accepted, apps),
        row("hooks accepted, beside bare confirmed publishes", "a second", None, accepted, publishes),
    ]
    steady, bare_steady = [], []
    for turn in range(PAIRS):
        first = turn * 1_000_000 + 500_000
        steady.append(load.post(url, connections=8, seconds=SECONDS, first=first, rate_per_s=200).times_ms)
        bare_steady.append(load.post(bare_url, connections=8, seconds=SECONDS, rate_per_s=200).times_ms)
    for share, goal in ((0.5, None), (0.99, at_most(3.0))):
        shares = [[percentile(times, share) for times in one] for one in (steady, bare_steady)]
        rows.append(row(f"hook p{share * 100:.0f} at 200 a second, beside the bare app", "ms", goal, *shares))
    return rows


def viewers(stage: Stage) -> list[Row]:
    """What people who watch executions move, each in several tabs, cost the hooks; both halves see the same news."""
    stage.ends.forget()
    for number in range(ROWS_SHOWN):
        requests.post(stage.no_ops, data=load.body(number), headers={"Content-Type": "application/json"}, timeout=30)
    stage.ends.wait(ROWS_SHOWN)
    url = hook_url(stage.world.client, "Watched", NO_OP, enabled=False)
    browser = requests.Session()
    browser.get(system.sign_in_link(stage.world.layout, stage.world.environment), timeout=30).raise_for_status()
    cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in browser.cookies)

    def accepted(turn: int) -> float:
        rate = load.accepted_per_s(url, connections=CONNECTIONS, seconds=SECONDS, first=turn * 1_000_000)
        purge(stage.amqp_url, "config.hooks")
        return rate

    watching: list[int] = []

    def watched(turn: int) -> float:
        with Viewers(stage.world.layout.url, "/executions/live", cookies, VIEWERS) as crowd:
            watching.append(crowd.watching)
            return accepted(turn * 2 + 1)

    with News(stage.amqp_url):
        accepted(98)
        values = pairs(watched, lambda turn: accepted(turn * 2))
    name = f"hooks accepted with {min(watching)} of {VIEWERS} streams open by {PEOPLE} people, beside none"
    return [row(name, "a second", at_least(0.9), *values)]
