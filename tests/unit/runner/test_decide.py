"""Tables of cases for `decide`: what stands in the history, and what is done next."""

from __future__ import annotations

from typing import Any

import pytest

from services.runner.engine import actions as a
from services.runner.engine import decide as d
from services.runner.task_protocol import Effect
from shared.contracts import history as h
from shared.contracts.history import Recorded, Status
from shared.contracts.runs import Directive
from shared.grammar.pipelines import read_pipeline
from shared.grammar.plan import compile_plan
from shared.grammar.progress import fold

from .conftest import do, pipeline

NOW = 1000.0
SEQUENCE = pipeline([[("A", do())], [("B", do())]], [[("C", do())]])
PARALLEL = pipeline([[("A", do()), ("B", do())], [("C", do())]])


class History:
    """Events in the order in which they are written down."""

    def __init__(self) -> None:
        self.events: list[Recorded] = []

    def __call__(self, kind: type[Any], at: float = NOW, **fields: Any) -> History:
        event = kind(seq=len(self.events) + 1, at=at, **fields)
        self.events.append(Recorded(attempt=1, event=event))
        return self

    def begun(self, at: float = NOW) -> History:
        """The run and its first stage."""
        return self(h.RunStarted, at)(h.StageStarted, at, stage="S0")

    def started(self, task: str, at: float = NOW, stage: str = "S0", number: int = 1) -> History:
        return self(h.TaskStarted, at, stage=stage, task=task, try_number=number)

    def ended(self, task: str, status: Status = Status.COMPLETED, stage: str = "S0", message: str = "") -> History:
        return self(h.TaskEnded, stage=stage, task=task, status=status, message=message)


def ask(
    tree: dict[str, Any],
    history: History,
    *,
    verdict: Directive = Directive.GO,
    now: float = NOW,
    live: tuple[str, ...] = (),
    ending: tuple[str, ...] = (),
    effect: Effect = Effect.ONCE,
    seen_at: float = NOW,
) -> d.Decision:
    plan = compile_plan(read_pipeline({"name": "demo", **tree}))
    return d.decide(
        d.View(
            plan=plan,
            state=fold(plan, history.events),
            verdict=verdict,
            now=now,
            effect=lambda _plan, _state: effect,
            live=frozenset(("S0", task) for task in live),
            ending=frozenset(("S0", task) for task in ending),
            seen_at=seen_at,
        )
    )


def actions(*asked: Any, **more: Any) -> tuple[a.Action, ...]:
    return ask(*asked, **more).actions


FAILED, DONE, CANCELED = Status.FAILED, Status.COMPLETED, Status.CANCELED

FLOW = [
    ("nothing has happened", SEQUENCE, History(), (a.StartRun(),)),
    ("the run began", SEQUENCE, History()(h.RunStarted), (a.StartStage("S0"),)),
    ("the stage began", SEQUENCE, History().begun(), (a.StartTask("S0", "A", 1, weigh=True),)),
    ("the first task is done", SEQUENCE, History().begun().ended("A"), (a.StartTask("S0", "B", 1, weigh=True),)),
    (
        "a group begins together",
        PARALLEL,
        History().begun(),
        (a.StartTask("S0", "A", 1, weigh=True), a.StartTask("S0", "B", 1, weigh=True)),
    ),
    (
        "all tasks are done",
        SEQUENCE,
        History().begun().ended("A").ended("B"),
        (a.EndStage("S0", DONE, "stage S0 Execution Completed."),),
    ),
    (
        "the first stage is done",
        SEQUENCE,
        History().begun().ended("A").ended("B")(h.StageEnded, stage="S0", status=DONE),
        (a.StartStage("S1"),),
    ),
    (
        "a skipped task counts as done",
        SEQUENCE,
        History().begun().ended("A", Status.SKIPPED),
        (a.StartTask("S0", "B", 1, weigh=True),),
    ),
    (
        "a failed task fails its stage",
        SEQUENCE,
        History().begun().ended("A", FAILED, message="no disk"),
        (a.EndStage("S0", FAILED, "A: no disk"),),
    ),
    (
        "a failed stage fails the run in Code Stream's words",
        SEQUENCE,
        History().begun().ended("A", FAILED)(h.StageEnded, stage="S0", status=FAILED, message="A: no disk"),
        (a.EndRun(FAILED, "S0.A: no disk"),),
    ),
    (
        "an ignored failure goes on",
        pipeline([[("A", do(ignoreFailure=True))], [("B", do())]]),
        History().begun().ended("A", FAILED),
        (a.StartTask("S0", "B", 1, weigh=True),),
    ),
    (
        "a failed try is put off to its next one",
        pipeline([[("A", do(retries={"attempts": 3, "delaySeconds": 4, "backoff": 2}))]]),
        History().begun().ended("A", FAILED, message="no disk."),
        (a.RetryTask("S0", "A", NOW + 4, "Try 1 of 3 failed: no disk. Next try in 4 s."),),
    ),
    (
        "a try that is due begins",
        pipeline([[("A", do(retries={"attempts": 3}))]]),
        History().begun().ended("A", FAILED)(h.TaskWaiting, stage="S0", task="A", reason="retry", due_at=NOW - 1),
        (a.StartTask("S0", "A", 2),),
    ),
    (
        "an answer is taken up",
        SEQUENCE,
        History()
        .begun()
        .started("A")(h.TaskWaiting, stage="S0", task="A", reason="approval")(
            h.TaskAnswered, stage="S0", task="A", answer={"status": "Approved"}
        ),
        (a.AnswerTask("S0", "A"),),
    ),
    (
        "an unanswered question parks the run",
        SEQUENCE,
        History().begun().started("A")(h.TaskWaiting, stage="S0", task="A", reason="approval", due_at=NOW + 2),
        (a.Park("waiting", NOW + 2),),
    ),
    (
        "a question that expired fails its task",
        SEQUENCE,
        History().begun().started("A")(h.TaskWaiting, stage="S0", task="A", reason="approval", due_at=NOW - 2),
        (a.EndTask("S0", "A", FAILED, "Nobody answered before it expired."),),
    ),
]


@pytest.mark.parametrize(("tree", "history", "expected"), [case[1:] for case in FLOW], ids=[case[0] for case in FLOW])
def test_flow(tree: dict[str, Any], history: History, expected: tuple[a.Action, ...]) -> None:
    assert actions(tree, history) == expected


def test_the_last_stage_ends_the_run() -> None:
    history = History().begun().ended("A")(h.StageEnded, stage="S0", status=DONE)
    assert actions(pipeline([[("A", do())]]), history) == (a.EndRun(DONE, "Execution Completed."),)


def test_an_ended_run_wants_nothing() -> None:
    history = History()(h.RunStarted)(h.RunEnded, status=DONE)
    assert ask(SEQUENCE, history) == d.Decision()


def test_a_fenced_run_is_abandoned_whatever_its_state() -> None:
    assert actions(SEQUENCE, History().begun(), verdict=Directive.FENCED) == (a.Abandon(),)


def test_a_group_waits_for_all_its_tasks_even_when_one_failed() -> None:
    history = History().begun().started("A").started("B").ended("A", FAILED, message="x")
    assert actions(PARALLEL, history, live=("B",)) == ()
    assert actions(PARALLEL, history.ended("B")) == (a.EndStage("S0", FAILED, "A: x"),)


def test_a_predecessors_work_is_observed_repeated_or_given_up_by_its_effect() -> None:
    handled = History().begun().started("A")(h.TaskHandle, stage="S0", task="A", handle={"id": 1})
    assert actions(SEQUENCE, handled) == (a.ObserveTask("S0", "A"),)
    bare = History().begun().started("A")
    for effect in (Effect.PURE, Effect.REPEATABLE, Effect.KEYED):
        assert actions(SEQUENCE, bare, effect=effect) == (a.StartTask("S0", "A", 1, again=True),)
    (given_up,) = actions(SEQUENCE, bare, effect=Effect.ONCE)
    assert isinstance(given_up, a.EndTask)
    assert given_up.status is FAILED
    assert "may have run" in given_up.message


def test_what_this_holder_has_in_hand_is_left_alone() -> None:
    assert actions(SEQUENCE, History().begun().started("A"), live=("A",)) == ()
    assert actions(SEQUENCE, History().begun(), live=("A",)) == ()


def test_cancel_ends_tasks_then_stages_then_the_run() -> None:
    running = History().begun().started("A").started("B")
    assert actions(PARALLEL, running, verdict=Directive.CANCEL, live=("A",)) == (
        a.CancelTask("S0", "A", CANCELED, "Canceled."),
        a.EndTask("S0", "B", CANCELED, "Canceled."),
    )
    half = running.ended("B", CANCELED)
    assert actions(PARALLEL, half, verdict=Directive.CANCEL, live=("A",), ending=("A",)) == ()
    assert actions(PARALLEL, half.ended("A", CANCELED), verdict=Directive.CANCEL) == (
        a.EndStage("S0", CANCELED, "Execution Canceled."),
        a.EndRun(CANCELED, "Execution Canceled."),
    )


def test_cancel_reaches_what_a_predecessor_started() -> None:
    handled = History().begun().started("A")(h.TaskHandle, stage="S0", task="A", handle={"id": 1})
    assert actions(SEQUENCE, handled, verdict=Directive.CANCEL) == (a.CancelTask("S0", "A", CANCELED, "Canceled."),)


def test_a_pause_starts_nothing_and_parks_when_all_is_quiet() -> None:
    assert actions(SEQUENCE, History().begun(), verdict=Directive.PAUSE) == (a.Park("paused"),)
    assert actions(SEQUENCE, History().begun().started("A"), verdict=Directive.PAUSE, live=("A",)) == ()
    assert actions(SEQUENCE, History().begun().ended("A"), verdict=Directive.PAUSE) == (a.Park("paused"),)


@pytest.mark.parametrize(("due_in_s", "parked"), [(d.PARK_AFTER_S - 1, False), (d.PARK_AFTER_S + 1, True)])
def test_a_far_retry_gives_the_place_back_and_a_near_one_does_not(due_in_s: float, parked: bool) -> None:
    tree = pipeline([[("A", do(retries={"attempts": 3}))]])
    history = History().begun().ended("A", FAILED)
    history(h.TaskWaiting, stage="S0", task="A", reason="retry", due_at=NOW + due_in_s)
    expected = d.Decision((a.Park("waiting", NOW + due_in_s),)) if parked else d.Decision((), NOW + due_in_s)
    assert ask(tree, history) == expected


def test_an_expiry_is_believed_only_when_the_history_was_read_after_it() -> None:
    history = History().begun().started("A")
    history(h.TaskWaiting, stage="S0", task="A", reason="approval", due_at=NOW)
    assert actions(SEQUENCE, history, now=NOW + 50, seen_at=NOW - 50) == (a.Park("waiting", NOW),)


def test_a_task_over_its_time_is_cancelled_and_before_it_the_holder_wakes() -> None:
    tree = pipeline([[("A", do(timeoutMinutes=1))]])
    history = History().begun().started("A", at=NOW - 50)
    assert ask(tree, history, live=("A",)) == d.Decision((), NOW + 10)
    late = actions(tree, history, live=("A",), now=NOW + 10)
    assert late == (a.CancelTask("S0", "A", FAILED, "The task took longer than its timeout of 1 minute."),)
    assert actions(tree, history, live=("A",), ending=("A",), now=NOW + 20) == ()


def test_a_stage_over_its_time_ends_its_tasks_and_fails() -> None:
    tree = pipeline([[("A", do())], [("B", do())]])
    tree["stages"]["S0"]["timeoutMinutes"] = 2
    history = History().begun(NOW - 120).started("A")
    assert actions(tree, history, live=("A",)) == (a.CancelTask("S0", "A", FAILED, "Stopped: the stage's time is up."),)
    assert actions(tree, history.ended("A", FAILED)) == (
        a.EndStage("S0", FAILED, "The stage took longer than its timeout of 2 minutes."),
    )


def test_a_run_over_its_time_ends_everything() -> None:
    tree = {**pipeline([[("A", do())]]), "timeoutMinutes": 2}
    history = History().begun(NOW - 120).started("A")
    (cancel,) = actions(tree, history, live=("A",))
    assert isinstance(cancel, a.CancelTask)
    assert actions(tree, history.ended("A", FAILED)) == (
        a.EndStage("S0", FAILED, "The run took longer than its timeout of 2 minutes."),
        a.EndRun(FAILED, "The run took longer than its timeout of 2 minutes."),
    )


def test_an_empty_stage_and_an_empty_pipeline_complete() -> None:
    assert actions(pipeline(), History()(h.RunStarted)) == (a.EndRun(DONE, "Execution Completed."),)
    assert actions(pipeline([]), History().begun()) == (a.EndStage("S0", DONE, "stage S0 Execution Completed."),)
