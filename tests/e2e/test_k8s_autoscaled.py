"""A manifest that has `replicas` beside an autoscaler of a real cluster."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from shared.contracts.history import Status
from tests.support.patience import until

from .k8s import Kube, Runs, deployment

pytestmark = pytest.mark.cluster
PAUSE = "local/pause:1"


def autoscale(kube: Kube, space: str, least: int) -> None:
    spec = {
        "minReplicas": least,
        "maxReplicas": 5,
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
    }
    path = f"/apis/autoscaling/v1/namespaces/{space}/horizontalpodautoscalers"
    assert kube.call("POST", path, {"metadata": {"name": "more"}, "spec": spec})


def replicas(kube: Kube, space: str) -> Any:
    return kube.deployment(space, "web")["spec"]["replicas"]


def web(replicas: int, version: str) -> str:
    tree = yaml.safe_load(deployment("web", PAUSE, replicas=replicas))
    tree["spec"]["template"]["spec"]["containers"][0]["env"] = [{"name": "V", "value": version}]
    return yaml.safe_dump(tree)


def test_what_an_autoscaler_scaled_stays_and_the_diff_says_so(runs: Runs, kube: Kube, space: str) -> None:
    assert runs.run(yaml=web(1, "1"), namespace=space).state.status is Status.COMPLETED
    autoscale(kube, space, 2)
    until(lambda: replicas(kube, space) == 2)
    tried = runs.run(yaml=web(1, "2"), namespace=space, dryRun=True)
    words = "replicas 1 of the manifest are not sent: HorizontalPodAutoscaler more sets them, 2 now."
    assert f"Deployment {space}/web: {words}" in tried.lines
    assert not any(line.startswith(("-  replicas", "+  replicas")) for line in tried.lines), tried.lines
    for times in (1, 2):
        done = runs.run(yaml=web(1, "2"), namespace=space)
        assert done.state.status is Status.COMPLETED, done.state.message
        assert replicas(kube, space) == 2
        assert ("nothing to do" in str(done.state.task("Deploy", "Apply").message)) == (times == 2)


def test_replicas_that_the_manifest_set_before_stay_until_the_autoscaler_writes(
    runs: Runs, kube: Kube, space: str
) -> None:
    assert runs.run(yaml=web(3, "1"), namespace=space).state.status is Status.COMPLETED
    autoscale(kube, space, 1)
    done = runs.run(yaml=web(1, "2"), namespace=space)
    assert done.state.status is Status.COMPLETED, done.state.message
    assert replicas(kube, space) == 3


def test_no_pods_are_still_wished_for_beside_an_autoscaler(runs: Runs, kube: Kube, space: str) -> None:
    assert runs.run(yaml=web(1, "1"), namespace=space).state.status is Status.COMPLETED
    autoscale(kube, space, 1)
    for wished in (0, 2):
        done = runs.run(yaml=web(wished, "1"), namespace=space)
        assert done.state.status is Status.COMPLETED, done.state.message
        assert replicas(kube, space) == wished
