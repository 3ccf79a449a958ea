"""Runs whose events or inputs are large, deep or broken: each is told of itself alone, and no list is lost by one."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import text

from services.config.model.claims import State
from services.config.model.people import SYSTEM
from services.config.resources.dead_letters import keep_letter
from services.config.resources.dispatch import ResourceDispatcher
from services.config.store import Store
from shared.bus import DeadLetter, wire
from shared.contracts import topics
from shared.contracts.base import Message, Sealed
from shared.contracts.bounds import MAX_EVENT_BYTES, MAX_MESSAGE_BYTES
from shared.contracts.catalog import Find, Get, Kind
from shared.contracts.envelope import Caller
from shared.contracts.history import Output, Status, TaskEnded, TaskStarted
from shared.contracts.runs import ExecutionChanged, Report
from shared.grammar.cutting import CUT_MARK, has_cut
from tests.integration.config.conftest import Clock, Definitions, pipeline
from tests.integration.config.world import World, whole_run


@pytest.fixture
def world(store: Store, clock: Clock, definitions: Definitions) -> World:
    return World(store, clock, definitions)


AT: dict[str, Any] = {"seq": 0, "at": 0.0}
LARGE = "x" * 250_000


def nested(levels: int) -> Any:
    value: Any = []
    for _ in range(levels - 1):
        value = [value]
    return value


def desk(world: World) -> ResourceDispatcher:
    return ResourceDispatcher(world.store, {Kind.EXECUTIONS: world.executions}, lambda uow, caller: SYSTEM)


def listed(world: World) -> list[dict[str, Any]]:
    """The list as a gateway reads it off the wire."""
    page = desk(world).find(Find(kind=Kind.EXECUTIONS), Caller(user="ann"))
    return [dict(document) for document in travelled(topics.CATALOG_FIND, page).documents]


def shown(world: World, execution_id: str) -> dict[str, Any]:
    answer = desk(world).get(Get(kind=Kind.EXECUTIONS, id=execution_id), Caller(user="ann"))
    return dict(travelled(topics.CATALOG_GET, answer).document)


def travelled(topic: topics.Topic, answer: Message) -> Any:
    parcel = wire.pack_reply(topic, answer, source="test", subject="", request_id="1", correlation_id="1")
    read = wire.unpack_reply(topic, parcel.body)
    assert type(read) is type(answer), read
    return read


def wide(tasks: int) -> dict[str, Any]:
    task = {"type": "Condition", "input": {"condition": "1 == 1"}}
    names = [f"T{number}" for number in range(tasks)]
    return {
        "stageOrder": ["S"],
        "stages": {"S": {"taskOrder": [",".join(names)], "tasks": dict.fromkeys(names, task)}},
    }


def started(world: World, **tree: Any) -> str:
    world.definitions.pipelines["Deploy web"] = pipeline(supersede="parallel", **tree)
    run = world.hook().execution_id
    assert run is not None
    return run


def lose_the_holder(world: World) -> None:
    world.leases.tick(world.clock())
    for _ in range(12):
        world.clock.advance(1)
        world.leases.tick(world.clock())
        world.ledger.watch(connected=True)


def big_run(world: World, *, sealed: bool = False) -> str:
    """Forty tasks that brought 250 kB each, as a runner reports them."""
    run = started(world, **wide(40))
    assert world.take(run).taken
    box = Sealed(key_id="k", box="y" * 330_000) if sealed else None
    for number in range(40):
        begun = TaskStarted(stage="S", task=f"T{number}", input={"text": "z" * 20_000}, **AT)
        ended = TaskEnded(
            stage="S", task=f"T{number}", status=Status.COMPLETED, output=Output(view={"text": LARGE}, sealed=box), **AT
        )
        world.report(run, begun, ended, first=2 * number + 1)
    return run


@pytest.mark.parametrize("sealed", [False, True])
def test_a_list_carries_no_outputs_and_one_run_is_cut_to_what_an_answer_takes(world: World, sealed: bool) -> None:
    run = big_run(world, sealed=sealed)
    (row,) = listed(world)
    tasks = row["stages"]["S"]["tasks"]
    assert len(tasks) == 40 and all(task["status"] == "COMPLETED" for task in tasks.values())
    assert all(task["output"] == {} and task["input"] == {} for task in tasks.values())
    assert len(json.dumps(row)) < 100_000
    outputs = [task["output"] for task in shown(world, run)["stages"]["S"]["tasks"].values()]
    whole = [output for output in outputs if output == {"text": LARGE}]
    assert len(whole) > 5 and all(CUT_MARK in output for output in outputs if output not in whole)


def test_the_next_holder_is_given_all_events_and_as_many_outputs_as_a_message_takes(world: World) -> None:
    run = big_run(world, sealed=True)
    lose_the_holder(world)
    answer = world.take(run, runner="r2", dispatch=world.run(run).holding.dispatch, take_id="t2")
    assert answer.taken and len(answer.history) == 80
    assert len(travelled(topics.RUN_TAKE, answer).model_dump_json()) < MAX_MESSAGE_BYTES
    ends = [one.event for one in answer.history if isinstance(one.event, TaskEnded)]
    exact = [end for end in ends if end.output.sealed is not None]
    assert exact and all(has_cut(end.output.view) for end in ends if end not in exact)


def test_a_broadcast_of_many_outputs_leaves_them_out(world: World) -> None:
    run = started(world, **wide(8))
    assert world.take(run).taken
    ends = [
        TaskEnded(stage="S", task=f"T{n}", status=Status.COMPLETED, output=Output(view={"text": LARGE}), **AT)
        for n in range(8)
    ]
    world.report(run, *ends)
    news = [message for _, message, _ in world.said if isinstance(message, ExecutionChanged)][-1]
    assert [event.type for event in news.events] == ["task.ended"] * 8
    assert len(news.model_dump_json()) < 10_000


def test_an_event_of_an_old_runner_beyond_the_bound_is_kept_without_its_values(world: World) -> None:
    run = started(world)
    assert world.take(run).taken
    output = Output(view={"text": "x" * 900_000}, sealed=Sealed(key_id="k", box="y" * 1_200_000))
    world.report(
        run, *whole_run()[:4], TaskEnded(stage="Build", task="Check", status=Status.COMPLETED, output=output, **AT)
    )
    assert longest_event(world) < MAX_EVENT_BYTES
    task = shown(world, run)["stages"]["Build"]["tasks"]["Check"]
    assert task["status"] == "COMPLETED" and CUT_MARK in task["output"]


def longest_event(world: World) -> int:
    with world.store.read() as uow:
        return int(uow.session.execute(text("SELECT max(length(body)) FROM events")).scalar_one())


def overwrite(world: World, statement: str, **values: Any) -> None:
    """A row as an earlier release could leave it."""
    with world.store.write() as uow:
        uow.session.execute(text(statement), values)


def finished(world: World, run: str) -> str:
    assert world.take(run).taken
    world.report(run, *whole_run())
    return run


@pytest.mark.parametrize("levels", [193, 196, 400])
def test_a_run_with_inputs_too_deep_to_travel_takes_no_list_away(world: World, levels: int) -> None:
    good = finished(world, started(world))
    bad = world.hook("d2", "1.4.2").execution_id
    statement = "UPDATE executions SET input = :input WHERE id = :id"
    overwrite(world, statement, id=bad, input=json.dumps({"x": nested(levels), "y": "z"}))
    rows = {row["id"]: row for row in listed(world)}
    assert rows.keys() == {good, bad} and rows[bad]["input"]["y"] == "z"
    assert has_cut(shown(world, str(bad))["input"])
    answer = world.take(str(bad))
    assert answer.taken and has_cut(travelled(topics.RUN_TAKE, answer).inputs["x"])


@pytest.mark.parametrize("levels", [190, 400])
def test_a_run_with_an_output_too_deep_to_travel_takes_no_list_away(world: World, levels: int) -> None:
    good = finished(world, started(world))
    bad = str(world.hook("d2", "1.4.2").execution_id)
    finished(world, bad)
    ended = TaskEnded(stage="Build", task="Check", status=Status.COMPLETED, **AT).model_dump(mode="json")
    ended["output"]["view"] = {"deep": nested(levels)}
    statement = "UPDATE events SET body = :body, brief = NULL WHERE execution_id = :id AND position = 5"
    overwrite(world, statement, id=bad, body=json.dumps(ended))
    assert {row["id"] for row in listed(world)} == {good, bad}
    document = shown(world, bad)
    assert document["status"] == "COMPLETED"
    if levels == 400:
        assert "event 5 cannot be read" in document["_unreadable"]
    else:
        assert has_cut(document["stages"]["Build"]["tasks"]["Check"]["output"]["deep"])


def test_a_run_whose_history_cannot_be_read_fails_when_it_is_taken_and_others_go_on(world: World) -> None:
    bad, good = started(world), str(world.hook("d2", "1.4.2").execution_id)
    assert world.take(bad).taken and world.take(good).taken
    for run in (bad, good):
        world.report(run, *whole_run()[:5])
    overwrite(world, "UPDATE events SET body = '{' WHERE execution_id = :id AND position = 5", id=bad)
    lose_the_holder(world)
    answers = [world.take(run, runner="r2", dispatch=2, take_id="t2") for run in (bad, good)]
    assert [answer.taken for answer in answers] == [False, True]
    assert world.run(bad).status is Status.FAILED
    assert "No runner can continue with this run: event 5 cannot be read" in world.run(bad).status_message


def dead_report(execution_id: str, attempt: int, first_seq: int) -> DeadLetter:
    events = (TaskStarted(stage="Build", task="Check", seq=first_seq, at=0.0),)
    report = Report(execution_id=execution_id, attempt=attempt, runner="r1", events=events)
    parcel = wire.pack(topics.RUN_REPORT, report, source="portside/runner/r1", subject=execution_id)
    # As it died: nobody could read to its end.
    body = parcel.body[:-20] + b"[" * 300
    return DeadLetter(
        topics.LEDGER.name, "The body is not JSON", body, topics.RUN_REPORT.type, message_id=f"m{attempt}"
    )


@pytest.mark.parametrize(
    ("attempt", "first_seq", "state"),
    [
        pytest.param(1, 3, State.ENDED, id="the newest attempt"),
        pytest.param(0, 3, State.HELD, id="an older attempt"),
        pytest.param(1, 2, State.HELD, id="accepted out of another copy"),
    ],
)
def test_a_report_that_can_never_be_read_fails_its_run_and_no_other(
    world: World, attempt: int, first_seq: int, state: State
) -> None:
    run, other = started(world), str(world.hook("d2", "1.4.2").execution_id)
    assert world.take(run).taken and world.take(other).taken
    world.report(run, *whole_run()[:2])
    keep_letter(world.store, dead_report(run, attempt, first_seq))
    assert world.run(run).holding.state is state
    assert world.run(other).holding.state is State.HELD
    if state is State.ENDED:
        assert "A report of the runner cannot be read: The body is not JSON" in world.run(run).status_message
