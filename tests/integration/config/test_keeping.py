"""What is kept how long, space that is given back, and a database that is newer than the code."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import func, insert, select, text

from services.config.migrations import migrate, what_is_missing
from services.config.runtime.retention import Keeping, prune
from services.config.settings import Settings
from services.config.store import Store, pruning
from services.config.tables.catalog import AuditRow
from services.config.tables.ledger import DeadLetterRow, DeliveryRow, ExecutionRow, LogRow
from shared.process.life import Fatal
from tests.integration.config.conftest import Clock, Definitions, count
from tests.integration.config.world import World

DAY_S = 86_400


@pytest.fixture
def world(store: Store, clock: Clock, definitions: Definitions) -> World:
    return World(store, clock, definitions)


def prune_all(store: Store, keeping: Keeping, times: int = 8) -> None:
    for _ in range(times):
        with store.write() as uow:
            prune(uow, keeping)


def ages(world: World, table: type, column: str = "at") -> list[int]:
    """Days since each row was written, youngest first."""
    with world.store.read() as uow:
        times = uow.session.scalars(select(getattr(table, column))).all()
        return sorted(round((uow.now - at) / DAY_S) for at in times)


def fill(world: World, days: int) -> None:
    """A finished run, printed text, a handled and a waiting dead letter and an audit entry for each day."""
    for day in range(days):
        run_id = world.hook(f"d{day}", f"1.{day}").execution_id or ""
        world.finish(run_id)
        with world.store.write() as uow:
            place = {"stage": "S", "task": "T", "attempt": 1, "try_number": 1, "first_line": 0, "lines": 1}
            uow.session.execute(insert(LogRow).values(execution_id=run_id, at=uow.now, text="x", **place))
            for state in ("kept", "discarded"):
                letter = {"queue": "q", "reason": "r", "type": "t", "subject": "s", "message_id": "m", "body": ""}
                values = {"id": f"{state}{day}", "at": uow.now, "history": [], "headers": {}, "state": state}
                uow.session.execute(insert(DeadLetterRow).values(handled_by="", **letter, **values))
            who = {"user": "ann", "action": "create", "kind": "k", "object_id": "o", "name": "n"}
            uow.session.execute(insert(AuditRow).values(at=uow.now, **who))
        world.clock.advance(DAY_S)


def test_each_kind_is_kept_for_its_own_days(world: World) -> None:
    fill(world, 10)
    prune_all(world.store, Keeping(executions=6.5, events=5.5, logs=4.5, dead_letters=3.5, audit=2.5))
    assert ages(world, ExecutionRow, "requested_at") == [1, 2, 3, 4, 5, 6]
    assert ages(world, DeliveryRow, "received_at") == [1, 2, 3, 4, 5]
    assert ages(world, LogRow) == [1, 2, 3, 4]
    assert ages(world, AuditRow) == [1, 2]
    with world.store.read() as uow:
        states = uow.session.execute(select(DeadLetterRow.state, func.count()).group_by(DeadLetterRow.state)).all()
    assert {row[0]: row[1] for row in states} == {"kept": 10, "discarded": 3}


def test_the_last_runs_of_a_pipeline_are_kept_however_old(world: World) -> None:
    fill(world, 8)
    prune_all(world.store, Keeping(executions=0.5, logs=0.5, runs=3))
    assert ages(world, ExecutionRow, "requested_at") == [1, 2, 3]
    assert ages(world, LogRow) == []
    prune_all(world.store, Keeping(executions=0.5))
    assert count(world.store, "executions") == 0


def test_zero_days_keep_for_ever(world: World) -> None:
    fill(world, 3)
    world.clock.advance(10_000 * DAY_S)
    prune_all(world.store, Keeping(executions=0, events=0, logs=0, dead_letters=0, audit=0))
    assert [count(world.store, table) for table in ("executions", "deliveries", "log_chunks", "audit")] == [3, 3, 3, 3]


def test_what_is_not_set_is_kept_as_long_as_executions(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KEEP_DAYS", "KEEP_EVENT_DAYS", "KEEP_LOG_DAYS", "KEEP_DEAD_LETTER_DAYS", "KEEP_AUDIT_DAYS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("KEEP_DAYS", "30")
    monkeypatch.setenv("KEEP_LOG_DAYS", "7")
    assert Keeping.of(Settings()) == Keeping(executions=30, events=30, logs=7, dead_letters=30, audit=0, runs=10)


def test_pruning_comes_again_at_once_while_there_is_more(world: World) -> None:
    fill(world, 3)
    with world.store.write() as uow:
        prune(uow, Keeping(executions=0.5))
        assert uow.earliest_timer is not None
        assert 0.1 < uow.earliest_timer - uow.now < 60
    for _ in range(3):
        with world.store.write() as uow:
            prune(uow, Keeping(executions=0.5))
            assert uow.earliest_timer is not None
            pause_s = uow.earliest_timer - uow.now
    assert pause_s == pytest.approx(3_600)


def test_sqlite_gives_space_back(tmp_path: Path) -> None:
    file = tmp_path / "portside.db"
    store = Store(f"sqlite:///{file}")
    migrate(store)
    with store.write() as uow:
        row = {"queue": "q", "reason": "r", "type": "t", "subject": "s", "message_id": "m", "body": "x" * 100_000}
        for number in range(400):
            values = {"id": str(number), "at": 1.0, "history": [], "headers": {}, "state": "discarded"}
            uow.session.execute(insert(DeadLetterRow).values(handled_by="", **row, **values))
    _checkpoint(store)
    assert file.stat().st_size > 40_000_000
    prune_all(store, Keeping(dead_letters=1))
    _checkpoint(store)
    assert file.stat().st_size < 8_000_000
    store.close()


def test_a_database_that_was_made_without_it_learns_to_give_space_back(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path}/portside.db")
    migrate(store)
    raw = store.writer.raw_connection()
    raw.driver_connection.execute("PRAGMA auto_vacuum=NONE")  # type: ignore[union-attr]
    raw.driver_connection.execute("VACUUM")  # type: ignore[union-attr]
    raw.close()
    migrate(store)
    with store.read() as uow:
        assert uow.connection.exec_driver_sql("PRAGMA auto_vacuum").scalar() == pruning.INCREMENTAL
    store.close()


def _checkpoint(store: Store) -> None:
    raw = store.writer.raw_connection()
    raw.driver_connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()  # type: ignore[union-attr]
    raw.close()


def test_a_database_of_a_newer_release_is_refused_in_one_sentence(store: Store) -> None:
    with store.writer.begin() as connection:
        connection.execute(text("DROP TABLE IF EXISTS alembic_version"))
        connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"))
        connection.execute(text("INSERT INTO alembic_version VALUES ('9999')"))
    reason = what_is_missing(store)
    assert "was migrated by a newer release: it has schema 9999" in reason
    assert "services.config migrate" not in reason
    with pytest.raises(Fatal) as refused:
        migrate(store)
    assert str(refused.value) == reason
    with store.writer.begin() as connection:
        connection.execute(text("DROP TABLE alembic_version"))
