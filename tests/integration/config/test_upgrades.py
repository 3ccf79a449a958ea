"""A database of an earlier release keeps every row through the steps to this one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, inspect, select, table, update

from services.config.migrations import migrate, what_is_missing
from services.config.store import Store
from services.config.tables.catalog import PipelineRow, PipelineVersionRow
from shared.process.life import Fatal
from tests.integration.config.catalog.test_incomplete_webhooks import pushed
from tests.integration.config.office import Office
from tests.support.schema import take_back

V0_1_0_SCHEMA = "0015"


@pytest.fixture
def sqlite_office(tmp_path: Path) -> Iterator[Office]:
    """A new installation on SQLite, the one database whose foreign keys rest meanwhile."""
    opened = Office(tmp_path)
    yield opened
    opened.store.close()


def row_counts(store: Store) -> dict[str, int]:
    """How many rows each table has, except alembic's own."""
    with store.writer.connect() as connection:
        tables = set(inspect(connection).get_table_names()) - {"alembic_version"}
        return {name: connection.scalar(select(func.count()).select_from(table(name))) or 0 for name in tables}


def test_every_row_is_kept_and_pushes_still_start_runs(office: Office) -> None:
    office.docker_endpoint(repo="acme/web")
    office.pipeline()
    office.webhook(endpoint="hub", pipeline="Deploy web")
    rows = row_counts(office.store)
    assert rows["webhook_tokens"] == rows["pipeline_versions"] == 1
    take_back(office.store, V0_1_0_SCHEMA)
    migrate(office.store)
    assert row_counts(office.store) == rows
    event = pushed(office)
    assert event.verdict == "started", event.reason


def test_pipelines_that_relied_on_the_former_default_of_supersede_name_it(office: Office) -> None:
    ours, theirs = office.pipeline("ours"), office.pipeline("theirs")
    with office.store.writer.begin() as connection:
        for made, marks in ((ours, {}), (theirs, {"_imported": True})):
            tree = {"stageOrder": [], "stages": {}, **marks}
            for column, rows in ((PipelineRow.id, PipelineRow), (PipelineVersionRow.pipeline_id, PipelineVersionRow)):
                connection.execute(update(rows).where(column == made["id"]).values(tree=tree))
    take_back(office.store, "0021")
    migrate(office.store)
    with office.store.writer.connect() as connection:
        for rows in (PipelineRow, PipelineVersionRow):
            trees = connection.scalars(select(rows.tree)).all()
            assert sorted(tree.get("supersede", "") for tree in trees) == ["", "queue-latest"]


def test_foreign_keys_are_enforced_again_after_the_steps(sqlite_office: Office) -> None:
    take_back(sqlite_office.store, V0_1_0_SCHEMA)
    migrate(sqlite_office.store)
    with sqlite_office.store.writer.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar_one() == 1


def test_steps_that_leave_rows_without_their_parents_change_nothing(sqlite_office: Office) -> None:
    store = sqlite_office.store
    take_back(store, V0_1_0_SCHEMA)
    raw = store.writer.raw_connection()
    driver: Any = raw.driver_connection
    driver.execute("PRAGMA foreign_keys=OFF")
    driver.execute(
        "INSERT INTO pipeline_needs (pipeline_id, kind, name, project) VALUES ('gone', 'endpoints', 'hub', 'x')"
    )
    driver.execute("PRAGMA foreign_keys=ON")
    raw.close()
    with pytest.raises(Fatal, match=r"do not exist: 1 \(pipeline_needs to pipelines\)\. Nothing was changed"):
        migrate(store)
    assert f"has schema {V0_1_0_SCHEMA}" in what_is_missing(store)
