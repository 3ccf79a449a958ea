"""Who decides how many pods a workload has: the manifest, or an autoscaler."""

from __future__ import annotations

from typing import Any

import pytest

from services.runner.tasks.k8s.manifests import Ref
from services.runner.tasks.k8s.scaling import autoscaler_of, has_replicas, switches, without_replicas, words

WEB = Ref("apps/v1", "Deployment", "apps", "web")


def live(*scaled_by: str) -> dict[str, Any]:
    fields: dict[str, Any] = {"f:spec": {"f:replicas": {}}}
    entries = [{"manager": name, "subresource": "scale", "fieldsV1": fields} for name in scaled_by]
    return {"metadata": {"name": "web", "managedFields": entries}, "spec": {"replicas": 5}}


def scaler(**target: str) -> dict[str, Any]:
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", **target}
    return {"metadata": {"name": "more"}, "spec": {"scaleTargetRef": reference}}


@pytest.mark.parametrize(
    ("managers", "autoscalers", "autoscaler"),
    [
        ((), [scaler()], "HorizontalPodAutoscaler more"),
        ((), [scaler(apiVersion="apps/v1beta2")], "HorizontalPodAutoscaler more"),
        ((), [scaler(name="api"), scaler(kind="StatefulSet"), scaler(apiVersion="example.com/v1")], ""),
        (("kube-controller-manager",), [], ""),  # the autoscaler is gone
        (("kube-controller-manager",), None, "kube-controller-manager"),
        (("kubectl",), [], ""),
        (("kubectl",), None, ""),
        (("acme-scaler",), [], "acme-scaler"),
        ((), None, ""),
    ],
)
def test_an_autoscaler_is_known_by_its_target_or_by_what_it_wrote(
    managers: tuple[str, ...], autoscalers: list[dict[str, Any]] | None, autoscaler: str
) -> None:
    assert autoscaler_of(WEB, live(*managers), autoscalers) == autoscaler


def test_replicas_are_left_out_and_keep_their_live_value_where_only_we_own_them() -> None:
    body = {"kind": "Deployment", "spec": {"replicas": 1, "paused": False}}
    assert without_replicas(body, live("kube-controller-manager"))["spec"] == {"paused": False}
    assert without_replicas(body, live())["spec"] == {"replicas": 5, "paused": False}
    assert words(WEB, body, live(), "HorizontalPodAutoscaler more") == (
        "Deployment apps/web: replicas 1 of the manifest are not sent: HorizontalPodAutoscaler more sets them, 5 now."
    )


def test_only_a_number_of_replicas_in_the_manifest_concerns_an_autoscaler() -> None:
    assert has_replicas({"spec": {"replicas": 0}})
    assert not has_replicas({"spec": {}})
    assert not has_replicas({"data": {}})


@pytest.mark.parametrize(
    ("wished", "now", "managers", "switched"),
    [
        (0, 5, ("kube-controller-manager",), True),
        (3, 0, (), True),
        (3, 0, ("kubectl",), True),
        (3, 0, ("keda",), False),
        (3, 5, (), False),
    ],
)
def test_no_pods_switch_an_autoscaler_off_and_some_on_again(
    wished: int, now: int, managers: tuple[str, ...], switched: bool
) -> None:
    assert switches({"spec": {"replicas": wished}}, live(*managers) | {"spec": {"replicas": now}}) is switched
