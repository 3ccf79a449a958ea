"""Runs a second that config forgets while runs are written, on each database: its own code, without a broker."""

from __future__ import annotations

import sqlite3
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import func, insert, select

from bench import seed
from bench.measure import Row, at_least, row
from services.config.migrations import migrate
from services.config.runtime import retention
from services.config.runtime.timers import Timers
from services.config.store import Store, copying
from services.config.tables.ledger import ExecutionRow, LogRow
from tests.integration.config.conftest import Clock, Definitions, pipeline, webhook
from tests.integration.config.world import World
from tests.support import postgres

WRITTEN_PER_S = 12.0
"""A million runs a day; as many have to be forgotten."""
SPARE = 2.0
OLD = seed.Sizes(runs=10_000, pipelines=1, age_s=100 * 86_400.0, whole_histories=10_000)
KEEPING = retention.Keeping(executions=90.0, events=90.0, logs=90.0, runs=10)
MOST_S = 60.0
_PRINTED = "rolled out acme/web: 3 of 3 replicas answer\n" * 20


class _Now(Clock):
    """This machine's clock."""

    def __call__(self) -> float:
        return time.time()


def keeping() -> list[Row]:
    """One row a database: runs forgotten a second, beside the larger of a million a day and those written meanwhile."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        filled = Store(_filled(Path(folder)))
        with _databases(Path(folder)) as urls:
            for name, url in urls.items():
                store = Store(url)
                migrate(store)
                copying.copy(filled, store)
                forgotten_per_s, written_per_s = _measured(store)
                store.close()
                title = f"runs forgotten beside runs written, {name}"
                floor = max(WRITTEN_PER_S, written_per_s)
                rows.append(row(title, "a second", at_least(SPARE), [forgotten_per_s], [floor]))
                print(f"bench: {written_per_s:.1f} runs a second were written on {name}", file=sys.stderr)
        filled.close()
    return rows


@contextmanager
def _databases(folder: Path) -> Iterator[dict[str, str]]:
    sqlite = {"SQLite": f"sqlite:///{folder / 'measured.db'}"}
    if postgres.programs() is None:
        yield sqlite
        return
    server = postgres.PrivatePostgres(durable=True)
    server.start()
    try:
        yield {**sqlite, "PostgreSQL": server.url}
    finally:
        server.remove()


def _filled(folder: Path) -> str:
    """The URL of a database with one run that has ended, and copies of it that are older than is kept."""
    file = folder / "filled.db"
    url = f"sqlite:///{file}"
    store = Store(url)
    migrate(store)
    _run(_world(store), 0)
    store.close()
    model = folder / "model.db"
    with closing(sqlite3.connect(file)) as connection:
        with closing(sqlite3.connect(model)) as copy:
            connection.backup(copy)
        seed.fill_history(connection, model, OLD)
    return url


def _world(store: Store) -> World:
    return World(store, _Now(), Definitions(webhooks={"token": webhook()}, pipelines={"Deploy web": pipeline()}))


def _run(world: World, number: int) -> None:
    """One push, its run to the end, and what two tasks printed."""
    execution_id = world.hook(f"delivery-{number}", f"1.{number}").execution_id or ""
    world.finish(execution_id)
    with world.store.write() as uow:
        for task in ("Check", "Apply"):
            place = {"stage": "Build", "task": task, "attempt": 1, "try_number": 1, "first_line": 0, "lines": 20}
            uow.session.execute(insert(LogRow).values(execution_id=execution_id, at=uow.now, text=_PRINTED, **place))


def _measured(store: Store) -> tuple[float, float]:
    """Runs forgotten and runs written a second, until none but the kept ones is left or the time is up."""
    cut = time.time() - KEEPING.executions * 86_400
    timers = Timers(store, {retention.PRUNE: lambda uow, _: retention.prune(uow, KEEPING)})
    with store.write() as uow:
        uow.timer(retention.PRUNE, "all", uow.now)
    stop, numbers = threading.Event(), list[int]()
    writer = threading.Thread(target=_write, args=(store, stop, numbers))
    before, began = _too_old(store, cut), time.monotonic()
    writer.start()
    timers.open()
    try:
        while (remaining := _too_old(store, cut)) > KEEPING.runs and time.monotonic() < began + MOST_S:
            time.sleep(0.2)
        seconds = time.monotonic() - began
        return (before - remaining) / seconds, len(numbers) / seconds
    finally:
        stop.set()
        writer.join()
        timers.close()


def _write(store: Store, stop: threading.Event, numbers: list[int]) -> None:
    world, began = _world(store), time.monotonic()
    while not stop.wait(max(0.0, began + len(numbers) / WRITTEN_PER_S - time.monotonic())):
        _run(world, 1 + len(numbers))
        numbers.append(1)


def _too_old(store: Store, cut: float) -> int:
    with store.read() as reading:
        counted = reading.session.scalar(
            select(func.count()).select_from(ExecutionRow).where(ExecutionRow.requested_at < cut)
        )
    return counted or 0
