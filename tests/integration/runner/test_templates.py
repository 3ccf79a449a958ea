"""Each template filled in over the catalog, and its pipeline run on the demo cluster."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from demo.cluster.server import FakeCluster
from services.config.model.claims import State
from services.runner.clients.registry import Registries
from services.runner.engine.executor import Holder
from services.runner.tasks.k8s.cluster import Clusters
from services.runner.tasks.registry import task_types
from shared.contracts.catalog import Kind
from shared.contracts.history import Status
from shared.contracts.problems import Refused
from shared.contracts.pushes import Push
from shared.contracts.runs import ResolvedEndpoint, Take
from tests.e2e.k8s import Kube, deployment
from tests.integration.config.office import Office
from tests.support.outbound import GUARDED, LOOPBACK
from tests.support.registry import PASSWORD, USER, digest_of, docker_registry
from tests.support.registry import push as push_image
from tests.unit.runner.ledger import MemoryLedger

DIGEST = "sha256:" + "c" * 64
PUSH = Push(provider="dockerhub", registry_host="docker.io", repository="acme/web", tag="1.4.0", digest=DIGEST)
IMAGE = f"acme/web:1.4.0@{DIGEST}"


class Shop:
    """A project with a registry and a cluster, templates filled in, runs followed to their end."""

    def __init__(self, folder: Path, cluster: FakeCluster) -> None:
        self.office = Office(folder)
        self.kube = Kube(cluster.url, cluster.token)
        self.office.docker_endpoint()
        properties = {"kubernetesURL": cluster.url, "authType": "token", "token": "*****"}
        self.office.act(
            Kind.ENDPOINTS,
            "create",
            {"name": "prod", "type": "k8s", "properties": properties},
            sealed=self.office.sealed(properties__token=cluster.token),
        )
        self.clusters, self.outgoing, self.registries = Clusters(LOOPBACK.guard), GUARDED, Registries(LOOPBACK)
        self.names = ["hub", "prod"]

    def fill(self, template: str, **answers: Any) -> dict[str, Any]:
        given = {
            "project": "default",
            "registry": "hub",
            **({} if "target" in answers else {"cluster": "prod"}),
            **answers,
        }
        return self.office.act(Kind.PIPELINES, "from-template", {"answers": given}, name=template)

    def endpoint(self, name: str) -> ResolvedEndpoint:
        options = {"forValidation": True}
        return ResolvedEndpoint.model_validate(
            self.office.get(Kind.ENDPOINTS, project="default", name=name, options=options)
        )

    def run(self, pipeline: dict[str, Any], number: int = 1, push: Push = PUSH) -> MemoryLedger:
        inputs = {"DOCKER_IMAGE": push.image, "DOCKER_TAG": push.tag}
        endpoints = {name: self.endpoint(name) for name in self.names}
        about = {"push": push, "execution_id": f"e{number}", "index": number}
        tree = {key: pipeline[key] for key in ("name", "stageOrder", "stages", "options", "input")}
        ledger = MemoryLedger(tree, inputs=inputs, endpoints=endpoints, about=about, start=number)
        self.go_on(ledger)
        return ledger

    def go_on(self, ledger: MemoryLedger) -> None:
        """Hold the run until it ends or waits."""
        types = task_types(self.clusters, self.outgoing, self.registries)
        holder = Holder(ledger, types, sealer=self.office.sealer, opener=self.office.opener, runner="r1")
        holder.start()
        try:
            dispatch = ledger.holding.dispatch
            ask = Take(execution_id=ledger.about.execution_id, dispatch=dispatch, runner="r1", take_id=str(dispatch))
            assert holder.reserve(1)
            holder.hold(ledger.take(ask).result())
            until = time.monotonic() + 60
            while ledger.holding.state not in (State.ENDED, State.PARKED):
                assert time.monotonic() < until, f"{ledger.state.message}\n" + "\n".join(ledger.lines)
                time.sleep(0.05)
        finally:
            holder.close(3)

    def image(self, namespace: str, name: str) -> str:
        return str(self.pods(namespace, name)["containers"][0]["image"])

    def pods(self, namespace: str, name: str) -> Any:
        return self.kube.deployment(namespace, name)["spec"]["template"]["spec"]


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    cluster = FakeCluster(pace_s=0.1)
    made = Shop(tmp_path, cluster)
    yield made
    made.clusters.close()
    cluster.close()


def test_push_to_kubernetes_deploys_something_new_by_digest_with_its_pull_secret(shop: Shop) -> None:
    made = shop.fill("push-to-kubernetes", namespace="apps", app="web", port=8080, replicas=1, private=True)
    assert (made["name"], made["enabled"], made["_warnings"]) == ("Deploy web", True, [])
    done = shop.run(made)
    assert done.state.status is Status.COMPLETED, done.state.message
    assert shop.image("apps", "web") == IMAGE
    (named,) = shop.pods("apps", "web")["imagePullSecrets"]
    secret = shop.kube.call("GET", f"/api/v1/namespaces/apps/secrets/{named['name']}")
    config = json.loads(base64.b64decode(secret["data"][".dockerconfigjson"]))
    assert "dckr_pat_secret" in base64.b64decode(next(iter(config["auths"].values()))["auth"]).decode()
    assert shop.kube.call("GET", "/api/v1/namespaces/apps/services/web")["spec"]["ports"][0]["port"] == 8080


def test_push_to_kubernetes_changes_only_the_image_of_what_runs_already(shop: Shop) -> None:
    body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "shop", "namespace": "apps"}}
    written = yaml.safe_load(deployment("shop", "acme/web:1.3.0", replicas=3, env=[{"name": "A", "value": "b"}]))
    shop.kube.call("POST", "/apis/apps/v1/namespaces/apps/deployments", {**written, **body, "spec": written["spec"]})
    made = shop.fill("push-to-kubernetes", namespace="apps", workload="shop/main")
    done = shop.run(made)
    assert done.state.status is Status.COMPLETED, done.state.message
    live = shop.kube.deployment("apps", "shop")["spec"]
    container = live["template"]["spec"]["containers"][0]
    assert (live["replicas"], container["image"], container["env"]) == (3, IMAGE, [{"name": "A", "value": "b"}])
    assert shop.kube.call("GET", "/api/v1/namespaces/apps/services/shop") is None


def test_push_to_kubernetes_leaves_the_rest_of_what_portside_deployed_before(shop: Shop) -> None:
    first = shop.fill("push-to-kubernetes", namespace="apps", app="web", port=8080, replicas=2, private=False)
    assert shop.run(first).state.status is Status.COMPLETED
    before = shop.kube.deployment("apps", "web")["spec"]
    made = shop.fill("push-to-kubernetes", namespace="apps", workload="web/web", name="Web image", private=False)
    newer = PUSH.model_copy(update={"tag": "1.5.0", "digest": "sha256:" + "d" * 64})
    done = shop.run(made, 2, newer)
    assert done.state.status is Status.COMPLETED, done.state.message
    after = shop.kube.deployment("apps", "web")["spec"]
    assert after["template"]["spec"]["containers"][0].pop("image") == f"acme/web:1.5.0@{newer.digest}"
    before["template"]["spec"]["containers"][0].pop("image")
    assert after == before
    broken = shop.run(made, 3, PUSH.model_copy(update={"tag": "broken", "digest": "sha256:" + "e" * 64}))
    assert broken.state.status is Status.FAILED and "Put back" in broken.state.message
    assert shop.image("apps", "web") == f"acme/web:1.5.0@{newer.digest}"


def test_push_to_kubernetes_needs_the_workload_that_it_was_made_for(shop: Shop) -> None:
    made = shop.fill("push-to-kubernetes", namespace="apps", workload="gone/main")
    said = shop.run(made).state
    assert said.status is Status.FAILED and "apps/gone does not exist" in said.message


def test_dev_approval_production_waits_for_somebody_between_the_two(shop: Shop) -> None:
    for name in ("dev", "production"):
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        shop.kube.call("POST", "/api/v1/namespaces", body)
    made = shop.fill("dev-approval-production", devCluster="prod", app="web", approvers="ann", replicas=1)
    ledger = shop.run(made)
    assert ledger.holding.state is State.PARKED, ledger.state.message
    assert shop.image("dev", "web") == IMAGE
    assert shop.kube.deployment("production", "web") is None
    ledger.answer("Approval", "Approve", {"status": "Approved", "respondedBy": "ann"})
    shop.go_on(ledger)
    assert ledger.state.status is Status.COMPLETED, ledger.state.message
    assert shop.image("production", "web") == IMAGE


@pytest.mark.registry
def test_promote_copies_what_was_pushed_to_another_repository(shop: Shop, tmp_path: Path) -> None:
    with docker_registry(tmp_path) as port:
        digest = push_image(port, "acme/web", ["1.4.0"])
        where = {"serverType": "OCI", "repoURL": f"http://127.0.0.1:{port}/acme/web", "username": USER}
        shop.office.act(
            Kind.ENDPOINTS,
            "create",
            {"name": "own", "type": "docker", "properties": {**where, "password": "*****"}},
            sealed=shop.office.sealed(properties__password=PASSWORD),
        )
        shop.names = ["own"]
        made = shop.fill("promote", registry="own", target="own", repository="acme/web-prod")
        assert (made["name"], made["_warnings"]) == ("Promote to acme/web-prod", [])
        pushed = {"registry_host": f"127.0.0.1:{port}", "provider": "distribution", "digest": digest}
        done = shop.run(made, push=PUSH.model_copy(update=pushed))
        assert done.state.status is Status.COMPLETED, done.state.message
        assert digest_of(port, "acme/web-prod", "1.4.0") == digest


def test_what_an_answer_names_must_be_there(shop: Shop) -> None:
    with pytest.raises(Refused) as refused:
        shop.fill("push-to-kubernetes", registry="hubb", cluster="hub", app="web")
    flaws = refused.value.problem.flaws
    assert [(flaw.path, flaw.hint) for flaw in flaws] == [
        ("answers.registry", "did you mean hub?"),
        ("answers.cluster", "there are: prod"),
    ]


def test_an_endpoint_that_only_a_pull_secret_is_made_of_is_in_use(shop: Shop) -> None:
    shop.fill("push-to-kubernetes", namespace="apps", app="web", private=True)
    for name in ("hub", "prod"):
        with pytest.raises(Refused) as refused:
            shop.office.act(Kind.ENDPOINTS, "delete", project="default", name=name)
        assert "pipeline Deploy web refers to it" in refused.value.problem.message


def test_a_template_is_offered_with_the_projects_and_endpoints_that_one_may_use(shop: Shop) -> None:
    shop.office.user("ann", default="members")
    listed = shop.office.get(Kind.PIPELINES, options={"templates": True})["templates"]
    names = ["push-to-kubernetes", "deploy-helm-chart", "deploy-with-kustomize", "dev-approval-production", "promote"]
    assert [one["name"] for one in listed] == names

    def choices(by: str, **answers: str) -> dict[str, list[str]]:
        options = {"template": "push-to-kubernetes", "answers": answers}
        questions = shop.office.get(Kind.PIPELINES, by=by, options=options)["questions"]
        return {one["name"]: [choice["value"] for choice in one["choices"]] for one in questions}

    assert choices("ann")["project"] == ["default"] and choices("ann")["registry"] == []
    asked = choices("ann", project="default")
    assert (asked["registry"], asked["cluster"]) == (["hub"], ["prod"])
    shop.office.user("eve")
    assert choices("eve", project="default")["registry"] == []


def test_who_may_not_make_pipelines_may_not_fill_in_templates(shop: Shop) -> None:
    shop.office.user("ann", default="viewers")
    answers = {"project": "default", "registry": "hub", "cluster": "prod", "app": "web"}
    with pytest.raises(Refused) as refused:
        shop.office.act(Kind.PIPELINES, "from-template", {"answers": answers}, name="push-to-kubernetes", by="ann")
    assert "create pipelines" in refused.value.problem.message
