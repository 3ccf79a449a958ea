"""What a run that begins where another failed need not do again."""

from __future__ import annotations

from typing import Any

import pytest

from services.config.runs.reruns import kept_tasks
from shared.contracts.base import Sealed
from shared.contracts.history import Output, Recorded, StageEnded, Status, TaskEnded, TaskStarted
from shared.contracts.problems import Refused
from shared.grammar.pipelines import read_pipeline
from shared.grammar.plan import Plan, compile_plan
from shared.grammar.progress import fold
from shared.grammar.states import RunState

SEALED = Sealed(key_id="k", box="Ym94")
DONE, FAILED, SKIPPED, CANCELED = Status.COMPLETED, Status.FAILED, Status.SKIPPED, Status.CANCELED


def plan(build: str = "A,B C", deploy: str = "D E", **types: str) -> Plan:
    def stage(order: str) -> dict[str, Any]:
        names = order.replace(",", " ").split()
        tasks = {name: {"type": types.get(name, "Log"), "ignoreFailure": name == "B"} for name in names}
        return {"taskOrder": order.split(), "tasks": tasks}

    stages = {"Build": stage(build), "Deploy": stage(deploy), "Tell": stage("F")}
    return compile_plan(read_pipeline({"name": "x", "stageOrder": list(stages), "stages": stages}))


def state(**ended: Status) -> RunState:
    """The tasks that ended, each with an output of its own name; a stage ended well when all its tasks did."""
    events: list[Any] = []
    for stage in plan().stages:
        for task in stage.tasks:
            if task.name in ended:
                output = Output(view={"from": task.name})
                place = {"stage": stage.name, "task": task.name}
                events.append(TaskStarted(seq=0, at=4.0, input={"pw": "*****"}, sealed=SEALED, **place))
                events.append(TaskEnded(seq=0, at=5.0, status=ended[task.name], output=output, **place))
        if all(task.name in ended for task in stage.tasks):
            well = all(ended[task.name] in (DONE, SKIPPED) or task.ignore_failure for task in stage.tasks)
            events.append(StageEnded(seq=0, at=5.0, stage=stage.name, status=DONE if well else FAILED))
    numbered = [one.model_copy(update={"seq": seq}) for seq, one in enumerate(events, 1)]
    return fold(plan(), [Recorded(attempt=1, event=event) for event in numbered])


BROKE_IN_E = {"A": DONE, "B": FAILED, "C": SKIPPED, "D": DONE, "E": FAILED}

CASES = [
    ("from the failed task on, its good neighbours kept", BROKE_IN_E, "failed", "ABCD"),
    ("from a stage on, nothing of it kept", BROKE_IN_E, "Deploy", "ABC"),
    ("from a task on", BROKE_IN_E, "Deploy.E", "ABCD"),
    ("from an earlier task of that stage", BROKE_IN_E, "Deploy.D", "ABC"),
    ("from a task of a group, the others of the group kept", BROKE_IN_E, "Build.A", "B"),
    ("from a task behind a group", BROKE_IN_E, "Build.C", "AB"),
    ("from the first stage on", BROKE_IN_E, "Build", ""),
    ("a group with one failure runs only that one again", {"A": FAILED, "B": DONE}, "failed", "B"),
    ("a cancelled run", {"A": DONE, "B": DONE, "C": CANCELED}, "failed", "AB"),
]


@pytest.mark.parametrize(("ended", "since", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_what_is_kept(ended: dict[str, Status], since: str, expected: str) -> None:
    found = kept_tasks("run-1", plan(), state(**ended), plan(), since)
    assert "".join(one.task for one in found) == expected
    assert all(one.output.view == {"from": one.task} and one.execution_id == "run-1" for one in found)
    assert all((one.input, one.sealed) == ({"pw": "*****"}, SEALED) for one in found)


REFUSED = [
    ("no such place", BROKE_IN_E, "Deploi", plan(), "no stage or task 'Deploi'"),
    ("nothing failed", dict.fromkeys("ABCDEF", DONE), "failed", plan(), "Every stage completed"),
    ("something before it failed", {"A": FAILED, "B": DONE}, "Deploy", plan(), "Build.A did not end well"),
    ("something before it never ran", {"A": DONE}, "Deploy", plan(), "Build.B did not end well"),
    ("a stage before it changed", BROKE_IN_E, "Deploy", plan(build="A,B C G"), "Stage Build of the pipeline is not"),
    ("a task before it has another type", BROKE_IN_E, "Deploy", plan(A="REST"), "Stage Build of the pipeline is not"),
    ("a kept neighbour is gone", BROKE_IN_E, "failed", plan(deploy="E"), "Stage Deploy of the pipeline is not"),
]


@pytest.mark.parametrize(("ended", "since", "now", "why"), [c[1:] for c in REFUSED], ids=[c[0] for c in REFUSED])
def test_what_is_refused(ended: dict[str, Status], since: str, now: Plan, why: str) -> None:
    with pytest.raises(Refused) as refused:
        kept_tasks("run-1", plan(), state(**ended), now, since)
    assert why in str(refused.value)
    assert refused.value.problem.next_step


def test_the_stage_in_which_it_begins_may_have_been_mended() -> None:
    found = kept_tasks("run-1", plan(), state(**BROKE_IN_E), plan(deploy="D X E", E="REST"), "failed")
    assert [one.task for one in found] == ["A", "B", "C", "D"]


def test_what_was_kept_before_still_says_who_did_it() -> None:
    once = kept_tasks("run-1", plan(), state(**BROKE_IN_E), plan(), "failed")
    numbered = [one.model_copy(update={"seq": seq}) for seq, one in enumerate(once, 1)]
    later = [TaskEnded(seq=1, at=9.0, stage="Deploy", task="E", status=FAILED)]
    history = [Recorded(attempt=0, event=one) for one in numbered] + [Recorded(attempt=1, event=one) for one in later]
    ends = [Recorded(attempt=1, event=StageEnded(seq=2, at=9.0, stage="Build", status=DONE))]
    again = kept_tasks("run-2", plan(), fold(plan(), history + ends), plan(), "failed")
    assert {one.execution_id for one in again} == {"run-1"}
