"""The Job of a CI task and the Secret with its script and environment. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from services.runner.task_protocol import TaskFailed, as_word
from shared.contracts.base import Json
from shared.contracts.texts import finite

DEADLINE_S = 6 * 3600
"""A Job that nobody watches any more ends by itself."""
HOME = "/workspace"
_SCRIPT = "steps.sh"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Workspace:
    """A pipeline's workspace, as far as a Job has use for it."""

    image: str
    endpoint: str
    registry: str
    folder: str
    namespace: str
    environment: dict[str, str]
    limits: dict[str, str]


def workspace(tree: Json) -> Workspace:
    """Read `workspace`; what is missing or impossible is reported."""
    image = str(tree.get("image") or "").strip()
    if not image:
        raise TaskFailed("The pipeline's workspace names no image to run the steps in: set `workspace.image`.")
    environment = {str(key): as_word(value) for key, value in (tree.get("environmentVariables") or {}).items()}
    for name in environment:
        if not _NAME.fullmatch(name):
            raise TaskFailed(f"`workspace.environmentVariables`: {name!r} cannot be the name of one.")
    custom = tree.get("customProperties") or {}
    folder = str(tree.get("path") or "").strip()
    return Workspace(
        image=image,
        endpoint=str(tree.get("endpoint") or "").strip(),
        registry=str(tree.get("registry") or "").strip(),
        folder=folder if folder.startswith("/") else f"{HOME}/{folder}".rstrip("/"),
        namespace=str(custom.get("namespace") or "").strip(),
        environment=environment,
        limits=_limits(tree.get("limits") or {}),
    )


def _limits(limits: Json) -> dict[str, str]:
    """`cpu` in cores, `memory` in MiB, as Code Stream has them; text such as `500m` or `2Gi` as Kubernetes has it."""
    result = {}
    for name, unit in (("cpu", ""), ("memory", "Mi")):
        value = limits.get(name)
        if value in (None, "", 0, "0"):
            continue
        amount = finite(value)
        result[name] = str(value) if amount is None else f"{amount:g}{unit}"
    return result


def secret(
    name: str,
    namespace: str,
    script: str,
    place: Workspace,
    labels: dict[str, str],
    files: Mapping[str, str] = MappingProxyType({}),
) -> Json:
    """What the container may see and nobody else need: the script, the files beside it and the environment."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "stringData": {**files, _SCRIPT: script, **place.environment},
    }


def job(
    name: str,
    namespace: str,
    place: Workspace,
    labels: dict[str, str],
    pull_secret: str,
    files: Collection[str] = (),
) -> Json:
    """One pod, once: a step that failed is not run again behind the pipeline's back."""
    items = [{"key": file, "path": file} for file in (_SCRIPT, *files)]
    environment = [
        {"name": key, "valueFrom": {"secretKeyRef": {"name": name, "key": key}}} for key in place.environment
    ]
    container: Json = {
        "name": "steps",
        "image": place.image,
        "command": ["/bin/sh", f"/portside/{_SCRIPT}"],
        "workingDir": place.folder,
        # Where the log may not be read, the last lines of what failed come with the pod's status.
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "env": environment,
        "volumeMounts": [{"name": "workspace", "mountPath": HOME}, {"name": "script", "mountPath": "/portside"}],
    }
    if place.limits:
        container["resources"] = {"limits": place.limits}
    pod: Json = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 5,
        "containers": [container],
        "volumes": [
            {"name": "workspace", "emptyDir": {}},
            {"name": "script", "secret": {"secretName": name, "items": items}},
        ],
    }
    if pull_secret:
        pod["imagePullSecrets"] = [{"name": pull_secret}]
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {
            "backoffLimit": 0,
            "activeDeadlineSeconds": DEADLINE_S,
            "ttlSecondsAfterFinished": 3600,
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }
