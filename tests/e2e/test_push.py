"""End to end for real: an image is pushed to a real registry, its own notification is the hook, real pods run it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli import demo, image
from tests.support.chain import Chain
from tests.support.world import a_world

from .k8s import Kube

pytestmark = pytest.mark.cluster
DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  progressDeadlineSeconds: 120
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 1
      containers: [{name: web, image: '${input.DOCKER_IMAGE}:${input.DOCKER_TAG}'}]
"""


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[Chain]:
    if not os.environ["TEST_REGISTRY"].startswith("127.0.0.1:"):
        pytest.skip("needs a cluster whose nodes pull from this machine's loopback")
    kubernetes = demo.kubeconfig_kubernetes(Path(os.environ["KUBECONFIG"]))
    with a_world(tmp_path / "world", runners=1, define=False) as world:
        made = Chain(world, tmp_path / "registry", kubernetes)
        yield made
        made.close()


def serving(kube: Kube, space: str) -> list[str]:
    """The images of the pods that are ready."""
    pods: list[Any] = kube.call("GET", f"/api/v1/namespaces/{space}/pods?labelSelector=app%3Dweb")["items"]
    ready = [
        pod
        for pod in pods
        if not pod["metadata"].get("deletionTimestamp")
        and any(one["type"] == "Ready" and one["status"] == "True" for one in pod["status"].get("conditions", []))
    ]
    return [pod["spec"]["containers"][0]["image"] for pod in ready]


@pytest.mark.timeout(400)
def test_a_pushed_image_runs_and_a_broken_one_is_put_back(chain: Chain, kube: Kube, space: str) -> None:
    given = {"action": "APPLY", "namespace": space, "rollbackOnFailure": True, "yaml": DEPLOYMENT}
    chain.pipeline("Deploy web", {"type": "K8S", "endpoints": {"kubernetesServer": "cluster"}, "input": given})
    chain.webhook("pushes", "web", "Deploy web")
    registry = chain.start()

    good = image.push(registry.url, "acme/web", "1.0")
    started = chain.event("started", webhook="pushes", tag="1.0")
    done = chain.over(started["executionLink"], 120)
    assert done["status"] == "COMPLETED", done["statusMessage"]
    reference = f"{chain.host}/acme/web:1.0@{good.digest}"
    assert serving(kube, space) == [reference]

    image.push(registry.url, "acme/web", "2.0", broken=True)
    broken = chain.event("started", webhook="pushes", tag="2.0")
    failed = chain.over(broken["executionLink"], 180)
    assert failed["status"] == "FAILED"
    assert f"Deployment {space}/web will not become ready" in failed["statusMessage"]
    assert "not-there" in failed["statusMessage"]
    assert f"Put back: Deployment web runs {reference} again" in failed["statusMessage"]
    assert serving(kube, space) == [reference]
