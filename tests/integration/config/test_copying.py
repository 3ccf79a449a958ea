"""A copy of the database has every row as it was, and work goes on in it where it stopped."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from services.config.__main__ import main
from services.config.migrations import migrate
from services.config.model.claims import State
from services.config.store import Store, copying
from services.config.tables.base import Base
from tests.integration.config.conftest import Clock, Definitions
from tests.integration.config.world import World, whole_run
from tests.support import postgres


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def target(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Iterator[Store]:
    """An empty database that has been migrated."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/copy.db"
    else:
        url = postgres.empty_database(request.getfixturevalue("postgres_url"))
    made = Store(url, clock=clock)
    migrate(made)
    yield made
    made.close()


def rows(store: Store) -> dict[str, list[Any]]:
    with store.snapshot() as reader:
        return {
            table.name: sorted(map(repr, reader.execute(select(table)).mappings()))
            for table in Base.metadata.sorted_tables
        }


def started(world: World, delivery_id: str, **more: str) -> str:
    """The id of the execution that a push of that delivery started."""
    execution_id = world.hook(delivery_id, **more).execution_id
    assert execution_id is not None
    return execution_id


def test_a_copy_has_every_row_and_its_runs_go_on_there(
    store: Store, target: Store, clock: Clock, definitions: Definitions
) -> None:
    before = World(store, clock, definitions)
    ended = started(before, "d1", tag="1.4.0")
    before.take(ended)
    before.report(ended, *whole_run())
    under_way = started(before, "d2", tag="1.4.1")
    before.take(under_way)
    assert copying.first_filled(target) == ""
    assert sum(copying.copy(store, target).values()) == sum(map(len, rows(store).values())) > 10
    assert rows(target) == rows(store) and copying.first_filled(target) != ""
    after = World(target, clock, definitions)
    after.report(under_way, *whole_run())
    assert after.run(under_way).holding.state is after.run(ended).holding.state is State.ENDED
    after.finish(started(after, "d3", tag="1.4.2"))
    assert len(rows(target)["executions"]) == 3


def test_a_database_that_is_in_use_is_not_copied_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(database: str, *arguments: str) -> tuple[int, str]:
        monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/{database}.db")
        done = CliRunner().invoke(main, arguments)
        return done.exit_code, done.output

    monkeypatch.setenv("PORTSIDE_HOME", str(tmp_path))
    assert run("old", "migrate")[0] == run("used", "migrate")[0] == 0
    code, said = run("old", "copy", f"sqlite:///{tmp_path}/used.db")
    assert code == 1 and "is in use: its table" in said
    code, said = run("old", "copy", f"sqlite:///{tmp_path}/old.db")
    assert code == 1 and "is the database itself" in said
    code, said = run("old", "copy", f"sqlite:///{tmp_path}/new.db")
    assert code == 0 and f"rows are in sqlite:///{tmp_path}/new.db" in said and "config is running" not in said
    assert run("new", "one-time-code")[0] == 0
