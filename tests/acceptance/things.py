"""Objects to try rights on: each call makes a new one in the project `matrix`, so that any row may destroy it."""

from __future__ import annotations

import itertools
from functools import cached_property
from typing import Any

import requests

from cli.demo import HUB_PASSWORD, HUB_USER, REPOSITORY
from cli.portside.api import Client
from tests.support.patience import PATIENCE_S
from tests.support.world import wait_for

PROJECT = "matrix"
RAN, TEMPLATE, REGISTRY, TRIED = "has run", "promote", "registry", "tried"
LISTENER = {"endpoint": "gerrit", "apiToken": "secret-of-gerrit"}
TRIGGER = {"branch": "master", "gerritProject": "web", "listener": "gerrit"}
INTEGRATION = "runtime: shell\ncode: |\n  echo hello\n"
Json = dict[str, Any]
_STAGES = {
    "Log": {"type": "Log", "input": {"message": "hello"}},
    "Ask": {"type": "UserOperation", "input": {"approvers": [], "summary": "Go on?", "expiration": 1}},
}
DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: matrix, namespace: default}
spec:
  selector: {matchLabels: {app: matrix}}
  template:
    metadata: {labels: {app: matrix}}
    spec: {containers: [{name: web, image: "acme/web:1.4.0"}]}
"""


SCHEDULE: Json = {"pipeline": RAN, "cron": "0 3 * * *", "enabled": False}


def stages(task: str) -> Json:
    return {"stageOrder": ["Only"], "stages": {"Only": {"taskOrder": [task], "tasks": {task: _STAGES[task]}}}}


class Things:
    """Made by an administrator over the same API."""

    def __init__(self, client: Client, certificate: str, kubernetes: Json, hub_url: str) -> None:
        self.client = client
        self.certificate = certificate
        self.kubernetes = kubernetes
        self.hub_url = hub_url
        self.numbers = itertools.count(1)

    def name(self, noun: str) -> str:
        return f"{noun}-{next(self.numbers)}"

    def _made(self, collection: str, **body: Any) -> Json:
        return self.client.post(f"/{collection}", {"project": PROJECT, "name": self.name(collection), **body})

    def pipeline(self, task: str = "Log") -> Json:
        made = self._made("pipelines", **stages(task))
        return self.client.patch(f"/pipelines/{made['id']}", {"state": "ENABLED"})

    @cached_property
    def ran(self) -> Json:
        """A pipeline with one finished execution."""
        made = self.client.post("/pipelines", {"project": PROJECT, "name": RAN, **stages("Log")})
        pipeline = self.client.patch(f"/pipelines/{made['id']}", {"state": "ENABLED"})
        self.client.post(f"/pipelines/{pipeline['id']}/executions", {})
        self._wait(f"/pipelines/{pipeline['id']}/executions/1", "COMPLETED")
        return pipeline

    def ended(self) -> Json:
        """A finished execution."""
        started = self.client.post(f"/pipelines/{self.ran['id']}/executions", {})
        return self._wait(f"/executions/{started['executionId']}", "COMPLETED")

    def numbered(self) -> Json:
        """The pipeline of a finished execution, and that execution's number."""
        return {**self.ran, "index": self.ended()["index"]}

    def going(self) -> Json:
        """An execution that waits for an answer."""
        pipeline = self.pipeline("Ask")
        started = self.client.post(f"/pipelines/{pipeline['id']}/executions", {})
        return self._wait(f"/executions/{started['executionId']}", "WAITING")

    @cached_property
    def template(self) -> Json:
        """One that comes with the installation, and the endpoint that its answers name."""
        assert self.registry
        return {"name": TEMPLATE}

    @cached_property
    def cluster(self) -> Json:
        """The demo's cluster."""
        return self._made("endpoints", type="k8s", properties=self.kubernetes)

    @cached_property
    def registry(self) -> Json:
        """A repository of the demo's Hub."""
        properties = {
            "serverType": "DockerHub",
            "repoURL": REPOSITORY,
            "username": HUB_USER,
            "password": HUB_PASSWORD,
            "hubURL": self.hub_url,
            "registryURL": self.hub_url,
        }
        body = {"project": PROJECT, "name": REGISTRY, "type": "docker", "properties": properties}
        return self.client.post("/endpoints", body)

    def schedule(self) -> Json:
        assert self.ran
        return self._made("schedules", **SCHEDULE)

    @cached_property
    def deployed(self) -> Json:
        """What a finished execution left in the demo's cluster."""
        task = {
            "type": "K8S",
            "endpoints": {"kubernetesServer": self.cluster["name"]},
            "input": {"action": "APPLY", "timeout": 1, "yaml": DEPLOYMENT},
        }
        only = {"taskOrder": ["Apply"], "tasks": {"Apply": task}}
        pipeline = self._made("pipelines", stageOrder=["Only"], stages={"Only": only})
        self.client.patch(f"/pipelines/{pipeline['id']}", {"state": "ENABLED"})
        self.client.post(f"/pipelines/{pipeline['id']}/executions", {})
        self._wait(f"/pipelines/{pipeline['id']}/executions/1", "COMPLETED")
        return self.client.documents("/deployments", **{"$filter": f"project eq '{PROJECT}'"})[0]

    def question(self) -> Json:
        execution = self.going()
        return wait_for(
            lambda: next(
                (
                    one
                    for one in self.client.documents(
                        "/user-operations", **{"$top": "500", "$filter": "status eq 'ACTIVE'"}
                    )
                    if one["executionId"] == execution["id"]
                ),
                None,
            ),
            "a user operation",
        )

    def endpoint(self) -> Json:
        return self._made("endpoints", type="webhook", properties={"url": "https://hooks.example.com"})

    def variable(self) -> Json:
        return self._made("variables", type="REGULAR", value="one")

    def restricted_variable(self) -> Json:
        return self._made("variables", type="RESTRICTED", value="one")

    def restricted_endpoint(self) -> Json:
        return self._made("endpoints", type="webhook", properties={"url": "https://x.example.com"}, isRestricted=True)

    def git_webhook(self) -> Json:
        return self._made("git-webhooks")

    def git_event(self) -> Json:
        """A push that a Git webhook has kept."""
        hook = self.git_webhook()
        url = f"{self.client.base_url}/{hook['externalListenerLink']}?token={hook['secretToken']}"
        answer = requests.post(url, json={"ref": "refs/heads/main"}, verify=self.certificate, timeout=PATIENCE_S)
        answer.raise_for_status()
        event: Json = answer.json()
        return event

    def gerrit_listener(self) -> Json:
        return self._made("gerrit-listeners", **LISTENER)

    def gerrit_trigger(self) -> Json:
        return self._made("gerrit-triggers", **TRIGGER)

    @cached_property
    def gerrit_trigger_tried(self) -> Json:
        """One that calls may try."""
        return self.client.post("/gerrit-triggers", {"project": PROJECT, "name": TRIED, **TRIGGER})

    def gerrit_event(self) -> Json:
        """What trying a trigger has kept."""
        trigger = self.gerrit_trigger()
        order = {"changeId": "I1", "project": PROJECT, "trigger": trigger["name"]}
        tried = self.client.post("/gerrit-events", order)
        return self.client.get(f"/gerrit-events/{tried['events'][0]}")

    def integration(self) -> Json:
        return self._made("custom-integrations", yaml=INTEGRATION)

    def integration_version(self) -> Json:
        """A version that is released, at the address of its integration."""
        made = self.integration()
        versions = f"/custom-integrations/{made['id']}/versions"
        self.client.post(versions, {"version": "1.0"})
        self.client.post(f"{versions}/1.0/release", {})
        return {"id": made["id"], "label": "1.0"}

    def settled(self) -> Json:
        """A user operation that somebody has answered."""
        question = self.question()
        self.client.patch(f"/user-operations/{question['id']}", {"status": "Approved"})
        return question

    def webhook(self) -> Json:
        return self._made("registry-webhooks")

    @cached_property
    def _heard(self) -> Json:
        return self.webhook()

    def event(self) -> Json:
        """A push that a webhook without pipeline has kept."""
        tag = self.name("tag")
        payload = {"push_data": {"tag": tag, "pusher": "ann"}, "repository": {"repo_name": "acme/web"}}
        requests.post(
            self._heard["hookUrl"], json=payload, verify=self.certificate, timeout=PATIENCE_S
        ).raise_for_status()

        def judged() -> Json | None:
            found = self.client.documents("/registry-events", **{"$filter": f"tag eq '{tag}'"})
            return found[0] if found and found[0]["verdict"] else None

        return wait_for(judged, f"a verdict on {tag}")

    def project(self) -> Json:
        return self.client.post("/projects", {"name": self.name("project")})

    def followed(self) -> Json:
        """A project with the people of `matrix` that follows a repository; nobody can reach that."""
        people = {role: self.matrix()[role] for role in ("administrators", "members", "viewers")}
        project = self.client.post("/projects", {"name": self.name("followed"), **people})
        properties = {"serverType": "GIT", "repoURL": "https://git.example.com/acme/config.git", "authType": "none"}
        endpoint = {"project": project["name"], "name": "git", "type": "git", "properties": properties}
        self.client.post("/endpoints", endpoint)
        self.client.put(f"/projects/{project['id']}/source", {"endpoint": "git"})
        return project

    def user(self, **body: Any) -> Json:
        name = self.name("user")
        return self.client.post("/users", {"name": name, "email": f"{name}@example.com", **body})

    def token(self) -> Json:
        return self.client.post("/api-tokens", {"name": self.name("token")})

    def provider(self) -> Json:
        body = {"name": self.name("sso"), "issuer": "https://sso.example.com", "clientId": "portside"}
        return self.client.post("/sign-in-providers", body)

    @cached_property
    def audited(self) -> Json:
        """A line of the audit log that belongs to the project."""
        self.variable()
        return self.client.documents("/audit", **{"$filter": f"project eq '{PROJECT}'", "$top": "1"})[0]

    def matrix(self) -> Json:
        """The project itself."""
        return self.client.get(f"/projects/{PROJECT}")

    def _wait(self, path: str, status: str) -> Json:
        def reached() -> Json | None:
            execution = self.client.get(path)
            return execution if execution["status"] == status else None

        return wait_for(reached, f"{path} to be {status}")
