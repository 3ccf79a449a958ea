from __future__ import annotations

from typing import Any

import pytest
import yaml

from services.config.catalog.pipelines import documents
from services.config.catalog.pipelines.templates import filled, template, templates
from shared.contracts.problems import Refused

ANSWERS: dict[str, dict[str, Any]] = {
    "push-to-kubernetes": {
        "project": "default", "registry": "hub", "cluster": "prod", "namespace": "apps", "app": "web", "port": "8080",
    },
    "dev-approval-production": {
        "project": "default", "registry": "hub", "devCluster": "dev", "cluster": "prod", "app": "web",
        "approvers": "ann, bob",
    },
    "deploy-helm-chart": {
        "project": "default", "registry": "hub", "cluster": "prod", "namespace": "apps", "chart": "charts/web",
        "git": "deploy", "valuesFile": "values/prod.yaml", "release": "web",
    },
    "deploy-with-kustomize": {
        "project": "default", "registry": "hub", "cluster": "prod", "namespace": "apps", "folder": "overlays/prod",
        "git": "deploy", "image": "acme/web", "release": "web",
    },
    "promote": {"project": "default", "registry": "hub", "target": "dtr", "repository": "acme/web-prod"},
}  # fmt: skip
EXISTING = {**ANSWERS["push-to-kubernetes"], "workload": "shop/main", "app": "ignored"}


def make(name: str, **answers: Any) -> dict[str, Any]:
    return filled(template(name), {**ANSWERS[name], **answers})[0]


def manifest(tree: dict[str, Any], stage: str = "Deploy", task: str = "Apply") -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(tree["stages"][stage]["tasks"][task]["input"]["yaml"]))


def test_there_are_five_templates_and_the_commonest_comes_first() -> None:
    assert list(templates()) == [
        "push-to-kubernetes",
        "deploy-helm-chart",
        "deploy-with-kustomize",
        "dev-approval-production",
        "promote",
    ]


@pytest.mark.parametrize("name", sorted(ANSWERS))
def test_answers_make_a_pipeline_without_flaw_and_nothing_is_left_to_fill_in(name: str) -> None:
    tree, after = filled(template(name), ANSWERS[name])
    assert "@{" not in yaml.safe_dump(tree)
    spec, _ = documents.checked({**tree, "project": "default"}, None)
    assert spec.name == tree["name"]
    assert after["webhook"] == {"name": tree["name"], "endpoint": "hub", "pipeline": tree["name"], "enabled": True}


def test_a_new_workload_gets_a_deployment_and_a_service() -> None:
    service, deployment = manifest(make("push-to-kubernetes"))
    assert (service["metadata"]["name"], service["spec"]["ports"][0]["port"]) == ("web", 8080)
    assert deployment["spec"]["replicas"] == 2
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    assert container["image"] == "${input.DOCKER_IMAGE}:${input.DOCKER_TAG}"
    assert make("push-to-kubernetes")["name"] == "Deploy web"


def test_of_a_workload_that_runs_already_only_the_image_is_changed() -> None:
    tree = filled(template("push-to-kubernetes"), EXISTING)[0]
    (deployment,) = manifest(tree)
    containers = [{"name": "main", "image": "${input.DOCKER_IMAGE}:${input.DOCKER_TAG}"}]
    assert deployment["metadata"] == {"name": "shop"}
    assert deployment["spec"] == {"template": {"spec": {"containers": containers}}}
    assert tree["stages"]["Deploy"]["tasks"]["Apply"]["input"]["force"] == "true"
    assert tree["name"] == "Deploy shop"


def test_a_pull_secret_is_made_only_where_it_is_asked_for() -> None:
    given = make("push-to-kubernetes", private="true")["stages"]["Deploy"]["tasks"]["Apply"]["input"]
    assert given["imagePullSecretFrom"] == "hub"
    without = make("push-to-kubernetes")["stages"]["Deploy"]["tasks"]["Apply"]["input"]
    assert "imagePullSecretFrom" not in without


def test_dev_gets_one_replica_and_production_what_was_asked_for() -> None:
    tree = make("dev-approval-production", replicas=5)
    assert manifest(tree, "Dev", "Deploy")[1]["spec"]["replicas"] == 1
    assert manifest(tree, "Production", "Deploy")[1]["spec"]["replicas"] == 5
    assert tree["stages"]["Approval"]["tasks"]["Approve"]["input"]["approvers"] == "ann, bob"


def test_a_chart_of_a_registry_needs_no_git_and_is_taken_over_by_choice() -> None:
    answers = {"git": "", "valuesFile": "", "chart": "oci://registry.example.com/charts/web", "version": "^1.4"}
    task = make("deploy-helm-chart", takeOver="true", **answers)["stages"]["Deploy"]["tasks"]["Apply"]
    assert task["endpoints"] == {"kubernetesServer": "prod"}
    assert {"takeOver": "true", "chartVersion": "^1.4"}.items() <= task["input"].items()
    assert "takeOver" not in make("deploy-helm-chart")["stages"]["Deploy"]["tasks"]["Apply"]["input"]


@pytest.mark.parametrize(
    ("name", "answers", "paths"),
    [
        ("push-to-kubernetes", {"app": ""}, ["answers.app"]),
        ("push-to-kubernetes", {"app": "Web_1", "port": "many"}, ["answers.app", "answers.port"]),
        ("push-to-kubernetes", {"app": "web\nkind: Pod"}, ["answers.app"]),
        ("push-to-kubernetes", {"port": 0, "replicas": 70_000}, ["answers.port", "answers.replicas"]),
        ("push-to-kubernetes", {"workload": "web"}, ["answers.workload"]),
        ("push-to-kubernetes", {"registry": "", "cluster": ""}, ["answers.registry", "answers.cluster"]),
        ("promote", {"repository": "https://hub.docker.com/r/acme/web"}, ["answers.repository"]),
    ],
)
def test_everything_that_is_wrong_with_the_answers_is_said_at_once(
    name: str, answers: dict[str, Any], paths: list[str]
) -> None:
    with pytest.raises(Refused) as refused:
        make(name, **answers)
    assert [flaw.path for flaw in refused.value.problem.flaws] == paths


def test_a_name_that_is_no_template_is_refused_with_the_nearest() -> None:
    with pytest.raises(Refused) as refused:
        template("push-to-kubernets")
    assert refused.value.problem.next_step == "Did you mean push-to-kubernetes?"
