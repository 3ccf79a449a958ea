"""What a real cluster serves changes under a connection that stays; its refusals that have a known mend."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
import yaml

from shared.contracts.history import Status
from tests.support.patience import until

from .k8s import Kube, Runs, deployment

pytestmark = pytest.mark.cluster
PAUSE = "local/pause:1"
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
SERVICES = "/apis/apiregistration.k8s.io/v1/apiservices"


@pytest.fixture
def group(kube: Kube) -> Iterator[str]:
    """A group of kinds that no other test has, and nothing of it afterwards."""
    name = f"t{int(time.time() * 1000)}.example.com"
    yield name
    for path in (f"{DEFINITIONS}/gears.{name}", f"{SERVICES}/v1.{name}"):
        with suppress(AssertionError):
            kube.call("DELETE", path)


def definition(group: str) -> dict[str, Any]:
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    return {
        "metadata": {"name": f"gears.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"plural": "gears", "singular": "gear", "kind": "Gear"},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema}],
        },
    }


def gear(group: str) -> str:
    return f"apiVersion: {group}/v1\nkind: Gear\nmetadata: {{name: one}}\nspec: {{teeth: 8}}\n"


def test_a_definition_that_another_made_a_second_ago_is_used_and_one_that_went_is_missed(
    runs: Runs, kube: Kube, space: str, group: str
) -> None:
    kube.call("POST", DEFINITIONS, definition(group))
    done = runs.run(yaml=gear(group), namespace=space)
    assert done.state.status is Status.COMPLETED, done.state.message
    kube.call("DELETE", f"{DEFINITIONS}/gears.{group}")
    until(lambda: kube.call("GET", f"/apis/{group}/v1/namespaces/{space}/gears") is None)
    gone = runs.run(yaml=gear(group), namespace=space)
    assert gone.state.status is Status.FAILED
    assert f"knows no Gear ({group}/v1): if a CustomResourceDefinition makes it" in gone.state.message


def test_an_api_service_that_is_away_hinders_only_its_own_kinds(runs: Runs, kube: Kube, space: str, group: str) -> None:
    spec = {"group": group, "version": "v1", "groupPriorityMinimum": 100, "versionPriority": 100}
    spec["insecureSkipTLSVerify"] = True
    spec["service"] = {"name": "nowhere", "namespace": space}
    kube.call("POST", SERVICES, {"metadata": {"name": f"v1.{group}"}, "spec": spec})
    done = runs.run(yaml=deployment("web", PAUSE), namespace=space)
    assert done.state.status is Status.COMPLETED, done.state.message
    read = runs.run(action="GET", kind="deploy", name="web", namespace=space)
    assert read.state.status is Status.COMPLETED, read.state.message
    away = runs.run(yaml=gear(group), namespace=space)
    assert f"kubectl get apiservice v1.{group}" in away.state.message


def test_claim_templates_that_change_are_told_with_the_way(runs: Runs, space: str) -> None:
    tree = yaml.safe_load(deployment("db", PAUSE, replicas=0))
    tree["kind"], tree["spec"]["serviceName"] = "StatefulSet", "db"
    storage = {"resources": {"requests": {"storage": "1Gi"}}, "accessModes": ["ReadWriteOnce"]}
    tree["spec"]["volumeClaimTemplates"] = [{"metadata": {"name": "data"}, "spec": storage}]
    assert runs.run(yaml=yaml.safe_dump(tree), namespace=space).state.status is Status.COMPLETED
    storage["resources"] = {"requests": {"storage": "2Gi"}}
    done = runs.run(yaml=yaml.safe_dump(tree), namespace=space)
    assert done.state.status is Status.FAILED
    assert "volumeClaimTemplates, serviceName, selector" in done.state.message
    assert "--cascade=orphan" in done.state.message


def test_a_variable_that_is_there_twice_is_told(runs: Runs, space: str) -> None:
    twice = [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]
    done = runs.run(yaml=deployment("web", PAUSE, env=twice), namespace=space)
    assert done.state.status is Status.FAILED
    assert "so keep that and remove the other" in done.state.message


def test_a_version_that_this_cluster_does_not_serve_is_told_with_the_one_that_it_does(runs: Runs, space: str) -> None:
    text = yaml.safe_dump(yaml.safe_load(deployment("web", PAUSE)) | {"apiVersion": "apps/v1beta2"})
    done = runs.run(yaml=text, namespace=space)
    assert "it was removed in Kubernetes 1.16; write apiVersion apps/v1" in done.state.message
