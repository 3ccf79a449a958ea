"""A database of an earlier release keeps every row through the steps to this one."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, inspect, select, table, update

from services.config import migrations
from services.config.migrations import migrate, schema_release, what_is_missing
from services.config.store import Store
from services.config.tables.catalog import PipelineRow, PipelineVersionRow
from shared.process.life import Fatal
from shared.version import __version__
from tests.integration.config.catalog.test_incomplete_webhooks import pushed
from tests.integration.config.office import Office
from tests.support.schema import take_back

V0_1_0_SCHEMA = "0015"
NEWER_STEP = """
import sqlalchemy as sa
from alembic import op

revision, down_revision = "9001", "{head}"


def upgrade():
    op.create_table("moons", sa.Column("name", sa.String(), primary_key=True))
    op.add_column("executions", sa.Column("moon", sa.String(), nullable=True))
    op.add_column("deliveries", sa.Column("tide", sa.Float(), nullable=False, server_default="0"))
    op.create_index("ix_deliveries_tide", "deliveries", ["tide"])
"""


@pytest.fixture
def sqlite_office(tmp_path: Path) -> Iterator[Office]:
    """A new installation on SQLite, the one database whose foreign keys rest meanwhile."""
    opened = Office(tmp_path)
    yield opened
    opened.store.close()


def row_counts(store: Store) -> dict[str, int]:
    """How many rows each table has, except those that record the schema."""
    with store.writer.connect() as connection:
        tables = set(inspect(connection).get_table_names()) - {"alembic_version", schema_release.NAME}
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


@pytest.fixture
def newer_release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Store, str], None]:
    """Migrates as a release does that has one step more."""
    folder = tmp_path / "newer"
    shutil.copytree(Path(migrations.__file__).parent, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "versions" / "9001_a_newer_step.py").write_text(NEWER_STEP.format(head=migrations.head()))

    def migrate_as(store: Store, release: str) -> None:
        with monkeypatch.context() as newer:
            newer.setattr(migrations, "_HERE", folder)
            newer.setattr(migrations, "__version__", release)
            migrate(store)

    return migrate_as


def test_a_newer_schema_of_the_same_minor_release_is_worked_with(
    office: Office, newer_release: Callable[[Store, str], None]
) -> None:
    take_back(office.store, V0_1_0_SCHEMA)
    migrate(office.store)
    office.docker_endpoint(repo="acme/web")
    office.pipeline()
    office.webhook(endpoint="hub", pipeline="Deploy web")
    newer_release(office.store, re.sub(r"\d+(\.dev\d+)?$", "77", __version__))
    assert what_is_missing(office.store) == ""
    migrate(office.store)
    event = pushed(office)
    assert event.verdict == "started", event.reason
    with office.store.writer.connect() as connection:
        assert "moons" in inspect(connection).get_table_names()
        assert connection.exec_driver_sql("SELECT tide, version_num FROM deliveries, alembic_version").all() == [
            (0.0, "9001")
        ]


def test_one_of_a_newer_minor_release_is_refused_by_its_name(
    office: Office, newer_release: Callable[[Store, str], None]
) -> None:
    take_back(office.store, V0_1_0_SCHEMA)
    newer_release(office.store, "99.1.0")
    reason = what_is_missing(office.store)
    assert "was migrated by Portside 99.1.0: it has schema 9001" in reason and "\n" not in reason
    with pytest.raises(Fatal) as refused:
        migrate(office.store)
    assert str(refused.value) == reason


@pytest.mark.parametrize(
    ("release", "same"),
    [("0.2.0", True), ("0.2.0.dev0", True), ("0.2.11", True), ("0.20.1", False), ("0.3.0", False), ("1.2.0", False)],
)
def test_patches_of_a_minor_release_have_its_first_two_numbers(release: str, same: bool) -> None:
    assert schema_release.same_minor(release, "0.2.3") is same
    assert not schema_release.same_minor("", release)
