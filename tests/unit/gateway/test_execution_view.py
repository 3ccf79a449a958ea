"""What pages make of an execution, from values alone."""

from __future__ import annotations

from services.gateway.pages.execution_view import first_of_interest, printed, stages_of, times, verbs
from services.gateway.pages.first_use import listed
from shared.contracts.base import Json

RUN: Json = {
    "_requestTimeInMicros": 1_000_000,
    "_totalDurationInMicros": 10_000_000,
    "_durationInMicros": 8_000_000,
    "stageOrder": ["Build", "Deploy"],
    "stages": {
        "Build": {
            "taskOrder": ["A,B"],
            "tasks": {
                "A": {"status": "COMPLETED", "_startTime": 3_000_000, "_durationInMicros": 4_000_000},
                "B": {"status": "FAILED", "_startTime": 3_000_000, "_durationInMicros": 8_000_000},
            },
        },
        "Deploy": {"taskOrder": ["C"], "tasks": {"C": {"status": "NOT_STARTED"}}},
    },
}


def test_a_stage_is_as_full_as_its_tasks_have_ended() -> None:
    half: Json = {"stages": {"S": {"tasks": {"A": {"status": "SKIPPED"}, "B": {"status": "RUNNING"}}}}}
    assert [stage["part"] for stage in stages_of(RUN)] == [100, 0]
    assert [stage["part"] for stage in stages_of(half)] == [50]


def test_the_failed_task_is_what_one_came_for_and_nothing_when_all_is_well() -> None:
    assert first_of_interest(RUN) == ("Build", "B")
    assert first_of_interest({"stages": {"S": {"tasks": {"A": {"status": "COMPLETED"}}}}}) is None


def test_the_bar_begins_with_the_wait_and_never_leaves_the_run() -> None:
    bars = times(RUN)
    assert [bar.label for bar in bars] == ["waiting to start", "Build / A", "Build / B"]
    assert [(bar.start, bar.width) for bar in bars] == [(0, 20), (20, 40), (20, 80)]
    assert all(bar.start + bar.width <= 100 for bar in bars)


def test_what_may_be_done_follows_the_status() -> None:
    begun: Json = {"stages": {"S": {"status": "FAILED"}}}
    assert verbs({"status": "RUNNING"}) == ("pause", "cancel") and verbs({"status": "PAUSED"}) == ("resume", "cancel")
    assert verbs({"status": "COMPLETED", **begun}) == ("rerun",)
    assert verbs({"status": "CANCELED", **begun}) == ("rerun-from-failed", "rerun")
    assert verbs({"status": "CANCELED", "stages": {"S": {"status": "NOT_STARTED"}}}) == ("rerun",)


def test_a_stage_waits_when_nothing_in_it_is_at_work() -> None:
    asks: Json = {"A": {"status": "COMPLETED"}, "B": {"status": "WAITING"}}
    works: Json = {**asks, "C": {"status": "RUNNING"}}
    told = [stages_of({"stages": {"S": {"status": "RUNNING", "tasks": tasks}}})[0] for tasks in (asks, works)]
    assert [stage["status"] for stage in told] == ["WAITING", "RUNNING"]


def test_a_difference_and_the_clusters_events_are_told_from_what_else_was_printed() -> None:
    told = printed(
        [
            "Deployment apps/web: the pushed image is deployed as acme/web:1",
            "--- live Deployment apps/web",
            "+++ new Deployment apps/web",
            "@@ -1 +1 @@",
            "-  image: acme/web:0",
            "+  image: acme/web:1",
            "Deployment apps/web applied",
            "- a line of a program's own",
            "Pod web-1: Pulling: Pulling image acme/web:1",
        ]
    )
    assert told.diffs == (
        (
            "Deployment apps/web",
            (("at", "@@ -1 +1 @@"), ("del", "-  image: acme/web:0"), ("add", "+  image: acme/web:1")),
        ),
    )
    assert told.events == (("Pod web-1", "Pulling", "Pulling image acme/web:1"),)
    assert ("", "- a line of a program's own") in told.lines


def test_the_first_steps_are_ticked_off_by_what_there_is() -> None:
    assert [step.done for step in listed([], [], [])] == [False] * 8
    pipeline: Json = {"id": "p", "options": ["DOCKER_TRIGGER"], "stages": {"S": {"tasks": {"T": {"type": "K8S"}}}}}
    endpoints: list[Json] = [{"type": "docker"}, {"type": "k8s"}]
    steps = listed(endpoints, [pipeline], [{"repository": "acme/api"}])
    assert [step.title for step in steps if not step.done] == ["Push", "Activity", "Execution", "Stage"]
    assert "docker push acme/api:1.4.0" in [step.about for step in steps]
    assert listed(endpoints[:1], [pipeline], [])[3].address == "/pipelines/p/edit"
