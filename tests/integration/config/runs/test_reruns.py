"""Running again: whole or from where it failed, on every database."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import insert

from services.config.model.people import SYSTEM
from services.config.resources.executions import Executions
from services.config.runs.admission import start_nested
from services.config.store import Store
from services.config.store.definitions import pipelines
from services.config.tables.catalog import PipelineRow, ProjectRow
from shared.contracts.base import Sealed
from shared.contracts.catalog import Act, Kind
from shared.contracts.history import Output, RunEnded, Status, TaskEnded, TaskKept
from shared.contracts.problems import Code, Refused
from shared.contracts.runs import StartNested
from shared.process.ids import new_id
from tests.integration.config.conftest import Clock, Definitions
from tests.integration.config.world import World, whole_run

AT: dict[str, Any] = {"seq": 0, "at": 0.0}


@pytest.fixture
def world(store: Store, clock: Clock, definitions: Definitions) -> World:
    one = definitions.pipelines["Deploy web"]
    stamped: dict[str, Any] = {"created_at": 0, "updated_at": 0, "created_by": "", "updated_by": "", "version": 1}
    plain: dict[str, Any] = {"description": "", "tags": [], **stamped}
    with store.write() as uow:
        uow.session.execute(insert(ProjectRow), {"id": "p1", "name": "default", **plain})
        uow.session.execute(
            insert(PipelineRow),
            {
                "id": one.id,
                "project": "default",
                "name": one.name,
                "state": "ENABLED",
                "concurrency": 10,
                "tree": dict(one.tree),
                "warnings": [],
                **plain,
            },
        )
    return World(store, clock, definitions)


def failed(world: World) -> str:
    run_id = world.hook().execution_id or ""
    world.take(run_id)
    check = TaskEnded(**AT, stage="Build", task="Check", status=Status.COMPLETED, output=Output(view={"ok": 1}))
    apply = TaskEnded(**AT, stage="Deploy", task="Apply", status=Status.FAILED, message="no disk")
    events = [check if one.type == "task.ended" and one.task == "Check" else one for one in whole_run()]
    over = replace_last(events, status=Status.FAILED, message="Deploy.Apply: no disk")
    world.report(run_id, *over[:9], apply, *over[10:])
    return run_id


def replace_last(events: list[Any], **change: Any) -> list[Any]:
    return [*events[:-2], *(one.model_copy(update=change) for one in events[-2:])]


def rerun(world: World, run_id: str, **body: Any) -> dict[str, Any]:
    with world.store.write() as uow:
        act = Act(kind=Kind.EXECUTIONS, verb="rerun", id=run_id, body=body)
        made = Executions().act(uow, SYSTEM, act).document
    return world.shown(made["executionId"])


def test_a_misspelt_field_does_not_rerun_what_was_to_be_kept(world: World) -> None:
    run_id = failed(world)
    with pytest.raises(Refused, match=r"a rerun has no field 'fron' .*did you mean from"):
        rerun(world, run_id, fron="failed")


def over(world: World, run_id: str) -> None:
    world.report(run_id, RunEnded(**AT, status=Status.COMPLETED))


def test_a_rerun_points_at_the_run_it_repeats_and_keeps_inputs_and_push(world: World) -> None:
    run_id = failed(world)
    again = rerun(world, run_id)
    assert (again["index"], again["_rerunOf"], again["comments"]) == (2, run_id, "Rerun of #1")
    assert world.shown(run_id)["input"].items() <= again["input"].items()
    assert again["_push"]["tag"] == "1.4.1"
    assert again["stages"]["Build"]["tasks"]["Check"]["status"] == "NOT_STARTED"


def test_inputs_may_change_and_a_changed_image_is_not_the_pushed_one(world: World) -> None:
    run_id = failed(world)
    assert rerun(world, run_id, input={"replicas": "5"})["_push"] is not None
    world.finish(world.dispatched()[-1])
    changed = rerun(world, run_id, input={"DOCKER_TAG": "1.4.0"})
    assert (changed["input"]["DOCKER_TAG"], changed["_push"]) == ("1.4.0", None)
    with pytest.raises(Refused, match="has no input nope"):
        rerun(world, run_id, input={"nope": "x"})


@pytest.mark.parametrize("since", ["failed", "Deploy", "Deploy.Apply"])
def test_a_rerun_from_where_it_failed_keeps_earlier_outputs(world: World, since: str) -> None:
    run_id = failed(world)
    again = rerun(world, run_id, **{"from": since})
    check = again["stages"]["Build"]["tasks"]["Check"]
    assert (check["status"], check["output"], check["_keptFrom"]) == ("COMPLETED", {"ok": 1}, run_id)
    assert (again["status"], again["stages"]["Build"]["status"]) == ("NOT_STARTED", "NOT_STARTED")
    answer = world.take(again["id"])
    assert [type(one.event) for one in answer.history] == [TaskKept, TaskKept]
    world.report(again["id"], *[one for one in whole_run() if getattr(one, "task", "Apply") == "Apply"])
    over = world.shown(again["id"])
    assert (over["status"], over["_durationInMicros"] < 1_000_000) == ("COMPLETED", True)


def test_a_run_that_has_not_ended_can_be_repeated_whole_only(world: World) -> None:
    run_id = world.hook().execution_id or ""
    with pytest.raises(Refused, match="has not ended") as refused:
        rerun(world, run_id, **{"from": "failed"})
    assert refused.value.problem.code is Code.CONFLICT


def test_a_rerun_of_a_push_waits_in_the_lane_of_its_repository(world: World) -> None:
    run_id = failed(world)
    newer = world.hook("d2", "1.5.0").execution_id
    again = rerun(world, run_id)
    assert (again["status"], again["statusMessage"]) == ("WAITING", "Waits until #2 of Deploy web is over.")
    world.finish(newer or "")
    assert world.dispatched()[-1] == again["id"]


def test_a_run_without_a_push_is_repeated_without_one(world: World) -> None:
    run_id = failed(world)
    manual = rerun(world, run_id, input={"DOCKER_TAG": "x"})
    world.finish(manual["id"])
    assert rerun(world, manual["id"])["_push"] is None


def test_an_input_that_holds_a_secret_keeps_it_while_its_mask_is_written_back(world: World) -> None:
    box = Sealed(key_id="k", box="Ym94")
    with world.store.write() as uow:
        pipeline = pipelines.pipeline_for_run(uow, "default", "Deploy web")
        assert pipeline is not None
        ask = StartNested(
            execution_id=new_id(),
            project="default",
            pipeline="Deploy web",
            inputs={"DOCKER_TAG": "*****"},
            sealed_inputs={"DOCKER_TAG": box},
            parent="parent",
            stage="S",
            task="T",
        )
        nested = start_nested(uow, pipeline, SYSTEM, ask).execution_id
    assert world.take(nested).sealed_inputs == {"DOCKER_TAG": box}
    over(world, nested)
    for given in ({}, {"DOCKER_TAG": "*****"}):
        again = rerun(world, nested, input=given)
        assert again["input"]["DOCKER_TAG"] == "*****"
        assert world.take(again["id"]).sealed_inputs == {"DOCKER_TAG": box}
        over(world, again["id"])
    other = rerun(world, nested, input={"DOCKER_TAG": "1.4.0"})
    assert world.take(other["id"]).sealed_inputs == {}
