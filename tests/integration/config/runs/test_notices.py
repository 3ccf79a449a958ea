"""Who is told what of a run, and how that went, on every database."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import insert

from services.config.model.people import SYSTEM
from services.config.resources.executions import Executions
from services.config.runs.notifications import raised
from services.config.store import Store
from services.config.tables.catalog import EndpointRow, ProjectRow, UserRow
from shared.contracts import history as h
from shared.contracts.catalog import Act, Kind
from shared.contracts.history import Status
from shared.contracts.notices import Notice, NoticeTried
from shared.grammar.pipelines import read_pipeline
from shared.grammar.plan import compile_plan
from tests.integration.config.conftest import Clock, Definitions, count, pipeline
from tests.integration.config.world import World, whole_run

AT: dict[str, Any] = {"seq": 0, "at": 0.0}
DEPLOY = {"stage": "Deploy", "task": "Apply"}


def ended(status: Status, number: int = 1) -> h.TaskEnded:
    return h.TaskEnded(**AT, **DEPLOY, try_number=number, status=status)


def waits(reason: Any, **ask: Any) -> h.TaskWaiting:
    return h.TaskWaiting(**AT, **DEPLOY, reason=reason, ask=ask)


TASK, STAGE, RUN = ("Deploy", "Apply"), ("Deploy", ""), ("", "")
RAISED: list[tuple[str, h.Event, list[tuple[str, tuple[str, str]]]]] = [
    ("a run begins", h.RunStarted(**AT), [("STARTED", RUN)]),
    ("a stage begins", h.StageStarted(**AT, stage="Deploy"), [("STARTED", STAGE)]),
    ("a task begins", h.TaskStarted(**AT, **DEPLOY), [("STARTED", TASK)]),
    ("another try begins", h.TaskStarted(**AT, **DEPLOY, try_number=2), []),
    ("an approval is waited for", waits("approval"), [("WAITING", TASK), ("WAITING", RUN)]),
    ("an administrator is waited for", waits("restricted"), [("WAITING", TASK), ("WAITING", RUN)]),
    ("another try is waited for", waits("retry"), []),
    ("a nested run is waited for", waits("nested"), []),
    ("a task completes", ended(Status.COMPLETED), [("SUCCESS", TASK)]),
    ("a task fails and is tried again", ended(Status.FAILED), []),
    ("a task's last try fails", ended(Status.FAILED, 2), [("FAILURE", TASK)]),
    ("a task is cancelled", ended(Status.CANCELED), [("CANCELED", TASK)]),
    ("a task is skipped", ended(Status.SKIPPED), []),
    ("a stage completes", h.StageEnded(**AT, stage="Deploy", status=Status.COMPLETED), [("SUCCESS", STAGE)]),
    ("a stage fails", h.StageEnded(**AT, stage="Deploy", status=Status.FAILED), [("FAILURE", STAGE)]),
    ("a run completes", h.RunEnded(**AT, status=Status.COMPLETED), [("SUCCESS", RUN)]),
    ("a run fails", h.RunEnded(**AT, status=Status.FAILED), [("FAILURE", RUN)]),
    ("a run is cancelled", h.RunEnded(**AT, status=Status.CANCELED), [("CANCELED", RUN)]),
]


@pytest.mark.parametrize(("event", "expected"), [case[1:] for case in RAISED], ids=[case[0] for case in RAISED])
def test_what_an_event_means_to_who_wants_to_be_told(event: h.Event, expected: list[Any]) -> None:
    tree = pipeline().tree
    apply = {**tree["stages"]["Deploy"]["tasks"]["Apply"], "retries": {"attempts": 2}}
    deploy = {"taskOrder": ["Apply"], "tasks": {"Apply": apply}}
    plan = compile_plan(read_pipeline({**tree, "stages": {**tree["stages"], "Deploy": deploy}}))
    assert list(raised(event, plan)) == expected


RECIPIENTS = ["ops@example.com", "EVE", "Release", "${input.owner}", "postmaster"]
NOTIFICATIONS = {
    "webhook": [
        {"event": event, "endpoint": "ci", "payload": f"{level} {event} ${{status}}", **place}
        for level, place in (("run", {}), ("stage", {"stage": "Deploy"}), ("task", DEPLOY))
        for event in ("STARTED", "WAITING", "SUCCESS", "FAILURE", "CANCELED")
    ],
    "email": [{"event": "FAILURE", "endpoint": "mail", "to": RECIPIENTS, "body": "${Deploy.Apply.message}"}],
}


@pytest.fixture
def world(store: Store, clock: Clock, definitions: Definitions) -> World:
    stamped: dict[str, Any] = {"created_at": 0, "updated_at": 0, "created_by": "", "updated_by": "", "version": 1}
    plain: dict[str, Any] = {"description": "", "tags": [], **stamped}
    box = {"key_id": "k", "box": "c2VhbGVk"}
    with store.write() as uow:
        uow.session.execute(insert(ProjectRow), {"id": "p1", "name": "default", **plain})
        for name, kind in (("ci", "webhook"), ("mail", "email")):
            row = {"properties": {"url": "https://ci.example.com"}, "secrets": {"secret": box}, "type": kind}
            row |= {"id": name, "project": "default", "name": name, "restricted": False, "cloud_proxy_id": ""}
            uow.session.execute(insert(EndpointRow), {**row, **plain})
        for name, groups in (("bob", ["release"]), ("eve", [])):
            row = {"name_key": name, "email": f"{name}@example.com", "email_key": f"{name}@example.com"}
            row |= {"id": name, "name": name, "service_role": "User", "enabled": True, "password": None}
            row |= {"provider": "", "subject": "", "shut_out": False}
            uow.session.execute(insert(UserRow), {**row, "groups": groups, **plain})
    definitions.pipelines["Deploy web"] = pipeline(notifications=NOTIFICATIONS)
    return World(store, clock, definitions)


def told(world: World) -> list[str]:
    """Payloads of what was promised, their expressions as written."""
    return [one.entry.get("payload", "mail").removesuffix(" ${status}") for one in world.messages(Notice)]


def test_every_level_is_told_of_its_own_once(world: World) -> None:
    run_id = world.hook().execution_id or ""
    world.take(run_id)
    world.report(run_id, *whole_run()[:9])
    world.report(run_id, *whole_run()[:9])
    assert told(world) == ["run STARTED", "stage STARTED", "task STARTED"]
    world.report(run_id, *whole_run()[9:], first=10)
    assert told(world)[3:] == ["task SUCCESS", "stage SUCCESS", "run SUCCESS"]


def test_a_notice_brings_all_that_its_texts_name_and_no_secret_in_clear(world: World) -> None:
    run_id = world.hook().execution_id or ""
    world.take(run_id)
    apply = h.TaskEnded(**AT, **DEPLOY, status=Status.FAILED, message="no disk")
    over = [one.model_copy(update={"status": Status.FAILED}) for one in whole_run()[10:]]
    world.report(run_id, *whole_run()[:9], apply, *over)
    mail = next(one for one in world.messages(Notice) if one.kind == "email")
    assert mail.tasks == {"Deploy": {"Apply": {"status": "FAILED", "message": "no disk", "input": {}, "output": {}}}}
    assert mail.about["executionUrl"].endswith(f"/executions/{run_id}")
    assert (mail.about["status"], mail.about["requestBy"], mail.inputs["DOCKER_TAG"]) == ("FAILED", "ann", "1.4.1")
    people_and_groups = ["eve@example.com", "bob@example.com"]
    assert mail.entry["to"] == ["ops@example.com", *people_and_groups, "${input.owner}", "postmaster"]
    assert mail.endpoint is not None
    assert mail.endpoint.secrets["secret"].box == "c2VhbGVk"
    assert told(world)[-4:] == ["task FAILURE", "stage FAILURE", "run FAILURE", "mail"]


def test_a_run_that_the_ledger_itself_ends_is_told_too(world: World) -> None:
    first = world.hook("d1", "1").execution_id
    waiting = world.hook("d2", "2").execution_id
    world.hook("d3", "3")
    assert first
    assert [one.execution_id for one in world.messages(Notice)] == [waiting]
    assert told(world) == ["run CANCELED"]


def test_waiting_is_told_with_each_question(world: World) -> None:
    run_id = world.hook().execution_id or ""
    world.take(run_id)
    world.report(run_id, *whole_run()[:8], waits("approval", summary="?"))
    assert told(world)[-2:] == ["task WAITING", "run WAITING"]


def test_approvers_get_a_mail_where_the_question_asks_for_it(world: World) -> None:
    run_id = world.hook().execution_id or ""
    world.take(run_id)
    ask = {
        "summary": "Deploy ${var.pw}?",
        "sendemail": True,
        "endpoint": "mail",
        "approvers": ["eve", "zoe@example.com"],
        "approverGroups": ["Release"],
    }
    world.report(run_id, *whole_run()[:8], waits("approval", **ask))
    mail = next(one for one in world.messages(Notice) if one.kind == "email")
    assert mail.entry["to"] == ["zoe@example.com", "bob@example.com", "eve@example.com"]
    assert mail.about["summary"] == "Deploy ${var.pw}?"
    assert mail.variables == {}


def test_each_try_is_on_record_and_the_first_end_counts(world: World) -> None:
    run_id = world.hook().execution_id or ""
    world.take(run_id)
    world.report(run_id, *whole_run()[:9])
    numbers = [one.notice_id for one in world.messages(Notice)]

    def tried(number: str, try_number: int, success: bool, final: bool, code: int, message: str) -> None:
        said = NoticeTried(
            notice_id=number,
            execution_id=run_id,
            try_number=try_number,
            success=success,
            final=final,
            target="ci.example.com",
            code=code,
            message=message,
        )
        world.inbox.work([said])

    tried(numbers[2], 1, False, False, 503, "busy")
    assert world.shown(run_id)["notifications"][2]["_state"] == "waiting"
    tried(numbers[2], 2, True, True, 200, "ok")
    tried(numbers[2], 2, False, True, 500, "late")
    record = {
        "eventGroup": "STARTED",
        "providerType": "WEBHOOK",
        "responseCode": "200",
        "responseMessage": "ok",
        "success": True,
        "stage": "Deploy",
        "task": "Apply",
        "_state": "sent",
        "_tries": 2,
        "_target": "ci.example.com",
    }
    document = world.shown(run_id)
    assert record in document["notifications"]
    assert len(document["notifications"]) == 3
    assert document["stages"]["Deploy"]["tasks"]["Apply"]["notifications"] == [record]
    assert [one["eventGroup"] for one in document["stages"]["Deploy"]["notifications"]] == ["STARTED"]


def test_what_a_deleted_run_told_is_forgotten_with_it(world: World) -> None:
    run_id = world.hook().execution_id or ""
    world.take(run_id)
    world.report(run_id, *whole_run())
    assert count(world.store, "notices") == 6
    with world.store.write() as uow:
        Executions().act(uow, SYSTEM, Act(kind=Kind.EXECUTIONS, verb="delete", id=run_id))
    assert count(world.store, "notices") == 0
