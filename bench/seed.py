"""Fills a database with copies: one ended run and its delivery, one pipeline, one webhook, as often as is wanted."""

from __future__ import annotations

import hashlib
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

WHOLE_HISTORIES = 1_000
"""The newest runs have all their events; an older one has its end alone, which gives the table its depth."""


@dataclass(frozen=True)
class Sizes:
    """How many executions and events, and how many pipelines and webhooks; how old the newest execution is, and how
    many of the newest have their whole history."""

    runs: int
    pipelines: int
    age_s: float = 3600.0
    whole_histories: int = WHOLE_HISTORIES


def token(number: int) -> str:
    """The secure token of the copied webhook of that number."""
    return f"bench-token-of-webhook-{number:05d}"


def newest_id() -> str:
    """The id of the newest run, the same in a database of any size."""
    return "ffffffff-0000-7000-8000-000000000000"


_RUN_ID = f"CASE WHEN n.i = :runs THEN '{newest_id()}' ELSE printf('%08x-0000-7000-8000-%012x', n.i, n.i) END"
_DELIVERY_ID = "printf('d%07x-0000-7000-8000-%012x', n.i, n.i)"
_OWNER = "printf('{}%05d', n.i % :pipelines)"
_AT = "(:now - (:runs - n.i) * 2.0 + {})"

_RUN: Mapping[str, str] = {
    "id": _RUN_ID,
    "pipeline": _OWNER.format("Pipeline "),
    "pipeline_id": _OWNER.format("pipe-"),
    "idx": "n.i / :pipelines + 1",
    "webhook_id": _OWNER.format("hook-"),
    "delivery": _DELIVERY_ID,
    "lane": "''",
    "image": _OWNER.format("acme/web-"),
    "image_name": _OWNER.format("web-"),
    "image_tag": "printf('1.0.%d', n.i)",
    "status": "CASE n.i % 10 WHEN 0 THEN 'FAILED' ELSE 'COMPLETED' END",
    "order_at": _AT.format("0"),
    "since": _AT.format("0"),
    "requested_at": _AT.format("0"),
    "started_at": _AT.format("0.1"),
    "ended_at": _AT.format("0.2"),
    "updated_at": _AT.format("0.2"),
}
_DELIVERY: Mapping[str, str] = {
    "id": _DELIVERY_ID,
    "delivery_id": _DELIVERY_ID,
    "webhook_id": _OWNER.format("hook-"),
    "webhook": _OWNER.format("Webhook "),
    "pipeline": _OWNER.format("Pipeline "),
    "execution_id": _RUN_ID,
    "push_key": "printf('push-%d', n.i / 2)",
    "tag": "printf('1.0.%d', n.i)",
    "received_at": _AT.format("0"),
    "recorded_at": _AT.format("0"),
    "updated_at": _AT.format("0"),
}
_LOG: Mapping[str, str] = {"id": "NULL", "execution_id": _RUN_ID, "at": _AT.format("0.1")}
_PIPELINE: Mapping[str, str] = {"id": "printf('pipe-%05d', n.i)", "name": "printf('Pipeline %05d', n.i)"}
_WEBHOOK: Mapping[str, str] = {
    "id": "printf('hook-%05d', n.i)",
    "name": "printf('Webhook %05d', n.i)",
    "pipeline": "printf('Pipeline %05d', n.i)",
    "token_hash": "printf('%05d', n.i)",
}


def fill(connection: sqlite3.Connection, ended: Path, sizes: Sizes) -> None:
    """Copy; `ended` is a database in which a run has ended. Nobody else may use the database meanwhile."""
    fill_history(connection, ended, sizes)
    few = {"first": 0, "last": sizes.pipelines - 1, "pipelines": sizes.pipelines}
    _copy(connection, "pipelines", "pipelines LIMIT 1", _PIPELINE, few)
    _copy(connection, "registry_webhooks", "registry_webhooks LIMIT 1", _WEBHOOK, few)
    _copy(
        connection,
        "webhook_tokens",
        "webhook_tokens LIMIT 1",
        {"token_hash": "printf('%05d', n.i)", "webhook_id": _WEBHOOK["id"]},
        few,
    )
    hashes = [(hashlib.sha256(token(n).encode()).hexdigest(), f"{n:05d}") for n in range(sizes.pipelines)]
    connection.executemany("UPDATE webhook_tokens SET token_hash = ? WHERE token_hash = ?", hashes)
    connection.commit()
    # What config does when it prunes.
    connection.execute("PRAGMA analysis_limit=400")
    connection.execute("PRAGMA main.optimize(0x10002)")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def fill_history(connection: sqlite3.Connection, ended: Path, sizes: Sizes) -> None:
    """Copy the run and its delivery alone."""
    connection.execute("PRAGMA synchronous=OFF")
    connection.execute("PRAGMA cache_size=-200000")
    connection.execute("ATTACH ? AS model", (str(ended),))
    about = {"runs": sizes.runs, "pipelines": sizes.pipelines, "now": time.time() - sizes.age_s}
    run_id, delivery_id = connection.execute(
        "SELECT id, delivery FROM model.executions WHERE state = 'ended' ORDER BY requested_at DESC LIMIT 1"
    ).fetchone()
    connection.execute("INSERT OR IGNORE INTO plans SELECT * FROM model.plans")
    many = {"first": 1, "last": sizes.runs, **about, "model": run_id}
    with _without_indexes(connection, "executions", "deliveries"):
        _copy(connection, "executions", "model.executions WHERE id = :model", _RUN, many)
        _copy(connection, "deliveries", "model.deliveries WHERE id = :model", _DELIVERY, many | {"model": delivery_id})
    events = {"execution_id": _RUN_ID}
    whole = {**many, "first": max(1, sizes.runs - sizes.whole_histories + 1)}
    _copy(connection, "events", "model.events WHERE execution_id = :model", events, whole)
    _copy(connection, "log_chunks", "model.log_chunks WHERE execution_id = :model", _LOG, whole)
    if whole["first"] > 1:
        last = "model.events WHERE execution_id = :model ORDER BY position DESC LIMIT 1"
        _copy(connection, "events", last, events, {**many, "last": int(whole["first"]) - 1})
    numbers = [(f"pipeline pipe-{n:05d}", sizes.runs // sizes.pipelines + 2) for n in range(sizes.pipelines)]
    connection.executemany("INSERT INTO counters (name, value) VALUES (?, ?)", numbers)
    connection.commit()


def _copy(
    connection: sqlite3.Connection, table: str, model: str, change: Mapping[str, str], about: Mapping[str, object]
) -> None:
    columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
    taken = ", ".join(f"{change[name]} AS {name}" if name in change else f"m.{name}" for name in columns)
    # Table and column names are our own schema's.
    statement = (
        "WITH RECURSIVE n(i) AS (SELECT :first UNION ALL SELECT i + 1 FROM n WHERE i < :last) "  # noqa: S608
        f"INSERT INTO {table} ({', '.join(columns)}) SELECT {taken} FROM n, (SELECT * FROM {model}) AS m"
    )
    connection.execute(statement, dict(about))
    connection.commit()


@contextmanager
def _without_indexes(connection: sqlite3.Connection, *tables: str) -> Iterator[None]:
    """Drop the tables' indexes, and create them again afterwards: sorting once is faster than a million look-ups."""
    marks = ", ".join("?" * len(tables))
    known = connection.execute(
        f"SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND tbl_name IN ({marks})",  # noqa: S608
        tables,
    ).fetchall()
    for name, _ in known:
        connection.execute(f"DROP INDEX {name}")
    yield
    for _, made_by in known:
        connection.execute(made_by)
    connection.commit()
