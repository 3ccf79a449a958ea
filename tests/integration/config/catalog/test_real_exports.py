"""Files in the shape of Code Stream's exports, with all fields that it writes and task types that do not run here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from services.config.catalog.pipelines.documents import warning
from services.config.catalog.transfer import outcomes
from services.config.model.people import SYSTEM
from services.config.runs import admission
from services.config.store.definitions import pipelines
from shared.contracts.catalog import Kind
from shared.contracts.problems import Refused
from tests import support
from tests.integration.config.catalog.test_files import exported, take
from tests.integration.config.office import Office

FILES = Path(support.__file__).parent / "exported"
DELIVERY = (FILES / "shop-delivery.yaml").read_text()


@pytest.fixture
def report(office: Office) -> dict[str, Any]:
    """What became of all of it, taken at once as one file."""
    office.act(Kind.PROJECTS, "create", {"name": "Shop"})
    return take(office, "".join(file.read_text() for file in sorted(FILES.glob("*.yaml")))).document


def start(office: Office, name: str, values: dict[str, Any]) -> dict[str, Any]:
    with office.store.write() as uow:
        pipeline = pipelines.pipeline_for_run(uow, "Shop", name)
        assert pipeline is not None
        return admission.start_manual(uow, pipeline, SYSTEM, {"input": values})


RUNS = ""
_ELSEWHERE = "; name a k8s endpoint in workspace.endpoint, or in the task's endpoints.kubernetesServer"
_ON_A_HOST = f"the workspace is on the Docker host build-host, and steps run here in a Kubernetes cluster{_ELSEWHERE}"
_BUILD = "do not run here; use REST to start the build and POLL to wait for its result, or CI instead"
OUTCOMES = {
    ("Chat", "Prepare", "Machine"): (
        "tasks of type Blueprint do not run here; use K8S, or REST to the tool that provisions instead"
    ),
    ("Chat", "Prepare", "Settle"): _ON_A_HOST,
    ("Chat", "Prepare", "Notes"): (
        "tasks of type vRO do not run here; use REST to start the workflow and POLL to wait for it, or SSH instead"
    ),
    ("Chat", "Prepare", "Order"): f"tasks of type Bamboo {_BUILD}",
    ("Chat", "Deploy", "Remove namespace"): RUNS,
    ("Chat", "Deploy", "Create namespace"): RUNS,
    ("Chat", "Deploy", "Service"): RUNS,
    ("Chat", "Deploy", "From Git"): RUNS,
    ("Chat", "Deploy", "Register"): f"tasks of type TFS {_BUILD}",
    ("Chat", "Approve", "Ask"): RUNS,
    ("Chat", "Clean up", "Shut down"): "tasks of type PCF do not run here; use K8S instead",
    ("Shop delivery", "Build", "Compile"): _ON_A_HOST,
    ("Shop delivery", "Build", "Scan images"): _ON_A_HOST,
    ("Shop delivery", "Build", "Unit tests"): f"tasks of type Jenkins {_BUILD}",
    ("Shop delivery", "Approve", "Ask"): RUNS,
    ("Shop delivery", "Deploy", "Manifest"): RUNS,
    ("Shop delivery", "Deploy", "Wait until it answers"): (
        "exitCriteria.success: ${responseCode} names nothing that a run knows "
        "(to mean the text itself, write $${responseCode})"
    ),
    ("Shop delivery", "Deploy", "Tell the host"): (
        "tasks of type PowerShell do not run here; use SSH, or CI with an image that has PowerShell instead"
    ),
    ("Shop roll-out", "Deploy", "Roll out"): RUNS,
    ("Shop rollback", "Back", "Undo"): "revision: revision must be a whole number",
}
"""Every task of every export: it runs, or why not and what to use instead."""


def test_everything_is_taken(report: dict[str, Any]) -> None:
    assert [(one["name"], one["status"]) for one in report["objects"]] == [
        ("Chat", "CREATED"),
        ("chat-cluster", "CREATED"),
        ("chat-sources", "CREATED"),
        ("build-host", "CREATED"),
        ("chat-images", "CREATED"),
        ("Shop delivery", "CREATED"),
        ("Shop roll-out", "CREATED"),
        ("Shop rollback", "CREATED"),
        ("shop-cluster", "CREATED"),
        ("ci-server", "CREATED"),
        ("windows-password", "CREATED"),
        ("greeting", "CREATED"),
    ]


def test_the_report_is_right_about_every_task(report: dict[str, Any]) -> None:
    reasons = {
        (entry["name"], task["stage"], task["task"]): task["reason"]
        for entry in report["objects"]
        for task in entry["willNotRun"]
    }
    tasks = [
        (tree["name"], stage, task)
        for file in FILES.glob("*.yaml")
        for tree in yaml.safe_load_all(file.read_text())
        if tree["kind"] == "PIPELINE"
        for stage, its in tree["stages"].items()
        for task in its["tasks"]
    ]
    assert {place: reasons.get(place, RUNS) for place in tasks} == OUTCOMES
    assert set(reasons) <= set(tasks)


def test_what_releases_8_0_to_8_2_wrote_runs_as_what_later_ones_write(office: Office, report: dict[str, Any]) -> None:
    preview = office.act(Kind.PIPELINES, "dry-run", {"input": {"team": "blue"}}, project="Shop", name="Chat")
    tasks = {task["name"]: task for stage in preview["stages"] for group in stage["groups"] for task in group}
    assert tasks["From Git"]["runs"] and tasks["From Git"]["input"]["filePath"] == "deploy/chat.yaml"
    assert tasks["From Git"]["input"]["scmConstants"] == {"TEAM": "blue"}
    stored = office.get(Kind.PIPELINES, project="Shop", name="Chat")["stages"]["Deploy"]["tasks"]["From Git"]
    assert "filepath" in stored["input"]


def test_a_mandatory_input_without_a_value_lets_an_imported_pipeline_start_with_a_warning(
    office: Office, report: dict[str, Any]
) -> None:
    warned = "input team is mandatory and has no value: an imported pipeline starts with it blank, as Code Stream did"
    assert warned in report["objects"][0]["warnings"]
    started = start(office, "Chat", {})
    assert started["_warnings"] == [warned]
    given = start(office, "Chat", {"team": "blue"})
    assert "_warnings" not in given
    own = {**office.get(Kind.PIPELINES, project="Shop", name="Chat"), "name": "Own", "_imported": True}
    office.act(Kind.PIPELINES, "create", {key: own[key] for key in own if key not in ("id", "_link")})
    office.act(Kind.PIPELINES, "patch", {"state": "ENABLED"}, project="Shop", name="Own")
    with pytest.raises(Refused, match="team is mandatory"):
        start(office, "Own", {})


def test_a_docker_host_is_told_from_a_registry_and_old_names_of_properties_are_read(
    office: Office, report: dict[str, Any]
) -> None:
    kept = {
        name: office.get(Kind.ENDPOINTS, project="Shop", name=name)
        for name in ("build-host", "chat-images", "chat-cluster", "chat-sources")
    }
    assert {name: endpoint["type"] for name, endpoint in kept.items()} == {
        "build-host": "docker-host",
        "chat-images": "docker",
        "chat-cluster": "k8s",
        "chat-sources": "git",
    }
    assert kept["chat-images"]["properties"]["repoURL"] == "https://hub.docker.com/repository/docker/acme/chat"
    assert kept["chat-cluster"]["properties"]["kubernetesURL"] == "https://chat.example.com:6443"
    assert kept["chat-sources"]["properties"]["repoURL"] == "https://git.example.com/acme/chat.git"
    (host,) = [entry for entry in report["objects"] if entry["name"] == "build-host"]
    assert host["warnings"] == [
        f"a Docker host runs nothing here: CI and Custom tasks run as Jobs in a Kubernetes cluster{_ELSEWHERE}"
    ]


def test_a_warning_names_its_stage_and_task_and_repeats_nothing_of_what_will_not_run(report: dict[str, Any]) -> None:
    warnings = [warning for entry in report["objects"] for warning in entry["warnings"]]
    assert not [warning for warning in warnings if "do not run here" in warning]
    document = {
        "stages": {"Deploy": {"tasks": {"Manifest": {}, "Tell": {}}}},
        "_warnings": [
            warning(
                "Shop", f"stages.Deploy.tasks.{task}.input.colour", "a K8S task makes no use of input.colour", "INFO"
            )
            for task in ("Manifest", "Tell")
        ],
    }
    assert outcomes.warnings(document, [{"stage": "Deploy", "task": "Tell"}]) == [
        "Deploy.Manifest: a K8S task makes no use of input.colour"
    ]


def test_what_the_file_itself_brings_is_not_said_to_be_missing(report: dict[str, Any]) -> None:
    said = " ".join(report["objects"][5]["warnings"])
    assert "no endpoint tracker" in said and "no integration scanner" in said
    assert "Shop rollback" not in said and "shop-cluster" not in said


def test_an_imported_pipeline_with_a_foreign_input_can_be_read_at_any_version_enabled_and_disabled(
    office: Office, report: dict[str, Any]
) -> None:
    id = report["objects"][7]["id"]
    for state in ("DISABLED", "ENABLED", "RELEASED"):
        assert office.act(Kind.PIPELINES, "patch", {"state": state}, id=id)["state"] == state
    assert office.get(Kind.PIPELINES, id, options={"version": 1})["state"] == "ENABLED"
    assert office.act(Kind.PIPELINES, "restore", {"version": 1}, id=id)["state"] == "RELEASED"


def test_every_secret_that_did_not_come_is_on_one_list(report: dict[str, Any]) -> None:
    assert report["needsSecrets"] == [
        "endpoint chat-cluster: properties.password",
        "endpoint chat-sources: properties.token",
        "endpoint chat-images: properties.password",
        "endpoint shop-cluster: properties.token",
        "endpoint ci-server: properties.password",
        "variable windows-password: value",
    ]


def test_every_field_comes_out_as_it_went_in(office: Office, report: dict[str, Any]) -> None:
    again = yaml.safe_load(exported(office, "Shop", pipelines=["Shop delivery"]))
    assert {key: again[key] for key in yaml.safe_load(DELIVERY)} == yaml.safe_load(DELIVERY)
    assert set(again) - set(yaml.safe_load(DELIVERY)) <= {"tags"}


def test_every_field_is_in_the_json_too_and_survives_being_put_back(office: Office, report: dict[str, Any]) -> None:
    document = office.get(Kind.PIPELINES, project="Shop", name="Shop delivery")
    written = yaml.safe_load(DELIVERY)
    assert {key: document[key] for key in written} == written
    put = office.act(Kind.PIPELINES, "replace", document, id=document["id"])
    changing = {"version", "updatedAt", "_updateTimeInMicros"}
    assert {k: v for k, v in put.items() if k not in changing} == {
        k: v for k, v in document.items() if k not in changing
    }


def test_an_endpoint_of_a_type_that_we_do_not_know_is_kept_without_its_secret_in_clear(
    office: Office, report: dict[str, Any]
) -> None:
    kept = office.get(Kind.ENDPOINTS, project="Shop", name="ci-server")
    assert kept["type"] == "jenkins" and kept["properties"]["url"] == "https://ci.example.com"


def test_taken_again_it_is_updated_and_the_rollback_keeps_the_delivery_from_losing_it(
    office: Office, report: dict[str, Any]
) -> None:
    again = take(office, DELIVERY).document
    assert [one["status"] for one in again["objects"]] == ["UPDATED"]
    rollback = office.get(Kind.PIPELINES, project="Shop", name="Shop rollback")
    with pytest.raises(Exception, match="Shop delivery"):
        office.act(Kind.PIPELINES, "delete", id=rollback["id"])
