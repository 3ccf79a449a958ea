"""A program that deploys through the API, as such programs were written: find, create, enable, run, poll, delete."""

from __future__ import annotations

import time
from typing import Any

from cli import demo, system
from tests.support.go_types import EXECUTION, PIPELINE, unmarshal
from tests.support.world import World

from .clients import Rest

MANIFEST = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: flow
  namespace: apps
data:
  greeting: ${input.greeting}
"""
POLL_S, POLLS = 0.2, 300


def task(action: str, condition: str) -> dict[str, Any]:
    return {
        "type": "K8S",
        "preCondition": condition,
        "_configured": True,
        "ignoreFailure": False,
        "tags": [],
        "endpoints": {"kubernetesServer": demo.CLUSTER_ENDPOINT},
        "input": {"action": action, "timeout": 5, "filePath": "", "scmConstants": {}, "yaml": MANIFEST},
    }


def body(name: str) -> dict[str, Any]:
    return {
        "project": "default",
        "kind": "PIPELINE",
        "name": name,
        "description": "",
        "enabled": True,
        "icon": "organization,left, is-info",
        "concurrency": 10,
        "input": {"method": "apply", "greeting": "hello"},
        "_inputMeta": {"method": {"description": "", "mandatory": True}},
        "output": {},
        "starred": {},
        "options": [],
        "workspace": {
            "image": "", "path": "", "endpoint": "", "cache": [], "customProperties": {},
            "limits": {"cpu": 1.0, "memory": 512}, "autoCloneForTrigger": False,
        },
        "notifications": {"email": [], "jira": [], "webhook": []},
        "stageOrder": ["Work"],
        "stages": {
            "Work": {
                "tags": [],
                "taskOrder": ["Apply,Delete"],
                "tasks": {
                    "Apply": task("APPLY", '${input.method}=="apply"'),
                    "Delete": task("DELETE", '${input.method}=="delete"'),
                },
            }
        },
    }  # fmt: skip


def run(rest: Rest, pipeline: str, inputs: dict[str, Any]) -> dict[str, Any]:
    """Start a run and fetch `{base}{executionLink}` until it is over."""
    started = rest.call("POST", f"/codestream/api/pipelines/{pipeline}/executions", None, {"input": inputs}).json()
    for _ in range(POLLS):
        execution: dict[str, Any] = rest.call("GET", started["executionLink"]).json()
        if execution["status"] in ("COMPLETED", "FAILED"):
            return execution
        time.sleep(POLL_S)
    raise AssertionError(f"still {execution['status']} after {POLLS * POLL_S:.0f} s")


def test_find_create_enable_run_poll_and_delete(world: World) -> None:
    rest = Rest(world.layout.url, world.layout.certificate)
    password = world.layout.password_file.read_text().strip()
    login = {"username": system.ADMIN, "password": password}
    refresh = rest.call("POST", "/csp/gateway/am/api/login?access_token", None, login).json()["refresh_token"]
    rest.bearer(rest.call("POST", "/iaas/api/login", None, {"refreshToken": refresh}).json()["token"])

    page = rest.call("GET", "/iaas/api/projects", {"$filter": "name eq 'default'"}).json()
    assert page["totalElements"] == page["numberOfElements"] == 1
    found = rest.call("GET", "/codestream/api/endpoints", {"$filter": f"(name eq '{demo.CLUSTER_ENDPOINT}')"}).json()
    endpoint = found["documents"][found["links"][0]]
    assert endpoint["type"] == "k8s" and endpoint["name"] == demo.CLUSTER_ENDPOINT

    created = rest.call("POST", "/codestream/api/pipelines", None, body("flow")).json()
    unmarshal(created, PIPELINE)
    assert created["state"] == "DISABLED" and created["enabled"] is False
    id = created["id"]
    try:
        assert (
            rest.call("PATCH", f"/codestream/api/pipelines/{id}", None, {"state": "ENABLED"}).json()["enabled"] is True
        )
        applied = run(rest, id, {"method": "apply", "greeting": "hello"})
        assert applied["status"] == "COMPLETED", applied["statusMessage"]
        unmarshal(applied, EXECUTION)
        tasks = applied["stages"]["Work"]["tasks"]
        assert tasks["Delete"]["status"] == "SKIPPED"
        assert tasks["Apply"]["output"]["response"]["configmaps"]["flow"]["data"] == {"greeting": "hello"}
        assert world.cluster.get("/api/v1/namespaces/apps/configmaps/flow")["data"] == {"greeting": "hello"}  # type: ignore[index]
        removed = run(rest, id, {"method": "delete"})
        assert removed["status"] == "COMPLETED", removed["statusMessage"]
        assert world.cluster.get("/api/v1/namespaces/apps/configmaps/flow") is None
    finally:
        assert rest.call("DELETE", f"/codestream/api/pipelines/{id}").json()["id"] == id
    assert rest.session.get(f"{rest.base}/codestream/api/pipelines/{id}", timeout=30).status_code == 404
