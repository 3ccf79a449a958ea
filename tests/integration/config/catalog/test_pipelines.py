from __future__ import annotations

import copy
from typing import Any

import pytest

from services.config.catalog import references
from services.config.store import execution_views
from services.config.store.definitions import pipelines
from shared.contracts.catalog import Act, Find, Get, Kind
from shared.contracts.envelope import Caller
from shared.contracts.problems import Code, Refused
from shared.grammar.pipelines import read_pipeline
from shared.grammar.plan import compile_plan
from shared.process.secrets import token_hash
from tests.integration.config.accounts.test_people import refused
from tests.integration.config.office import PIPELINE, Office


def create(office: Office, **more: Any) -> dict[str, Any]:
    return office.act(Kind.PIPELINES, "create", {**PIPELINE, **more})


def text_of(office: Office, id: str, **options: Any) -> str:
    return office.desk.get(Get(kind=Kind.PIPELINES, id=id, options=options), Caller(user="admin")).text


def test_a_pipeline_is_created_disabled_whatever_the_body_says(office: Office) -> None:
    created = create(office, enabled=True, state="ENABLED")
    assert (created["enabled"], created["state"]) == (False, "DISABLED")


def test_who_asks_for_it_gets_an_enabled_one(office: Office) -> None:
    assert office.pipeline()["state"] == "ENABLED"


def test_a_state_is_patched_in_any_case_and_released_only_when_enabled(office: Office) -> None:
    created = create(office)
    refused(Code.CONFLICT, office.act, Kind.PIPELINES, "patch", {"state": "RELEASED"}, id=created["id"])
    assert office.act(Kind.PIPELINES, "patch", {"state": "enabled"}, id=created["id"])["enabled"] is True
    assert office.act(Kind.PIPELINES, "patch", {"state": "Released"}, id=created["id"])["state"] == "RELEASED"
    assert office.act(Kind.PIPELINES, "patch", {"enabled": False}, id=created["id"])["state"] == "DISABLED"
    assert "RELEASED" in refused(Code.INVALID, office.act, Kind.PIPELINES, "patch", {"state": "on"}, id=created["id"])


def test_a_put_with_enabled_true_enables_though_the_state_still_says_disabled(office: Office) -> None:
    created = create(office)
    assert office.act(Kind.PIPELINES, "replace", {**created, "enabled": True}, id=created["id"])["state"] == "ENABLED"


def test_documents_have_the_types_that_strict_clients_decode(office: Office) -> None:
    minimal = {"project": "default", "name": "bare", "concurrency": "4", "stageOrder": [], "stages": {}}
    created = office.act(Kind.PIPELINES, "create", minimal)
    assert created["starred"] == {} and created["notifications"] == {"email": [], "jira": [], "webhook": []}
    assert created["options"] == [] and created["tags"] == [] and created["rollbacks"] == []
    assert [one["message"]["level"] for one in created["_warnings"]] == ["WARNING"]
    assert created["concurrency"] == 4
    assert created["workspace"] == {}
    limits = {"workspace": {"limits": {"cpu": "1", "memory": 512.0}, "cache": []}}
    workspace = office.act(Kind.PIPELINES, "patch", limits, id=created["id"])["workspace"]
    assert (type(workspace["limits"]["cpu"]), type(workspace["limits"]["memory"])) == (float, int)


def test_fields_that_mean_nothing_to_us_survive_a_round_trip(office: Office) -> None:
    body = copy.deepcopy(PIPELINE)
    body["x-theirs"] = {"deep": [1, 2]}
    body["stages"]["Deploy"]["tasks"]["Apply"]["_configured"] = True
    created = office.act(Kind.PIPELINES, "create", body)
    again = office.act(Kind.PIPELINES, "replace", created, id=created["id"])
    assert again["x-theirs"] == {"deep": [1, 2]}
    assert again["stages"]["Deploy"]["tasks"]["Apply"]["_configured"] is True


def test_an_unknown_reference_is_refused_with_its_place_and_the_nearest_name(office: Office) -> None:
    text = "\n".join(
        [
            "project: default",
            "kind: PIPELINE",
            "name: typo",
            "input:",
            "  replicas: '1'",
            "stageOrder: [A]",
            "stages:",
            "  A:",
            "    taskOrder: [T]",
            "    tasks:",
            "      T:",
            "        type: REST",
            "        input: {action: get, url: 'https://example.com/${input.replica}'}",
        ]
    )
    with pytest.raises(Refused) as caught:
        office.act(Kind.PIPELINES, "create", {}, text=text)
    flaw = caught.value.problem.flaws[0]
    assert flaw.line == 13 and "replicas" in f"{flaw.message} {flaw.hint}"
    assert "line 13" in caught.value.problem.message


def test_yaml_that_cannot_be_read_is_refused_with_line_and_column(office: Office) -> None:
    with pytest.raises(Refused) as caught:
        office.act(Kind.PIPELINES, "create", {}, text="name: [\n")
    assert caught.value.problem.flaws[0].line is not None


def test_a_pipeline_is_made_from_yaml_with_the_project_of_the_address(office: Office) -> None:
    text = "kind: PIPELINE\nname: from yaml\nstageOrder: []\nstages: {}\n"
    assert office.act(Kind.PIPELINES, "create", {"project": "default"}, text=text)["name"] == "from yaml"


def test_saving_warns_of_what_is_missing_and_of_an_unused_image(office: Office) -> None:
    body = copy.deepcopy(PIPELINE)
    body["stages"]["Deploy"]["tasks"]["Apply"]["input"]["yaml"] = "image: acme/web:latest"
    warnings = [one["message"]["message"] for one in office.act(Kind.PIPELINES, "create", body)["_warnings"]]
    assert any("endpoint cluster" in one for one in warnings)
    assert any("pushed image" in one for one in warnings)


def test_saving_warns_of_inputs_that_a_nested_run_or_a_rollback_would_be_refused_for(office: Office) -> None:
    nested = {"input": {"URL": "", "TAG": "latest"}, "_inputMeta": {"URL": {"mandatory": True}}}
    task: dict[str, Any] = {"type": "Pipeline", "input": {"pipeline": "Smoke", "inputProperties": {"URI": "${name}"}}}
    body = {
        "name": "Both",
        "options": [],
        "stageOrder": ["A"],
        "stages": {"A": {"taskOrder": ["T"], "tasks": {"T": task}}},
        "rollbacks": [{"name": "Smoke", "inputs": {"URL": "x", "TAGS": "y"}}],
    }
    created = create(office, **body)
    (before,) = [one["message"]["message"] for one in created["_warnings"]]
    assert before == "there is no pipeline Smoke in this project yet"
    create(office, **nested, name="Smoke")
    warnings = office.get(Kind.PIPELINES, id=created["id"])["_warnings"]
    inputs = "stages.A.tasks.T.input.inputProperties"
    assert {warning["message"]["fieldName"]: warning["message"]["message"] for warning in warnings} == {
        "rollbacks[0].inputs.TAGS": "a rollback runs Smoke: the pipeline has no input TAGS (did you mean TAG?)",
        f"{inputs}.URI": "A.T runs Smoke: the pipeline has no input URI (did you mean URL?)",
        f"{inputs}.URL": "A.T runs Smoke: input URL is mandatory and has no value",
    }
    task["input"]["inputProperties"] = {"URL": "${name}", "DOCKER_TAG": "1"}
    body["rollbacks"] = []
    assert office.act(Kind.PIPELINES, "patch", body, id=created["id"])["_warnings"] == []


def test_versions_are_kept_compared_and_restored(office: Office) -> None:
    created = create(office)
    changed = {**created, "description": "second", "input": {"namespace": "prod", "DOCKER_TAG": ""}}
    office.act(Kind.PIPELINES, "replace", changed, id=created["id"])
    versions = office.desk.find(Find(kind=Kind.PIPELINES, parent=created["id"]), Caller(user="admin"))
    assert [one["version"] for one in versions.documents] == ["2", "1"]
    assert "-  namespace: web" in text_of(office, created["id"], diff=[1, 2])
    restored = office.act(Kind.PIPELINES, "restore", {"version": 1}, id=created["id"])
    assert (restored["version"], restored["input"]["namespace"], restored["description"]) == ("3", "web", "")


def test_a_pipeline_is_found_by_state_and_by_names_in_the_address(office: Office) -> None:
    office.pipeline("on")
    office.pipeline("off", enabled=False)
    assert office.names(Kind.PIPELINES, filter="state eq 'ENABLED'") == ["on"]
    assert office.names(Kind.PIPELINES, filter="((name eq 'on')) and ((project eq 'default'))") == ["on"]
    assert office.names(Kind.PIPELINES, orderby="name desc") == ["on", "off"]
    assert office.get(Kind.PIPELINES, project="default", name="off")["enabled"] is False


def test_a_pipeline_that_a_webhook_starts_is_not_deleted_or_renamed(office: Office) -> None:
    created = office.pipeline()
    office.webhook(pipeline="Deploy web")
    assert "webhook web" in refused(Code.IN_USE, office.act, Kind.PIPELINES, "delete", id=created["id"])
    refused(Code.IN_USE, office.act, Kind.PIPELINES, "patch", {"name": "other"}, id=created["id"])


def test_a_deleted_pipeline_comes_back_as_the_answer(office: Office) -> None:
    created = create(office)
    assert office.act(Kind.PIPELINES, "delete", id=created["id"])["id"] == created["id"]
    refused(Code.NOT_FOUND, office.get, Kind.PIPELINES, created["id"])


def test_running_answers_with_code_streams_execution_response(office: Office) -> None:
    created = office.pipeline()
    answer = office.act(Kind.PIPELINES, "execute", {"comments": "", "input": {}}, id=created["id"])
    assert answer["executionLink"] == f"/codestream/api/executions/{answer['executionId']}"
    assert "run.execution.v1" in office.promised
    office.user("ann", default="viewers")
    refused(Code.FORBIDDEN, office.act, Kind.PIPELINES, "execute", id=created["id"], by="ann")
    office.user("bob", service="Executor")
    office.act(Kind.PIPELINES, "execute", id=created["id"], by="bob")


def test_a_disabled_pipeline_is_not_run(office: Office) -> None:
    created = create(office)
    assert "nable" in refused(Code.CONFLICT, office.act, Kind.PIPELINES, "execute", id=created["id"])


def test_docker_inputs_are_there_for_a_run_though_the_author_left_them_out(office: Office) -> None:
    office.pipeline()
    with office.store.read() as uow:
        found = pipelines.pipeline_for_run(uow, "default", "Deploy web")
    assert found is not None and found.enabled
    assert found.tree["input"]["DOCKER_DIGEST"] == ""
    assert "DOCKER_DIGEST" not in office.get(Kind.PIPELINES, found.id)["input"]


def test_a_run_gets_its_endpoints_and_variables_as_they_stand_now(office: Office) -> None:
    office.pipeline()
    office.act(Kind.VARIABLES, "create", {"name": "greeting", "type": "REGULAR", "value": "hello"})
    properties = {"kubernetesURL": "https://10.0.0.1:6443", "token": "${var.kube}"}
    office.act(Kind.VARIABLES, "create", {"name": "kube", "type": "SECRET"}, sealed=office.sealed(value="t0ken"))
    office.act(Kind.ENDPOINTS, "create", {"name": "cluster", "type": "k8s", "properties": properties})
    with office.store.read() as uow:
        pipeline = pipelines.pipeline_for_run(uow, "default", "Deploy web")
        assert pipeline is not None
        plan = compile_plan(read_pipeline(pipeline.tree))
        endpoints, variables = references.resolve_for_run(uow, "default", plan)
    assert office.opener.open(endpoints["cluster"].secrets["token"]) == "t0ken"
    assert {name: one.value for name, one in variables.items()} == {"greeting": "hello"}


def test_a_copy_is_disabled_and_has_its_own_name(office: Office) -> None:
    created = office.pipeline()
    copied = office.act(Kind.PIPELINES, "clone", {"name": "second"}, id=created["id"])
    assert (copied["name"], copied["enabled"]) == ("second", False)


def test_nobody_who_came_with_a_token_can_start_a_run_as_part_of_somebody_elses(office: Office) -> None:
    office.user("ann", default="members")
    created = office.act(Kind.TOKENS, "create", {"name": "ci"}, by="ann", hashes={"token": token_hash("ci")})
    pipeline = office.pipeline()
    parent = {"executionId": "e1", "stage": "S", "task": "T", "requestedBy": "admin"}
    order = Act(kind=Kind.PIPELINES, verb="execute", id=pipeline["id"], body={"_parent": parent})
    answer = office.desk.act(order, Caller(user="ann", token_id=created["id"]), None).document
    with office.store.read() as uow:
        seen = execution_views.one(uow, answer["executionId"])
    assert seen is not None and (seen.requested_by, seen.nested, seen.parent) == ("ann", False, None)


@pytest.mark.parametrize("version", ["x", -1, 10**20, "", None])
def test_a_version_that_is_no_number_is_refused(office: Office, version: object) -> None:
    created = office.pipeline()
    assert "must be a number" in refused(
        Code.INVALID, office.act, Kind.PIPELINES, "restore", {"version": version}, id=created["id"]
    )


def test_more_at_a_time_than_any_database_counts_is_refused(office: Office) -> None:
    assert "concurrency" in refused(Code.INVALID, office.pipeline, concurrency=10**20)
