"""The same questions to two systems: one holds 1,000 executions and events, the other 1,000,000."""

from __future__ import annotations

import re
import sqlite3
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from bench import load, seed
from bench.measure import PAIRS, Row, at_most, row
from bench.stage import NO_OP, Stage, hook_url
from bench.watch import Watch
from cli import system
from cli.portside.api import Client
from cli.processes import Supervisor

SMALL = seed.Sizes(runs=1_000, pipelines=100)
LARGE = seed.Sizes(runs=1_000_000, pipelines=10_000)
AT_MOST = at_most(1.5)
ASKS = 3
MATCHED = 15

LISTS = {
    "executions": "/executions?$top=25",
    "executions, the 30th page": "/executions?$top=25&$skip=750",
    "executions by status": "/executions?$filter=status eq 'FAILED'&$top=25",
    "executions by pipeline": "/executions?$filter=name eq 'Pipeline 00007'&$top=25",
    "executions by image": "/executions?$filter=_image eq 'acme/web-00007'&$top=25",
    "executions by image and tag": "/executions?$filter=_image eq 'acme/web-00007' and _imageTag eq '1.0.7'&$top=25",
    "one execution": f"/executions/{seed.newest_id()}",
    "events": "/registry-events?$top=25",
    "events by webhook": "/registry-events?$filter=webhookId eq 'hook-00007'&$top=25",
    "pipelines": "/pipelines?$top=25",
    "pipelines by name": "/pipelines?$filter=name eq 'Pipeline 00007'",
    "webhooks": "/registry-webhooks?$top=25",
    "webhooks by name": "/registry-webhooks?$filter=name eq 'Webhook 00007'",
}


@dataclass(frozen=True)
class Scaled:
    """One of the two: config and gateway over a filled database."""

    layout: system.Layout
    client: Client
    browser: requests.Session
    amqp_url: str


@contextmanager
def both(stage: Stage) -> Iterator[tuple[Scaled, Scaled]]:
    """Fill and start the two."""
    ended = _an_ended_run(stage)
    with _scaled(stage, "small", SMALL, ended) as small, _scaled(stage, "large", LARGE, ended) as large:
        yield small, large


def lists(small: Scaled, large: Scaled) -> list[Row]:
    """Lists and filters over the API."""
    return [
        _row(f"list of {name}", small, large, lambda one, path=path: one.client.get(path))  # type: ignore[misc]
        for name, path in LISTS.items()
    ]


def pages(small: Scaled, large: Scaled) -> list[Row]:
    """Every page that the navigation leads to, a filtered list and one execution."""
    start = large.browser.get(f"{large.layout.url}/executions", timeout=30).text
    found = dict.fromkeys(re.findall(r'href="(/[a-z][a-z/-]*)"', start))
    own = [path for path in found if not path.startswith(("/static", "/sign"))]
    filtered = ["/executions?status=FAILED", "/executions?image=acme/web-00007"]
    paths = [*own, *filtered, f"/executions/{seed.newest_id()}"]
    return [_row(f"page {path.replace(seed.newest_id(), '…')}", small, large, _page(path)) for path in paths]


def matching(small: Scaled, large: Scaled) -> list[Row]:
    """From a hook to its verdict, one at a time, each to another webhook."""
    watches = {id(one): Watch(one.amqp_url, "delivery.changed") for one in (small, large)}

    def ask(one: Scaled, turn: int) -> float:
        times = []
        for number in range(MATCHED):
            token = seed.token(number % SMALL.pipelines)
            poster = load.Poster(f"{one.layout.url}/pipelines/api/docker-hub-webhooks?secureToken={token}")
            watches[id(one)].forget()
            started = time.monotonic()
            poster.post(load.body(number, f"match-{turn}-{number}"))
            watches[id(one)].wait(1, 30)
            times.append((watches[id(one)].last_at - started) * 1000)
            poster.close()
        return statistics.median(times)

    ask(small, -1), ask(large, -1)
    pairs = [(ask(small, turn), ask(large, turn)) for turn in range(PAIRS)]
    for watch in watches.values():
        watch.close()
    name = f"hook to verdict with {LARGE.pipelines:,} webhooks, beside {SMALL.pipelines:,}"
    return [row(name, "ms", AT_MOST, [pair[1] for pair in pairs], [pair[0] for pair in pairs])]


def _row(name: str, small: Scaled, large: Scaled, ask: Callable[[Scaled], object]) -> Row:
    def median_ms(one: Scaled) -> float:
        times = []
        for _ in range(ASKS):
            started = time.perf_counter()
            ask(one)
            times.append((time.perf_counter() - started) * 1000)
        return statistics.median(times)

    median_ms(small), median_ms(large)
    pairs = [(median_ms(small), median_ms(large)) for _ in range(PAIRS)]
    title = f"{name}, {LARGE.runs:,} beside {SMALL.runs:,}"
    return row(title, "ms", AT_MOST, [pair[1] for pair in pairs], [pair[0] for pair in pairs])


def _page(path: str) -> Callable[[Scaled], object]:
    def ask(one: Scaled) -> None:
        answer = one.browser.get(one.layout.url + path, timeout=60)
        answer.raise_for_status()
        if "/sign-in" in answer.url:
            raise RuntimeError(f"{path} asks to sign in")

    return ask


def _an_ended_run(stage: Stage) -> Path:
    """The database of the stage, in which one run of three no-ops has ended."""
    stage.ends.forget()
    poster = load.Poster(stage.no_ops)
    poster.post(load.body(1, "the-model"))
    poster.close()
    stage.ends.wait(1, 30)
    return stage.world.home / "portside.db"


@contextmanager
def _scaled(stage: Stage, name: str, sizes: seed.Sizes, ended: Path) -> Iterator[Scaled]:
    layout = system.lay_out(stage.world.home / name, host="127.0.0.1", port=0)
    amqp_url = stage.world.broker.add_vhost(name)
    told = system.environment(layout, amqp_url)
    told["DATABASE_URL"] = f"sqlite:///{layout.home / 'portside.db'}"
    system.initialise(layout, told)
    # The first life defines one pipeline and one webhook; the second begins with copies of them.
    for fill in (True, False):
        supervisor = Supervisor(layout.home / "log")
        try:
            system.start(supervisor, layout, told, runners=0)
            client = Client(layout.url, timeout_s=60)
            client.sign_in(system.ADMIN, layout.password_file.read_text().strip())
            if fill:
                hook_url(client, "Three no-ops", NO_OP)
            else:
                browser = requests.Session()
                browser.get(system.sign_in_link(layout, told), timeout=30).raise_for_status()
                yield Scaled(layout, client, browser, amqp_url)
        finally:
            supervisor.stop()
        if fill:
            with sqlite3.connect(layout.home / "portside.db") as connection:
                seed.fill(connection, ended, sizes)
            connection.close()
