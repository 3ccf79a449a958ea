"""Executions as the API shows them: lists, filters, logs, and what is read again only after news."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import event

from services.config.model.definitions import Project
from services.config.model.people import SYSTEM
from services.config.resources import logs
from services.config.resources.events import Events
from services.config.resources.executions import Executions
from services.config.resources.logs import Logs
from services.config.store import Store, execution_views
from services.config.store.definitions import projects
from shared.contracts.catalog import Act, Find, Get, Kind
from shared.contracts.problems import Code, Refused
from shared.contracts.runs import LogChunk
from tests.integration.config.conftest import Clock, Definitions, count
from tests.integration.config.world import World, whole_run


@pytest.fixture
def world(store: Store, clock: Clock, definitions: Definitions) -> World:
    return World(store, clock, definitions)


def test_an_execution_is_listed_found_by_number_filtered_tagged_rerun_and_deleted(world: World) -> None:
    run_id = world.hook().execution_id or ""
    world.take(run_id)
    world.report(run_id, *whole_run())
    kind = Executions()
    with world.store.write() as uow:
        (one,) = kind.find(
            uow, SYSTEM, Find(kind=Kind.EXECUTIONS, filter="((status eq 'COMPLETED') and (_nested eq 'false'))")
        ).documents
        options = {"pipeline": "pipeline-Deploy web", "index": 1}
        same = kind.get(uow, SYSTEM, Get(kind=Kind.EXECUTIONS, options=options)).document
        named = Get(kind=Kind.EXECUTIONS, project="default", name="Deploy web", options={"index": "1"})
        assert kind.get(uow, SYSTEM, named).document == same
        assert same["stages"]["Build"]["tasks"]["Scan"]["input"] == {"condition": "1 == 1"}
        for stage in same["stages"].values():
            for task in stage["tasks"].values():
                task["input"] = {}
        assert same == one
        tagged = kind.act(uow, SYSTEM, Act(kind=Kind.EXECUTIONS, verb="tag", id=run_id, body={"tags": ["good"]}))
        assert tagged.document["tags"] == ["good"]
        assert kind.find(uow, SYSTEM, Find(kind=Kind.EXECUTIONS, filter="status eq 'FAILED'")).total == 0
    assert one["stageOrder"] == ["Build", "Deploy"]
    assert one["_link"] == f"/codestream/api/executions/{run_id}"
    assert one["notifications"] == []
    assert one["stages"]["Build"]["tasks"]["Scan"]["status"] == "COMPLETED"
    with world.store.write() as uow:
        gone = kind.act(uow, SYSTEM, Act(kind=Kind.EXECUTIONS, verb="delete", id=run_id)).document
        assert gone["id"] == run_id
        assert execution_views.one(uow, run_id) is None
    assert count(world.store, "events") == 0


@pytest.mark.parametrize("options", [{}, {"filter": ""}, {"filter": "  "}])
def test_ended_executions_are_deleted_by_a_filter_alone(world: World, options: dict[str, str]) -> None:
    run_id = world.hook().execution_id or ""
    world.take(run_id)
    world.report(run_id, *whole_run())
    kind = Executions()
    now, by = world.clock(), "system"
    project = Project(id="p1", name="default", tags=[], created_at=now, updated_at=now, created_by=by, updated_by=by)
    with world.store.write() as uow:
        projects.PROJECTS.insert(uow, project)
        with pytest.raises(Refused) as refused:
            kind.act(uow, SYSTEM, Act(kind=Kind.EXECUTIONS, verb="delete-ended", options=options))
        assert execution_views.one(uow, run_id) is not None
        by_status = Act(kind=Kind.EXECUTIONS, verb="delete-ended", options={"filter": "status eq 'COMPLETED'"})
        assert kind.act(uow, SYSTEM, by_status).document["totalCount"] == 1
        assert execution_views.one(uow, run_id) is None
    assert refused.value.problem.code is Code.INVALID and "$filter=" in refused.value.problem.next_step


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("_image eq 'acme/web'", ["1.4.1", "1.4.0"]),
        ("_image eq 'acme/web' and _imageTag eq '1.4.0'", ["1.4.0"]),
        ("_image eq 'acme/api'", []),
        ("_imageName eq 'web'", ["1.4.1", "1.4.0"]),
        ("_imageName eq 'web' and _imageTag eq '1.4.1'", ["1.4.1"]),
    ],
)
def test_executions_are_found_by_the_image_that_was_pushed_through_an_index(
    world: World, asked: str, found: list[str]
) -> None:
    for tag in ("1.4.0", "1.4.1"):
        world.hook(tag, tag)
        world.clock.advance(1)
    statements: list[tuple[str, Any]] = []
    with world.store.read() as uow:
        event.listen(uow.connection, "before_cursor_execute", lambda *said: statements.append((said[2], said[3])))
        page = Executions().find(uow, SYSTEM, Find(kind=Kind.EXECUTIONS, filter=asked))
        assert [one["_imageTag"] for one in page.documents] == found
        if uow.connection.dialect.name == "sqlite":
            text, values = next(one for one in statements if "ORDER BY executions.requested_at" in one[0])
            plan = uow.connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", values).all()
            assert "USING INDEX ix_executions_image_" in str(plan) and "TEMP B-TREE FOR ORDER BY" not in str(plan)


def test_a_log_is_read_from_its_end_and_upwards(world: World) -> None:
    run_id = world.hook().execution_id or ""
    about: dict[str, Any] = {"execution_id": run_id, "attempt": 1, "stage": "Build", "task": "Check", "at": 1.0}
    logs.keep(world.store, [LogChunk(**about, first_line=start, lines=("x", "y")) for start in range(0, 20, 2)])

    def starts(**options: str) -> list[int]:
        with world.store.read() as uow:
            page = Logs().find(uow, SYSTEM, Find(kind=Kind.LOGS, parent=run_id, options={"task": "Check", **options}))
        return [chunk["firstLine"] for chunk in page.documents]

    assert starts(last="5") == [14, 16, 18]
    assert starts(last="3", before="9") == [6, 8]
    assert starts(last="3", before="0") == []
    assert len(starts(last="999999999")) == 10


def test_an_event_is_rerun_as_of_today(world: World) -> None:
    first = world.hook("d1", push={"pushed_at": 5.0})
    world.finish(first.execution_id or "")
    again = world.hook("d2", push={"pushed_at": 5.0})
    assert again.verdict == "duplicate"
    kind = Events(world.receiver)
    with world.store.write() as uow:
        made = kind.act(uow, SYSTEM, Act(kind=Kind.EVENTS, verb="rerun", id="d2")).document
    assert (made["verdict"], made["rerunOf"]) == ("started", "d2")
    assert made["executionId"] not in ("", first.execution_id)


def test_a_run_looked_at_again_is_read_again_only_after_news(world: World) -> None:
    run_id = world.hook().execution_id or ""
    world.take(run_id)
    events = whole_run()
    kind, ask = Executions(), Find(kind=Kind.EXECUTIONS)

    def look() -> tuple[str, int]:
        statements: list[str] = []
        with world.store.read() as uow:
            event.listen(uow.connection, "before_cursor_execute", lambda *said: statements.append(said[2]))
            (one,) = kind.find(uow, SYSTEM, ask).documents
        return one["stages"]["Build"]["status"], sum("FROM events" in text for text in statements)

    world.report(run_id, *events[:2])
    assert [look(), look()] == [("RUNNING", 1), ("RUNNING", 0)]
    world.report(run_id, *events[2:], first=3)
    assert [look(), look()] == [("COMPLETED", 1), ("COMPLETED", 0)]
