"""What an imported object will do here: tasks that will not run, with what to use instead, and warnings. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from services.config.catalog.endpoints.schemas import TYPES
from services.config.catalog.pipelines.documents import task_of
from shared.contracts.base import Json
from shared.contracts.endpoint_names import DOCKER_HOST
from shared.grammar.names import nearest
from shared.grammar.spec import split_group
from shared.grammar.task_schemas import CUSTOM, TASK_SCHEMAS

_BUILD_SERVER = "REST to start the build and POLL to wait for its result, or CI"
_PROVISIONER = "K8S, or REST to the tool that provisions"
INSTEAD = {
    "jenkins": _BUILD_SERVER,
    "bamboo": _BUILD_SERVER,
    "tfs": _BUILD_SERVER,
    "powershell": "SSH, or CI with an image that has PowerShell",
    "vro": "REST to start the workflow and POLL to wait for it, or SSH",
    "blueprint": _PROVISIONER,
    "cloudtemplate": _PROVISIONER,
    "terraform": "CI with an image that has Terraform",
    "pcf": "K8S",
    "gerrit": "REST",
}
"""Task types of Code Stream that do not run here, in small letters, and what does the same."""
_ON_A_WORKSPACE = ("CI", CUSTOM)
_NAME_A_CLUSTER = "name a k8s endpoint in workspace.endpoint, or in the task's endpoints.kubernetesServer"


def will_not_run(document: Mapping[str, Any], endpoint_types: Mapping[str, str]) -> list[Json]:
    """The tasks of a stored pipeline that do not run here, in order, each with stage, task, type and reason.

    `endpoint_types`: the types of the project's endpoints by name.
    """
    reasons: dict[tuple[str, str], str] = {}
    for stage, name, task in _tasks(document):
        if reason := _by_type(task) or _by_workspace(document.get("workspace") or {}, task, endpoint_types):
            reasons[stage, name] = reason
    for message in _messages(document):
        place = task_of(document, message["fieldName"])
        if message["level"] == "SEVERE" and place is not None and place not in reasons:
            reasons[place] = f"{message['fieldName'].partition('.input.')[2]}: {message['message']}"
    return [
        {"stage": stage, "task": name, "type": task.get("type"), "reason": reasons[stage, name]}
        for stage, name, task in _tasks(document)
        if (stage, name) in reasons
    ]


def warnings(document: Mapping[str, Any], tasks_left_out: list[Json]) -> list[str]:
    """What deserves attention, each with its stage and task; what is said of tasks that will not run is left out."""
    left_out = {(task["stage"], task["task"]) for task in tasks_left_out}
    placed = (_placed(document, message) for message in _messages(document))
    return [text for place, text in placed if place not in left_out]


def endpoint_warnings(type_: str) -> list[str]:
    """What an endpoint's type means here."""
    if type_ == DOCKER_HOST:
        return [
            "a Docker host runs nothing here: CI and Custom tasks run as Jobs in a Kubernetes cluster; "
            + _NAME_A_CLUSTER
        ]
    return [] if type_ in TYPES else [f"endpoints of type {type_} are kept, and no task here uses them"]


def _tasks(document: Mapping[str, Any]) -> Iterator[tuple[str, str, Json]]:
    """In the order in which they run, those that no order names last."""
    stages: Mapping[str, Any] = document.get("stages") or {}
    for stage in dict.fromkeys((*(document.get("stageOrder") or ()), *stages)):
        tasks: Mapping[str, Json] = (stages.get(stage) or {}).get("tasks") or {}
        order = [name for item in (stages.get(stage) or {}).get("taskOrder") or () for name in split_group(item)]
        for name in dict.fromkeys((*order, *tasks)):
            if name in tasks:
                yield stage, name, tasks[name]


def _messages(document: Mapping[str, Any]) -> Iterator[Json]:
    return (entry["message"] for entry in document.get("_warnings") or ())


def _placed(document: Mapping[str, Any], message: Json) -> tuple[tuple[str, str] | None, str]:
    place, text = task_of(document, message["fieldName"], ""), str(message["message"])
    if place is None or ".".join(place) in text:
        return place, text
    return place, f"{'.'.join(place)}: {text}"


def _by_type(task: Json) -> str:
    type_ = str(task.get("type"))
    if type_ in TASK_SCHEMAS:
        return ""
    instead = INSTEAD.get(type_.casefold())
    near = nearest(type_, TASK_SCHEMAS)
    hint = f"; use {instead} instead" if instead else f"; did you mean {near}?" if near else ""
    return f"tasks of type {type_} do not run here{hint}"


def _by_workspace(workspace: Json, task: Json, endpoint_types: Mapping[str, str]) -> str:
    """Of a task that runs in a container: what its place lacks. An endpoint that is not there yet is a warning."""
    if task.get("type") not in _ON_A_WORKSPACE:
        return ""
    if task.get("type") == "CI" and not workspace.get("image"):
        return "the workspace names no image to run the steps in; set workspace.image"
    name = (task.get("endpoints") or {}).get("kubernetesServer") or workspace.get("endpoint") or ""
    if not name:
        return f"the workspace names no cluster; {_NAME_A_CLUSTER}"
    type_ = endpoint_types.get(name, "")
    if type_ == DOCKER_HOST:
        return (
            f"the workspace is on the Docker host {name}, and steps run here in a Kubernetes cluster; {_NAME_A_CLUSTER}"
        )
    if type_ and type_ != "k8s":
        return f"the workspace's endpoint {name} is of type {type_}; {_NAME_A_CLUSTER}"
    return ""
