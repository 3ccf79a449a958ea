"""Flow and control with real processes: what fails is undone, repeated, let through and told, through `kill -9`."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from bench.load import body
from bench.stage import NO_OP, hook_url
from cli.portside.api import ApiError, Client
from tests.support.web import Web, web_server
from tests.support.world import World, a_world, wait_for

Json = dict[str, Any]
ENDED = ("COMPLETED", "FAILED", "CANCELED")
PASSWORD = "correct horse battery staple"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with a_world(tmp_path_factory.mktemp("world"), define=False, more={"OUTGOING_LOCAL": "true"}) as running:
        yield running


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    with web_server() as kept:
        yield kept


def define(world: World, name: str, stages: dict[str, list[tuple[str, Json]]], **more: Any) -> str:
    """An enabled pipeline whose stages hold tasks one after the other; returns its id."""
    tree = {stage: {"taskOrder": [task for task, _ in tasks], "tasks": dict(tasks)} for stage, tasks in stages.items()}
    body = {"project": "default", "name": name, "stageOrder": list(stages), "stages": tree, **more}
    made = world.client.post("/pipelines", body)
    world.client.patch(f"/pipelines/{made['id']}", {"state": "ENABLED"})
    return str(made["id"])


def start(client: Client, pipeline_id: str, **inputs: Any) -> str:
    return str(client.post(f"/pipelines/{pipeline_id}/executions", {"input": inputs})["executionLink"])


def come_to(world: World, link: str, *statuses: str) -> Json:
    def there() -> Json | None:
        execution = world.get(link)
        return execution if execution["status"] in statuses else None

    return wait_for(there, f"{link} to be {' or '.join(statuses)}", 90)


def log(message: str) -> Json:
    return {"type": "Log", "input": {"message": message}}


def call(web: Web, payload: str, **more: Any) -> Json:
    return {"type": "REST", "input": {"action": "post", "url": web.url, "payload": payload}, **more}


def test_what_fails_is_undone_told_and_repeated_from_there(world: World, web: Web) -> None:
    secret = {"url": web.url, "secret": "signing-secret"}
    world.client.post("/endpoints", {"project": "default", "name": "ci", "type": "webhook", "properties": secret})
    ask = {"type": "UserOperation", "input": {"summary": "Undo it?"}}
    define(world, "Undo", {"U": [("Ask", ask), ("Back", call(web, "back to ${input.tag}"))]}, input={"tag": ""})
    check = {"type": "Condition", "input": {"condition": "${input.good} == true"}}
    pipeline = define(
        world,
        "Deploy",
        {"Build": [("Call", call(web, "built ${input.tag}"))], "Deploy": [("Check", check), ("Say", log("done"))]},
        input={"tag": "1.4.1", "good": "false"},
        rollbacks=[{"name": "Undo", "stage": "Deploy", "task": "Check", "inputs": {"tag": "${input.tag}"}}],
        notifications={"webhook": [{"event": "FAILURE", "endpoint": "ci", "payload": '{"said": "${statusMessage}"}'}]},
    )
    link = start(world.client, pipeline)

    def asked() -> Json | None:
        return next(iter(world.documents("/user-operations?$filter=status eq 'ACTIVE'")), None)

    question = wait_for(asked, "the rollback's question")
    assert world.get(link)["statusMessage"] == "Rolling back with Undo"
    for victim in ("config", "runner-1", "runner-2"):
        world.kill(victim)
    wait_for(lambda: world.get(link)["status"] == "WAITING" or None, "the run to wait still")
    wait_for(lambda: _approved(world, question["id"]), "the answer to be taken")

    execution = come_to(world, link, *ENDED)
    assert execution["status"] == "FAILED"
    assert execution["statusMessage"].startswith("Deploy.Check: ")
    response = execution["stages"]["Deploy"]["tasks"]["Check"]["rollbackResponse"]
    assert (response["status"], response["name"], response["index"]) == ("COMPLETED", "Undo", 1)
    assert web.bodies.count("back to 1.4.1") == 1

    def told() -> Json | None:
        notices = world.get(link)["notifications"]
        return notices[0] if notices and notices[0]["_state"] != "waiting" else None

    assert wait_for(told, "the notification")["success"] is True
    notice = next(one for one in web.requests if "webhook-signature" in one["headers"])
    assert json.loads(notice["body"]) == {"said": execution["statusMessage"]}

    again = world.client.post(
        f"/executions/{execution['id']}?action=rerun", {"from": "failed", "input": {"good": "true"}}
    )
    repeated = come_to(world, again["executionLink"], *ENDED)
    assert (repeated["status"], repeated["_rerunOf"]) == ("COMPLETED", execution["id"])
    assert repeated["stages"]["Build"]["tasks"]["Call"]["_keptFrom"] == execution["id"]
    assert web.bodies.count("built 1.4.1") == 1


def _approved(world: World, number: str) -> bool:
    try:
        answer = world.client.patch(f"/user-operations/{number}", {"status": "Approved"})
        return str(answer["status"]) == "APPROVED"
    except ApiError as refused:
        return refused.status == 409


def test_who_may_not_use_what_is_restricted_waits_for_an_administrator(world: World, web: Web) -> None:
    restricted = {"name": "prod", "type": "webhook", "isRestricted": True, "properties": {"url": web.url}}
    world.client.post("/endpoints", {"project": "default", **restricted})
    world.client.post("/users", {"name": "bob", "password": PASSWORD, "serviceRole": "Developer"})
    bob = Client(world.client.base_url)
    bob.sign_in("bob", PASSWORD)
    use = call(web, "restricted", endpoints={"anywhere": "prod"})
    link = start(bob, define(world, "Restricted", {"S": [("First", log("begins")), ("Use", use)]}))
    waiting = come_to(world, link, "WAITING")
    assert waiting["statusMessage"].startswith("S.Use: Waits until an administrator resumes the run")
    with pytest.raises(ApiError) as refused:
        bob.post(f"/executions/{waiting['id']}?action=resume", {})
    assert refused.value.status == 403
    assert "restricted" not in web.bodies
    world.client.post(f"/executions/{waiting['id']}?action=resume", {})
    assert come_to(world, link, *ENDED)["status"] == "COMPLETED"
    assert web.bodies.count("restricted") == 1


def test_a_nested_runs_secret_reaches_the_tasks_of_its_parent_and_nobody_else(world: World, web: Web) -> None:
    secret = "a-secret-of-the-inner-run"
    world.client.post("/variables", {"project": "default", "name": "inner", "type": "SECRET", "value": secret})
    define(world, "Inner", {"S": [("Say", log("in here"))]}, output={"token": "Bearer ${var.inner}", "plain": "x"})
    token, nested = "${S.Nest.output.outputProperties.token}", {"type": "Pipeline", "input": {"pipeline": "Inner"}}
    ask = {"type": "UserOperation", "input": {"summary": "Go on?"}}
    tasks = [("Nest", nested), ("Use", call(web, token)), ("Ask", ask), ("Again", call(web, "${S.Use.input.payload}"))]
    link = start(world.client, define(world, "Outer", {"S": [*tasks, ("Tell", log(token))]}))
    waiting = come_to(world, link, "WAITING")
    asked = f"/user-operations?$filter=executionId eq '{waiting['id']}'"
    # It also waits while the inner run goes on.
    (question,) = wait_for(lambda: world.documents(asked) or None, "the question")
    assert _approved(world, question["id"])
    execution = come_to(world, link, *ENDED)
    assert execution["status"] == "COMPLETED", execution["statusMessage"]
    assert web.bodies.count(f"Bearer {secret}") == 2
    outputs = execution["stages"]["S"]["tasks"]["Nest"]["output"]["outputProperties"]
    assert outputs == {"token": "Bearer *****", "plain": "x"}
    shown = json.dumps(execution) + json.dumps(world.get(f"{link}/logs"))
    assert "*****" in shown and secret not in shown


def test_a_schedule_starts_its_run_though_config_dies(world: World) -> None:
    define(world, "Minutely", {"S": [("Say", log("tick"))]})
    body = {"project": "default", "name": "each minute", "pipeline": "Minutely", "cron": "* * * * *"}
    schedule = world.client.post("/schedules", body)
    due = schedule["_nextRunInMicros"] / 1e6
    time.sleep(max(0.0, due - time.time() - 1))
    world.kill("config")

    def started() -> str | None:
        return str(world.get(schedule["_link"])["executionLink"]) or None

    execution = come_to(world, wait_for(started, "the scheduled run"), *ENDED)
    assert (execution["status"], execution["comments"]) == ("COMPLETED", "schedule each minute")
    wait_for(lambda: _stopped(world, schedule["id"]), "the schedule to stop")


def _stopped(world: World, number: str) -> bool:
    return world.client.patch(f"/schedules/{number}", {"enabled": False})["enabled"] is False


def test_what_the_measurements_push_runs_and_what_cannot_be_imported_is_said(world: World) -> None:
    url = hook_url(world.client, "Three no-ops", NO_OP)
    requests.post(url, data=body(1), headers={"Content-Type": "application/json"}, timeout=30).raise_for_status()

    def ran() -> Json | None:
        return next(iter(world.documents("/executions?$filter=name eq 'Three no-ops'&expand=true")), None)

    execution = come_to(world, wait_for(ran, "the measured run")["_link"], *ENDED)
    assert (execution["status"], execution["_imageTag"]) == ("COMPLETED", "1.0.1")
    with pytest.raises(ApiError, match=r"Three tasks: .*line \d+"):
        hook_url(world.client, "Three tasks", "{type: Log, input: nothing}")
