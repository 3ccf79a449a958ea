"""The migrations lead to the tables, and rows from before get what was added."""

from __future__ import annotations

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text

from services.config.migrations import migrate, schema_release, what_is_missing
from services.config.model.people import SYSTEM
from services.config.resources.executions import Executions
from services.config.store import Store
from services.config.tables.base import Base
from shared.contracts.base import Sealed
from shared.contracts.catalog import Find, Kind
from shared.contracts.history import (
    Output,
)
from tests.integration.config.conftest import Clock, Definitions
from tests.integration.config.world import World, whole_run
from tests.support.schema import take_back


@pytest.fixture
def world(store: Store, clock: Clock, definitions: Definitions) -> World:
    return World(store, clock, definitions)


def test_the_migrations_lead_to_the_tables(store: Store) -> None:
    Base.metadata.drop_all(store.writer)
    assert "Run: python -m services.config migrate" in what_is_missing(store)
    migrate(store)
    migrate(store)
    assert what_is_missing(store) == ""
    with store.writer.connect() as connection:
        context = MigrationContext.configure(connection, opts={"include_name": schema_release.is_schema})
        assert compare_metadata(context, Base.metadata) == []


def test_large_events_from_before_get_a_form_for_lists(world: World) -> None:
    run_id = world.hook().execution_id or ""
    world.take(run_id)
    events = whole_run()
    output = Output(view={"text": "x" * 50_000}, sealed=Sealed(key_id="k", box="b" * 50_000))
    events[4] = events[4].model_copy(update={"output": output, "message": 'It has "output": {}'})
    world.report(run_id, *events)
    take_back(world.store, "0020")
    migrate(world.store)
    with world.store.read() as uow:
        rows = uow.session.execute(text("SELECT position, length(brief) FROM events WHERE brief IS NOT NULL")).all()
        assert [row[0] for row in rows] == [5] and rows[0][1] < 1_000
        (document,) = Executions().find(uow, SYSTEM, Find(kind=Kind.EXECUTIONS)).documents
    task = document["stages"]["Build"]["tasks"]["Check"]
    assert (task["status"], task["statusMessage"], task["output"]) == ("COMPLETED", 'It has "output": {}', {})
    assert world.shown(run_id)["stages"]["Build"]["tasks"]["Check"]["output"] == {"text": "x" * 50_000}


def test_runs_from_before_the_index_are_found_by_their_image(world: World) -> None:
    world.hook()
    take_back(world.store, "0012")
    migrate(world.store)
    with world.store.read() as uow:
        for asked in ("_image eq 'acme/web' and _imageTag eq '1.4.1'", "_imageName eq 'web'"):
            assert Executions().find(uow, SYSTEM, Find(kind=Kind.EXECUTIONS, filter=asked)).total == 1, asked
