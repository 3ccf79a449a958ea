from __future__ import annotations

from typing import Any

import pytest

from services.runner.tasks.k8s.managed_fields import laid_over, taken_over, without_dropped


def live(managed: dict[str, Any] | None) -> dict[str, Any]:
    container = {"name": "web", "image": "acme/web:1", "env": [{"name": "A", "value": "b"}]}
    meta: dict[str, Any] = {"name": "web", "namespace": "apps"}
    if managed is not None:
        meta["managedFields"] = [{"manager": "portside", "operation": "Apply", "fieldsV1": managed}]
    spec = {
        "replicas": 3,
        "selector": {"matchLabels": {"app": "web"}},
        "template": {"spec": {"containers": [container]}},
    }
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": spec}


PART = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web"},
    "spec": {"template": {"spec": {"containers": [{"name": "web", "image": "acme/web:2"}, {"name": "new"}]}}},
}


def test_a_part_of_what_others_applied_takes_over_nothing_else() -> None:
    assert laid_over(live(None), PART)["spec"] == {
        "selector": {"matchLabels": {"app": "web"}},
        "template": PART["spec"]["template"],  # type: ignore[index]
    }


def test_a_part_of_what_we_applied_keeps_the_rest_and_members_are_told_by_their_names() -> None:
    own: dict[str, dict[str, Any]] = {'k:{"name":"web"}': {".": {}, "f:name": {}, "f:image": {}, "f:env": {}}}
    fields = {"f:spec": {"f:replicas": {}, "f:template": {"f:spec": {"f:containers": own}}}}
    spec = laid_over(live(fields), PART)["spec"]
    assert spec["replicas"] == 3
    assert spec["template"]["spec"]["containers"] == [
        {"name": "web", "image": "acme/web:2", "env": [{"name": "A", "value": "b"}]},
        {"name": "new"},
    ]


KUBECTLS: dict[str, Any] = {"manager": "kubectl-client-side-apply", "operation": "Update"}
FIELDS: dict[str, Any] = {"f:spec": {"f:replicas": {}}}


@pytest.mark.parametrize(
    "theirs",
    [
        {"manager": "kubectl-edit", "operation": "Update"},
        {"manager": "kubectl", "operation": "Apply"},
        {"manager": "helm", "operation": "Update"},
        {"manager": "kube-controller-manager", "operation": "Update", "subresource": "scale"},
        {**KUBECTLS, "subresource": "status"},
        {**KUBECTLS, "operation": "Apply"},
    ],
)
def test_only_what_a_client_side_apply_owned_goes_over(theirs: dict[str, Any]) -> None:
    obj = live(None)
    other = {**theirs, "fieldsV1": FIELDS}
    obj["metadata"]["managedFields"] = [other]
    assert taken_over(obj) is None
    assert without_dropped(obj, obj, PART) == obj
    obj["metadata"]["managedFields"] = [other, {**KUBECTLS, "fieldsV1": {"f:data": {}}}]
    assert taken_over(obj) == [other, {"manager": "portside", "operation": "Apply", "fieldsV1": {"f:data": {}}}]
    assert without_dropped(obj, obj, PART)["spec"]["replicas"] == 3


def test_what_goes_over_is_taken_over_once() -> None:
    obj = live(FIELDS)
    obj["metadata"]["managedFields"].append({**KUBECTLS, "fieldsV1": FIELDS})
    assert taken_over(obj) is None
