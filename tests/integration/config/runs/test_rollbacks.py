"""What failed is undone by a run of its own, on every database."""

from __future__ import annotations

from typing import Any

import pytest

from services.config.model.claims import Intent, State
from services.config.runs.batch import RunBatch
from services.config.runs.protocol import intend
from services.config.store import Store
from shared.contracts.base import Sealed
from shared.contracts.history import RollbackStarted, RunEnded, RunParked, StageEnded, Status, TaskAnswered, TaskEnded
from tests.integration.config.conftest import Clock, Definitions, pipeline
from tests.integration.config.world import World, whole_run

AT: dict[str, Any] = {"seq": 0, "at": 0.0}
UNDO = RollbackStarted(
    **AT, stage="Deploy", task="Apply", pipeline="Undo", execution_id="undo-1", input={"DOCKER_TAG": "1.4.0"}
)
PARKED = RunParked(**AT, reason="waiting")


@pytest.fixture
def world(store: Store, clock: Clock, definitions: Definitions) -> World:
    rollbacks = [{"name": "Undo", "stage": "Deploy", "task": "Apply", "inputs": {"DOCKER_TAG": "1.4.0"}}]
    definitions.pipelines["Deploy web"] = pipeline(rollbacks=rollbacks)
    definitions.pipelines["Undo"] = pipeline("Undo")
    return World(store, clock, definitions)


def failed(world: World, *more: Any) -> str:
    """A run whose last task failed and that asks for its rollback."""
    run_id = world.hook().execution_id or ""
    world.take(run_id)
    apply = TaskEnded(**AT, stage="Deploy", task="Apply", status=Status.FAILED, message="no disk")
    world.report(run_id, *whole_run()[:9], apply, *more)
    return run_id


def test_a_rollback_runs_with_its_inputs_and_its_end_wakes_the_run_that_failed(world: World) -> None:
    run_id = failed(world, UNDO, PARKED)
    assert world.run(run_id).status_message == "Rolling back with Undo"
    undo = world.shown("undo-1")
    assert (undo["name"], undo["_rollback"], undo["_nested"], undo["_parent"]) == ("Undo", True, False, run_id)
    assert undo["input"]["DOCKER_TAG"] == "1.4.0"
    assert undo["comments"] == "Rollback of Deploy web #1, Deploy.Apply"
    assert undo["_executedBy"] == "ann"

    world.finish("undo-1")
    answer = world.take(run_id, dispatch=2, take_id="t2")
    (said,) = [one.event for one in answer.history if isinstance(one.event, TaskAnswered)]
    assert said.answer["executionStatus"] == "COMPLETED"
    ended = StageEnded(**AT, stage="Deploy", status=Status.FAILED, message="Apply: no disk")
    world.report(run_id, ended, RunEnded(**AT, status=Status.FAILED, message="Deploy.Apply: no disk"), attempt=2)

    task = world.shown(run_id)["stages"]["Deploy"]["tasks"]["Apply"]
    assert task["rollbackConfiguration"]["name"] == "Undo"
    assert task["rollbackResponse"] == {
        "_link": "/codestream/api/executions/undo-1",
        "index": 1,
        "name": "Undo",
        "output": {},
        "status": "COMPLETED",
        "statusMessage": "Execution Completed.",
    }


def test_a_secret_of_the_run_that_failed_reaches_its_rollback_sealed(world: World) -> None:
    box = Sealed(key_id="k", box="Ym94")
    masked = UNDO.model_copy(update={"input": {"DOCKER_TAG": "*****"}, "sealed": {"DOCKER_TAG": box}})
    failed(world, masked, PARKED)
    assert world.shown("undo-1")["input"]["DOCKER_TAG"] == "*****"
    answer = world.take("undo-1")
    assert (answer.inputs["DOCKER_TAG"], answer.sealed_inputs) == ("*****", {"DOCKER_TAG": box})


def test_while_a_rollback_works_nobody_else_of_its_lane_does(world: World) -> None:
    run_id = failed(world, UNDO, PARKED)
    newer = world.hook("d2", "1.5.0").execution_id or ""
    assert world.run(newer).holding.state is State.QUEUED
    assert world.shown(newer)["statusMessage"] == "Waits until #1 of Deploy web is over."
    world.finish("undo-1")
    assert world.run(newer).holding.state is State.QUEUED
    world.finish(run_id, Status.FAILED)
    assert world.run(newer).holding.state is State.DISPATCHED


@pytest.mark.parametrize(
    ("name", "change", "why"),
    [
        ("Gone", {}, "project default has no pipeline Gone"),
        ("Undo", {"input": {}}, "the pipeline has no input DOCKER_TAG"),
        ("Undo", {"_inputMeta": {"DOCKER_TAG": {"mandatory": True}}}, ""),
    ],
)
def test_a_rollback_that_cannot_start_is_answered_at_once_with_the_reason(
    world: World, name: str, change: dict[str, Any], why: str
) -> None:
    world.definitions.pipelines["Undo"] = pipeline("Undo", **change)
    run_id = failed(world, UNDO.model_copy(update={"pipeline": name}), PARKED)
    task = world.shown(run_id)["stages"]["Deploy"]["tasks"]["Apply"]
    if why:
        assert world.run(run_id).holding.state is State.DISPATCHED
        assert task["rollbackResponse"]["status"] == "FAILED"
        assert why in task["rollbackResponse"]["statusMessage"]
    else:
        assert world.run(run_id).holding.state is State.PARKED


def test_a_pipeline_that_is_its_own_rollback_comes_to_an_end(world: World) -> None:
    run_id = failed(world, UNDO.model_copy(update={"pipeline": "Deploy web"}), PARKED)
    last, depth = "undo-1", 1
    while world.run(last).holding.state is State.DISPATCHED:
        depth += 1
        world.take(last)
        again = UNDO.model_copy(update={"pipeline": "Deploy web", "execution_id": f"undo-{depth}"})
        world.report(last, again, PARKED)
        if world.run(last).holding.state is State.DISPATCHED:
            break
        last = f"undo-{depth}"
    assert depth == 10
    answer = world.shown(last)["stages"]["Deploy"]["tasks"]["Apply"]["rollbackResponse"]
    assert "nested 10 deep" in answer["statusMessage"]
    assert world.run(run_id).holding.state is State.PARKED


def test_cancelling_a_run_cancels_its_rollback(world: World) -> None:
    run_id = failed(world, UNDO, PARKED)
    with world.store.write() as uow, RunBatch(uow) as movement:
        run = movement.run(run_id)
        assert run is not None
        movement.apply(run, intend(run.holding, Intent.CANCEL, uow.now))
    assert world.run(run_id).status is Status.CANCELED
    assert world.run("undo-1").status is Status.CANCELED
    assert world.shown(run_id)["stages"]["Deploy"]["tasks"]["Apply"]["rollbackResponse"]["status"] == "CANCELED"
