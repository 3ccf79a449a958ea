"""The fold of a history: what each event means, and that only the set of events counts."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from shared.contracts.history import Event, Recorded, Status
from shared.grammar.pipelines import read_pipeline
from shared.grammar.plan import Plan, compile_plan
from shared.grammar.progress import advance, fold
from shared.grammar.states import RunState, facts
from tests.support.examples import share

PLAN: Plan = compile_plan(
    read_pipeline(
        {
            "name": "Deploy web",
            "stageOrder": ["Dev", "Prod"],
            "stages": {
                "Dev": {
                    "taskOrder": ["Build,Test", "Check"],
                    "tasks": {n: {"type": "Log"} for n in ("Build", "Test", "Check")},
                },
                "Prod": {"taskOrder": ["Approve"], "tasks": {"Approve": {"type": "UserOperation"}}},
            },
        }
    )
)
EVENT: TypeAdapter[Event] = TypeAdapter(Event)


def history(*events: dict[str, Any], attempt: int = 1, first: int = 1) -> list[Recorded]:
    """Events numbered in the order given, a second apart."""
    return [
        Recorded(attempt=attempt, event=EVENT.validate_python({"seq": seq, "at": 100.0 + seq, **event}))
        for seq, event in enumerate(events, start=first)
    ]


def task(kind: str, name: str = "Build", stage: str = "Dev", **more: Any) -> dict[str, Any]:
    return {"type": f"task.{kind}", "stage": stage, "task": name, **more}


STARTED = {"type": "run.started"}
DEV = {"type": "stage.started", "stage": "Dev"}


def test_nothing_has_happened_before_the_first_event() -> None:
    state = fold(PLAN, [])
    assert state.status is Status.NOT_STARTED
    assert [(stage.name, task.name, task.index, task.status) for stage, task in state.tasks] == [
        ("Dev", "Build", 0, "NOT_STARTED"),
        ("Dev", "Test", 1, "NOT_STARTED"),
        ("Dev", "Check", 2, "NOT_STARTED"),
        ("Prod", "Approve", 0, "NOT_STARTED"),
    ]


def test_a_running_task_has_its_input_handle_and_progress() -> None:
    state = fold(
        PLAN,
        history(
            STARTED,
            DEV,
            task("started", input={"a": 1}),
            task("handle", handle={"uid": "x"}),
            task("progress", message="2 of 3 ready", data={"ready": 2}),
        ),
    )
    one = state.task("Dev", "Build")
    assert (one.status, one.try_number, one.input, one.handle) == (Status.RUNNING, 1, {"a": 1}, {"uid": "x"})
    assert (one.message, one.progress, one.started_at) == ("2 of 3 ready", {"ready": 2}, 103.0)
    assert (state.status, state.message, state.started_at) == (Status.RUNNING, "Executing Dev", 101.0)


def test_a_run_that_completed_says_so_with_its_output() -> None:
    state = fold(PLAN, history(STARTED, {"type": "run.ended", "status": "COMPLETED", "output": {"url": "x"}}))
    assert (state.status, state.message, state.output, state.ended_at) == (
        Status.COMPLETED,
        "Execution Completed.",
        {"url": "x"},
        102.0,
    )


def test_a_new_try_starts_clean_and_keeps_the_earlier_one() -> None:
    state = fold(
        PLAN,
        history(
            task("started"),
            task("handle", handle={"uid": "x"}),
            task("ended", status="FAILED", message="no"),
            task("waiting", reason="retry", due_at=500.0, message="tries again"),
            task("started", try_number=2),
        ),
    )
    one = state.task("Dev", "Build")
    assert (one.status, one.try_number, one.handle, one.waiting) == (Status.RUNNING, 2, None, None)
    assert (one.started_at, one.try_started_at) == (101.0, 105.0)
    assert [(was.number, was.status, was.message, was.started_at, was.ended_at) for was in one.earlier] == [
        (1, Status.FAILED, "no", 101.0, 103.0)
    ]


def test_what_an_older_try_says_late_changes_nothing() -> None:
    events = history(task("started"), task("started", try_number=2))
    late = history(task("ended", status="FAILED", message="late"), first=3)
    assert fold(PLAN, events + late).task("Dev", "Build") == fold(PLAN, events).task("Dev", "Build")


def test_the_first_end_of_a_task_counts() -> None:
    state = fold(
        PLAN,
        history(task("started"), task("ended", status="COMPLETED"), task("ended", status="FAILED"), task("started")),
    )
    assert state.task("Dev", "Build").status is Status.COMPLETED


def test_a_skipped_task_ends_without_having_started() -> None:
    one = fold(PLAN, history(task("ended", status="SKIPPED", message="condition is false"))).task("Dev", "Build")
    assert (one.status, one.started_at, one.message) == (Status.SKIPPED, None, "condition is false")


def test_an_approval_waits_and_its_answer_is_noted() -> None:
    asked = history(
        STARTED,
        {"type": "stage.started", "stage": "Prod"},
        task("started", "Approve", "Prod"),
        task("waiting", "Approve", "Prod", reason="approval", message="ann or bob", ask={"approvers": ["ann"]}),
        {"type": "run.parked", "reason": "waiting"},
    )
    state = fold(PLAN, asked)
    assert (state.status, state.message) == (Status.WAITING, "Prod.Approve: ann or bob")
    answer = history(task("answered", "Approve", "Prod", answer={"status": "Approved"}), attempt=0)
    state = advance(state, answer)
    assert state.task("Prod", "Approve").answers == ({"status": "Approved"},)
    assert state.status is Status.WAITING
    state = advance(state, history(task("ended", "Approve", "Prod", status="COMPLETED"), attempt=2))
    assert (state.status, state.parked) == (Status.RUNNING, None)
    assert state.task("Prod", "Approve").waiting is None


def test_an_answer_to_an_earlier_try_is_not_taken_for_one_to_this_try() -> None:
    events = history(task("started", "Approve", "Prod", try_number=2))
    answers = history(
        task("answered", "Approve", "Prod", try_number=1, answer={"n": 1}),
        task("answered", "Approve", "Prod", try_number=2, answer={"n": 2}),
        attempt=0,
    )
    assert fold(PLAN, events + answers).task("Prod", "Approve").answers == ({"n": 2},)


@pytest.mark.parametrize("reason", ["nested", "registry"])
def test_a_task_whose_work_goes_on_elsewhere_counts_as_running(reason: str) -> None:
    state = fold(PLAN, history(task("started"), task("waiting", reason=reason)))
    assert state.task("Dev", "Build").status is Status.RUNNING


def test_a_pause_parks_and_the_next_attempt_goes_on() -> None:
    events = history(STARTED, DEV, {"type": "run.parked", "reason": "paused"})
    assert fold(PLAN, events).status is Status.PAUSED
    assert fold(PLAN, events + history(task("started"), attempt=2)).status is Status.RUNNING


def test_an_end_that_the_ledger_decides_ends_what_was_under_way_and_nothing_else() -> None:
    events = history(STARTED, DEV, task("started"), task("started", "Test"), task("ended", "Test", status="COMPLETED"))
    ledger = history({"type": "run.ended", "status": "FAILED", "message": "the runner died three times"}, attempt=0)
    state = fold(PLAN, ledger + events)
    statuses = {task.name: task.status.value for _, task in state.tasks}
    assert statuses == {"Build": "FAILED", "Test": "COMPLETED", "Check": "NOT_STARTED", "Approve": "NOT_STARTED"}
    assert (state.stages["Dev"].status, state.status) == (Status.FAILED, Status.FAILED)
    assert state.message == "the runner died three times"


def test_after_the_end_of_a_run_nothing_counts() -> None:
    over = history(STARTED, {"type": "run.ended", "status": "CANCELED"})
    assert fold(PLAN, over + history(DEV, task("started"), attempt=2)).status is Status.CANCELED


def test_unknown_stages_and_tasks_are_ignored() -> None:
    known = history(STARTED, DEV)
    unknown = history(
        task("started", "Nope"),
        {"type": "stage.ended", "stage": "Nope", "status": "FAILED"},
        task("started", "Build", "Nope"),
        first=3,
    )
    assert fold(PLAN, known + unknown).stages == fold(PLAN, known).stages


def test_facts_speak_of_every_task() -> None:
    state = fold(PLAN, history(task("started"), task("ended", status="COMPLETED", output={"view": {"token": "*****"}})))
    told = facts(state)
    assert told["Dev"]["Build"]["output"] == {"token": "*****"}
    assert told["Dev"]["Build"]["status"] == "COMPLETED"
    assert told["Prod"]["Approve"] == {"status": "NOT_STARTED", "message": "", "input": {}, "output": {}}


_places = st.sampled_from([("Dev", "Build"), ("Dev", "Test"), ("Prod", "Approve"), ("Dev", "Nope"), ("Nope", "Build")])
_tries = st.integers(1, 3)
_ends = st.sampled_from(["COMPLETED", "FAILED", "CANCELED", "SKIPPED"])
_events: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.just(STARTED),
    st.builds(lambda p: {"type": "stage.started", "stage": p[0]}, _places),
    st.builds(lambda p, s: {"type": "stage.ended", "stage": p[0], "status": s}, _places, _ends),
    st.builds(lambda p, n: task("started", p[1], p[0], try_number=n), _places, _tries),
    st.builds(lambda p, n: task("handle", p[1], p[0], try_number=n, handle={"n": n}), _places, _tries),
    st.builds(lambda p, n: task("progress", p[1], p[0], try_number=n, message=f"try {n}"), _places, _tries),
    st.builds(
        lambda p, n, r: task("waiting", p[1], p[0], try_number=n, reason=r),
        _places,
        _tries,
        st.sampled_from(["approval", "retry", "restricted", "nested"]),
    ),
    st.builds(lambda p, n, s: task("ended", p[1], p[0], try_number=n, status=s), _places, _tries, _ends),
    st.builds(lambda r: {"type": "run.parked", "reason": r}, st.sampled_from(["paused", "waiting"])),
    st.builds(lambda s: {"type": "run.ended", "status": s}, _ends),
)
_answers = st.builds(
    lambda p, n: task("answered", p[1], p[0], try_number=n, answer={"n": n}), _places, st.none() | _tries
)


@st.composite
def histories(draw: st.DrawFn) -> list[Recorded]:
    """Up to three attempts of a runner, and what the ledger adds."""
    recorded: list[Recorded] = []
    for attempt in range(1, draw(st.integers(1, 3)) + 1):
        recorded += history(*draw(st.lists(_events, max_size=12)), attempt=attempt)
    return recorded + history(*draw(st.lists(_answers, max_size=4)), attempt=0)


@settings(max_examples=share(40), deadline=None)
@given(histories(), st.randoms(use_true_random=False))
def test_shuffled_and_repeated_events_give_the_same_state(recorded: list[Recorded], chance: random.Random) -> None:
    mixed = recorded + [one for one in recorded if chance.random() < 0.4]
    chance.shuffle(mixed)
    assert fold(PLAN, mixed) == fold(PLAN, recorded)


@settings(max_examples=share(40), deadline=None)
@given(histories(), st.randoms(use_true_random=False))
def test_folding_in_pieces_gives_the_same_state_whenever_answers_come(
    recorded: list[Recorded], chance: random.Random
) -> None:
    runners = [one for one in recorded if one.attempt > 0]
    answers = [one for one in recorded if one.attempt == 0]
    state: RunState = fold(PLAN, [])
    while runners or answers:
        piece: list[Recorded] = []
        for source in (runners, answers):
            for _ in range(chance.randint(0, 3)):
                if source:
                    piece.append(source.pop(0))
        state = advance(state, piece + piece)
    assert state == fold(PLAN, recorded)


@settings(max_examples=share(15), deadline=None)
@given(histories())
def test_a_state_survives_json(recorded: list[Recorded]) -> None:
    state = fold(PLAN, recorded)
    adapter = TypeAdapter(RunState)
    assert adapter.validate_json(adapter.dump_json(state)) == state
