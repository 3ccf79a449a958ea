"""Runs that wait: for an approval, for a nested run, or paused."""

from __future__ import annotations

import pytest

from services.config.model.claims import State
from services.config.model.people import SYSTEM
from services.config.resources.executions import Executions
from services.config.resources.user_operations import UserOperations
from services.config.runs import admission
from services.config.runs.effects import DUE
from services.config.runtime.timers import Timers
from services.config.store import Store
from shared.contracts.base import Sealed
from shared.contracts.catalog import Act, Find, Kind
from shared.contracts.history import (
    RunParked,
    RunStarted,
    StageStarted,
    Status,
    TaskAnswered,
    TaskEnded,
    TaskStarted,
    TaskWaiting,
)
from shared.contracts.problems import Refused
from shared.contracts.runs import StartNested
from tests.integration.config.conftest import Clock, Definitions, pipeline
from tests.integration.config.world import World

AT = {"seq": 0, "at": 0.0}


@pytest.fixture
def world(store: Store, clock: Clock, definitions: Definitions) -> World:
    return World(store, clock, definitions)


def park_for_approval(world: World) -> str:
    run_id = world.hook().execution_id or ""
    world.take(run_id)
    world.report(
        run_id,
        RunStarted(**AT),
        StageStarted(stage="Build", **AT),
        TaskStarted(stage="Build", task="Check", **AT),
        TaskWaiting(
            stage="Build",
            task="Check",
            reason="approval",
            message="Deploy 1.4.1?",
            ask={"approvers": ["ann"], "summary": "Deploy 1.4.1?", "quorum": 1},
            **AT,
        ),
        RunParked(reason="waiting", **AT),
    )
    return run_id


def test_an_approval_waits_without_a_place_and_its_answer_wakes_the_run(world: World) -> None:
    run_id = park_for_approval(world)
    run = world.run(run_id)
    assert (run.status, run.holding.state) == (Status.WAITING, State.PARKED)
    assert run.status_message == "Build.Check: Deploy 1.4.1?"
    assert world.hook("d2", "1.5").verdict == "started"
    world.finish(world.delivery("d2").execution_id or "")

    kind = UserOperations()
    with world.store.write() as uow:
        (asked,) = kind.find(uow, SYSTEM, Find(kind=Kind.USER_OPERATIONS, filter="status eq 'ACTIVE'")).documents
        body = {"status": "Approved", "responseMessage": "go"}
        answered = kind.act(uow, SYSTEM, Act(kind=Kind.USER_OPERATIONS, verb="patch", id=asked["id"], body=body))
    assert (answered.document["status"], answered.document["respondedBy"]) == ("Approved", "system")
    with pytest.raises(Refused), world.store.write() as uow:
        kind.act(uow, SYSTEM, Act(kind=Kind.USER_OPERATIONS, verb="reject", id=asked["id"]))
    run = world.run(run_id)
    assert run.holding.state is State.DISPATCHED
    history = world.take(run_id, "r2", dispatch=run.holding.dispatch, take_id="b").history
    event = history[-1].event
    assert isinstance(event, TaskAnswered)
    assert event.answer["status"] == "Approved" and event.try_number == 1


def test_a_cancelled_run_closes_its_questions(world: World) -> None:
    run_id = park_for_approval(world)
    with world.store.write() as uow:
        Executions().act(uow, SYSTEM, Act(kind=Kind.EXECUTIONS, verb="cancel", id=run_id, body={"reason": "no"}))
        found = UserOperations().find(uow, SYSTEM, Find(kind=Kind.USER_OPERATIONS)).documents
    assert [one["status"] for one in found] == ["CANCELED"]
    assert world.run(run_id).status is Status.CANCELED


def nested(world: World) -> tuple[str, str]:
    """A run that waits, for a minute at most, for one that it has started: its id, and the other's."""
    parent = world.hook().execution_id or ""
    world.take(parent)
    world.report(
        parent,
        RunStarted(**AT),
        StageStarted(stage="Build", **AT),
        TaskStarted(stage="Build", task="Check", **AT),
        TaskStarted(stage="Build", task="Scan", **AT),
        TaskWaiting(stage="Build", task="Check", reason="nested", **AT),
        RunParked(reason="waiting", due_at=world.clock() + 60, **AT),
    )
    child_pipeline = pipeline("Child")
    ask = nested_ask(1, parent)
    unknown = ask.model_copy(update={"inputs": {"DOCKER_TAGG": "1"}})
    with world.store.write() as uow:
        with pytest.raises(Refused, match=r"has no input DOCKER_TAGG \(did you mean DOCKER_TAG\?\)"):
            admission.start_nested(uow, child_pipeline, SYSTEM, unknown)
        started = admission.start_nested(uow, child_pipeline, SYSTEM, ask)
        assert admission.start_nested(uow, child_pipeline, SYSTEM, ask) == started
    return parent, started.execution_id


def nested_ask(number: int, parent: str) -> StartNested:
    return StartNested(
        execution_id=f"6f1f2d9e-0000-4000-8000-00000000010{number}",
        project="default",
        pipeline="Child",
        inputs={"DOCKER_TAG": "1"},
        parent=parent,
        stage="Build",
        task="Check",
        requested_by="ann",
    )


def test_runs_within_one_run_are_bounded_in_number_at_whatever_depth(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admission, "MAX_DESCENDANTS", 3)
    top, first = nested(world)
    child_pipeline = pipeline("Child")

    def start(number: int, parent: str) -> str:
        with world.store.write() as uow:
            return admission.start_nested(uow, child_pipeline, SYSTEM, nested_ask(number, parent)).execution_id

    second = start(2, first)
    third = start(3, top)
    for parent in (top, second, third):
        with pytest.raises(Refused, match="3 runs came of one run already"):
            start(4, parent)
    assert start(3, top) == third
    elsewhere = world.hook("d9", "9.9").execution_id or ""
    start(5, elsewhere)


def test_a_nested_runs_end_answers_its_parent(world: World) -> None:
    parent, child = nested(world)
    box = Sealed(key_id="k", box="Ym94")
    world.finish(child, output={"token": "*****"}, sealed={"token": box})
    assert world.run(parent).holding.state is State.DISPATCHED
    answer = world.take(parent, "r2", dispatch=2, take_id="b").history[-1].event
    assert isinstance(answer, TaskAnswered)
    assert answer.answer["executionStatus"] == "COMPLETED"
    assert answer.answer["outputProperties"] == {"token": "*****"}
    assert answer.answer["sealedProperties"] == {"token": box.model_dump()}


@pytest.mark.parametrize(("task", "status"), [("Scan", Status.NOT_STARTED), ("Check", Status.CANCELED)])
def test_a_nested_run_is_cancelled_with_the_task_that_waits_for_it_alone(
    world: World, clock: Clock, task: str, status: Status
) -> None:
    parent, child = nested(world)
    clock.advance(61)
    Timers(world.store, {DUE: world.ledger.due}).fire()
    attempt = world.take(parent, "r2", dispatch=2, take_id="b").attempt
    late = TaskEnded(stage="Build", task=task, status=Status.FAILED, message="It did not come in time.", **AT)
    world.report(parent, late, attempt=attempt, runner="r2")
    assert world.run(child).status is status


def test_pause_parks_an_untaken_run_and_resume_brings_it_back(world: World) -> None:
    run_id = world.hook().execution_id or ""
    kind = Executions()
    with world.store.write() as uow:
        paused = kind.act(uow, SYSTEM, Act(kind=Kind.EXECUTIONS, verb="pause", id=run_id)).document
    assert paused["status"] == "PAUSED"
    with world.store.write() as uow:
        resumed = kind.act(uow, SYSTEM, Act(kind=Kind.EXECUTIONS, verb="resume", id=run_id)).document
    assert resumed["status"] == "RESUMING"
    assert world.take(run_id, dispatch=world.run(run_id).holding.dispatch).taken
