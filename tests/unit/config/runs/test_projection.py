"""From events to what people see."""

from __future__ import annotations

from functools import reduce
from typing import Any

from services.config.runs.projection import RunSummary, stages, summarize
from shared.contracts.history import (
    Event,
    Output,
    Recorded,
    RunEnded,
    RunParked,
    RunStarted,
    StageEnded,
    StageStarted,
    Status,
    TaskEnded,
    TaskStarted,
    TaskWaiting,
)
from shared.grammar.pipelines import read_pipeline
from shared.grammar.plan import Plan, compile_plan
from shared.grammar.progress import fold

AT: dict[str, Any] = {"seq": 1, "at": 10.0}


def plan() -> Plan:
    one = {"type": "Condition", "input": {"condition": "1 == 1"}}
    return compile_plan(
        read_pipeline(
            {
                "name": "Deploy web",
                "stageOrder": ["Build", "Go live"],
                "stages": {
                    "Build": {"taskOrder": ["A,B", "C"], "tasks": {"A": one, "B": one, "C": one}},
                    "Go live": {"taskOrder": ["D"], "tasks": {"D": {**one, "preCondition": "${input.x} == 1"}}},
                },
            }
        )
    )


def glance(*events: Event) -> RunSummary:
    return reduce(lambda seen, event: summarize(seen, event, 100.0), events, RunSummary())


def test_the_message_follows_the_stages_and_ends_with_the_run() -> None:
    assert glance(RunStarted(**AT), StageStarted(stage="Build", **AT)).message == "Executing Build"
    ended = glance(RunStarted(**AT), RunEnded(status=Status.COMPLETED, **AT))
    assert (ended.status, ended.message, ended.ended_at) == (Status.COMPLETED, "Execution Completed.", 100.0)
    failed = glance(
        RunEnded(status=Status.FAILED, message="Build.A: no", **AT), RunEnded(status=Status.COMPLETED, **AT)
    )
    assert (failed.status, failed.message) == (Status.FAILED, "Build.A: no")


def test_a_parked_run_waits_and_says_for_what() -> None:
    waiting = TaskWaiting(stage="Build", task="A", reason="approval", message="Deploy 1.4?", **AT)
    seen = glance(RunStarted(**AT), waiting, RunParked(reason="waiting", **AT))
    assert (seen.status, seen.message) == (Status.WAITING, "Build.A: Deploy 1.4?")
    assert glance(RunStarted(**AT), RunParked(reason="paused", **AT)).status is Status.PAUSED


def test_the_wire_shows_every_stage_and_task_with_ids_durations_and_messages() -> None:
    events: list[Event] = [
        StageStarted(stage="Build", **AT),
        TaskStarted(stage="Build", task="A", input={"condition": "true"}, seq=2, at=10.0),
        TaskEnded(stage="Build", task="A", status=Status.COMPLETED, output=Output(view={"x": 1}), seq=3, at=12.5),
        TaskStarted(stage="Build", task="B", seq=4, at=12.0),
        TaskEnded(stage="Build", task="B", status=Status.FAILED, message="no", seq=5, at=13.0),
        StageEnded(stage="Build", status=Status.FAILED, message="B: no", seq=6, at=13.0),
    ]
    shape = plan()
    state = fold(shape, [Recorded(attempt=1, event=event) for event in events])
    wire = stages("run-1", shape, state, 20.0)
    assert list(wire) == ["Build", "Go live"]
    assert wire["Build"]["taskOrder"] == ["A,B", "C"]
    first = wire["Build"]["tasks"]["A"]
    assert first["id"] == "run-1~0.0"
    assert first["_durationInMicros"] == 2_500_000
    assert (first["statusMessage"], first["output"]) == ("Execution Completed.", {"x": 1})
    second = wire["Build"]["tasks"]["B"]
    assert (second["status"], second["failureMessage"]) == ("FAILED", "no")
    later = wire["Go live"]["tasks"]["D"]
    assert (later["id"], later["status"], later["_durationInMicros"]) == ("run-1~1.0", "NOT_STARTED", 0)
    assert later["preCondition"] == "${input.x} == 1"
