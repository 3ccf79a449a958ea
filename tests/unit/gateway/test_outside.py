"""What the API says of an endpoint that is tried or looked behind."""

from __future__ import annotations

from typing import Any

import pytest

from shared.contracts.catalog import Inspect, Inspected, Validated

from .site import Site

HUB = {
    "name": "hub",
    "type": "docker",
    "properties": {"serverType": "DockerHub", "repoURL": "acme/web", "username": "acme"},
}
CLUSTER = {"name": "cluster", "type": "k8s", "properties": {"kubernetesURL": "https://10.0.0.1"}}


def says(site: Site, pull: Validated, hooks: Validated | None) -> Any:
    site.documents["endpoints"] = HUB
    site.post.answers["endpoint.validate"] = lambda _: pull
    if hooks is not None:
        site.post.answers["hub.inspect"] = lambda _: Inspected(document=hooks.model_dump())
    answer = site.call("POST", "/codestream/api/endpoint-validation", json=HUB)
    return answer.status_code, answer.json


PULLS = Validated(ok=True, code="ok", message="It shows acme/web.", details={"tags": ["1"]})


def test_docker_hub_is_asked_for_pulls_and_for_hooks(site: Site) -> None:
    status, body = says(site, PULLS, Validated(ok=True, code="ok", message="Hooks can be managed."))
    assert (status, body["status"], body["message"]) == (200, "COMPLETED", "It shows acme/web. Hooks can be managed.")
    assert body["details"] == {"tags": ["1"]}


def test_a_wrong_password_is_told_by_docker_hub_and_the_registry_is_not_asked(site: Site) -> None:
    wrong = Validated(ok=False, code="wrong-password", message="Not accepted.", next_step="Check it.")
    status, body = says(site, PULLS, wrong)
    assert (status, body["message"], body["nextStep"]) == (400, "Not accepted.", "Check it.")
    assert body["details"]["code"] == "wrong-password"
    assert "endpoint.validate" not in [topic for topic, _, _ in site.post.asked]


def test_an_account_that_pulls_and_may_not_manage_hooks_fails_with_the_scope(site: Site) -> None:
    hooks = Validated(ok=False, code="no-right", message="No hooks.", next_step="Ask.", details={"scope": "repo:admin"})
    status, body = says(site, PULLS, hooks)
    assert (status, body["message"]) == (400, "It shows acme/web. No hooks.")
    assert body["details"]["details"] == {"tags": ["1"], "scope": "repo:admin"}


def test_while_hubsync_is_away_the_answer_is_the_registrys_and_says_so(site: Site) -> None:
    status, body = says(site, PULLS, None)
    assert (status, body["status"]) == (200, "COMPLETED")
    assert "managed: hubsync did not answer" in body["message"]


def test_tags_come_with_what_a_pattern_would_do(site: Site) -> None:
    site.documents["endpoints"] = HUB
    tags = [{"name": "1.4.1", "digest": "sha256:1"}, {"name": "latest", "digest": "sha256:2"}]
    site.post.answers["hub.inspect"] = lambda _: Inspected(document={"repository": "acme/web", "tags": tags})
    path = "/codestream/api/endpoint-tags?project=default&name=hub&tagNamePattern=semver:1.x&exclude=1.3.*"
    shown = site.call("GET", path).json["tags"]
    assert [(one["tag"], one["wouldRun"], one["digest"]) for one in shown] == [
        ("1.4.1", True, "sha256:1"),
        ("latest", False, "sha256:2"),
    ]
    assert all(one["reason"] for one in shown)
    broken = site.call("GET", "/codestream/api/endpoint-tags?id=h1&tagNamePattern=%5B")
    assert broken.status_code == 400 and broken.json["subject"] == "tagNamePattern"
    assert site.call("GET", "/codestream/api/endpoint-tags").status_code == 400


def test_a_cluster_is_looked_at_by_a_runner(site: Site) -> None:
    site.documents["endpoints"] = CLUSTER
    asked: list[Inspect] = []

    def answer(ask: Inspect) -> Inspected:
        asked.append(ask)
        return Inspected(document={"namespace": "apps", "workloads": []})

    site.post.answers["outside.inspect"] = answer
    path = "/codestream/api/endpoint-workloads?id=c1&namespace=apps&repository=acme/web"
    assert site.call("GET", path).json["namespace"] == "apps"
    assert (asked[0].what, asked[0].options) == ("workloads", {"namespace": "apps", "repository": "acme/web"})


@pytest.mark.parametrize("body", [{}, {"kubeconfig": "a: ["}])
def test_what_is_no_kubeconfig_is_refused(site: Site, body: dict[str, str]) -> None:
    assert site.call("POST", "/codestream/api/kubeconfig", json=body).status_code == 400


def test_a_template_is_offered_with_what_runs_in_the_cluster_now(site: Site) -> None:
    of = {"cluster": "cluster", "namespace": "namespace", "registry": "registry"}
    question: dict[str, Any] = {"name": "workload", "kind": "workload", "of": of, "choices": []}
    site.documents["pipelines"] = {"name": "push", "title": "Push", "questions": [question]}
    site.documents["endpoints"] = HUB
    running = [{"name": "web", "containers": [{"name": "main", "image": "acme/web:1"}]}]
    asked: list[Inspect] = []

    def answer(ask: Inspect) -> Inspected:
        asked.append(ask)
        return Inspected(document={"workloads": running})

    site.post.answers["outside.inspect"] = site.post.answers["hub.inspect"] = answer
    path = "/codestream/api/pipeline-templates/push"
    assert site.call("GET", f"{path}?project=p&cluster=prod").json["questions"][0]["choices"] == []
    asked_for = "project=p&cluster=prod&namespace=apps&registry=hub"
    shown = site.call("GET", f"{path}?{asked_for}").json["questions"][0]
    assert shown["choices"] == [{"value": "web/main", "title": "web: acme/web:1"}]
    assert asked[0].options == {"namespace": "apps", "repository": "docker.io/acme/web"}
    question["choices"] = []
    del site.post.answers["hub.inspect"], site.post.answers["outside.inspect"]
    shown = site.call("GET", f"{path}?{asked_for}").json["questions"][0]
    assert shown["choices"] == [] and "did not answer" in shown["problem"]
