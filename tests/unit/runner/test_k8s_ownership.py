"""Whose fields and objects these are: fences, conflicts, diffs and what is taken away."""

from __future__ import annotations

import json
from typing import Any

from kubernetes.client.exceptions import ApiException

from services.runner.tasks.k8s import (
    conflicts,
    diff,
    fence,
    managed_fields,
    manifests,
    outputs,
    server_defaults,
)
from services.runner.tasks.k8s.errors import ClusterError, from_exception


def with_images(*names: str) -> dict[str, Any]:
    pods = {"spec": {"containers": [{"name": f"c{at}", "image": name} for at, name in enumerate(names)]}}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": {"template": pods}}


def test_a_later_start_of_the_same_pipeline_wins() -> None:
    stamp = fence.Stamp("p1", 5, "e5", 5)
    ref = manifests.Ref("apps/v1", "Deployment", "apps", "web")
    live = with_images("x")
    fence.Stamp("p1", 9, "e9", 9).put_on(live)
    assert "superseded by #9" in str(fence.superseded(live, stamp, ref))
    assert fence.superseded(live, fence.Stamp("p1", 9, "e9", 9), ref) is None
    assert fence.superseded(live, fence.Stamp("p1", 10, "e10", 10), ref) is None
    assert fence.superseded(live, fence.Stamp("p2", 1, "e1", 1), ref) is None
    assert fence.superseded(None, stamp, ref) is None


def conflict(said: str) -> ClusterError:
    return from_exception(answer(409, said), "https://k", "apply Deployment apps/web")


def test_a_conflict_names_the_others_and_is_none_with_ourselves() -> None:
    ref = manifests.Ref("apps/v1", "Deployment", "apps", "web")
    ours = conflict('Apply failed with 1 conflict: conflict with "portside" using apps/v1: .spec.replicas')
    assert conflicts.ours_alone(ours)
    both = conflict(
        'Apply failed with 2 conflicts: conflicts with "kubectl-set" using apps/v1:\n- .spec.template.x\n'
        'conflicts with "portside" using apps/v1:\n- .spec.replicas'
    )
    assert not conflicts.ours_alone(both)
    assert "partly managed by others: kubectl-set owns .spec.template.x. Take" in conflicts.words(ref, both)
    assert not conflicts.ours_alone(conflict("the object has been modified"))


def test_only_what_we_applied_is_taken_out_of_a_live_object() -> None:
    live = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": "web",
            "namespace": "apps",
            "labels": {"app": "web", "other": "x"},
            "managedFields": [
                {
                    "manager": "portside",
                    "operation": "Apply",
                    "fieldsV1": {
                        "f:metadata": {"f:labels": {"f:app": {}}},
                        "f:spec": {
                            "f:template": {"f:spec": {"f:containers": {'k:{"name":"main"}': {".": {}, "f:image": {}}}}}
                        },
                    },
                }
            ],
        },
        "spec": {
            "replicas": 4,
            "template": {"spec": {"containers": [{"name": "side"}, {"name": "main", "image": "a:1", "tty": False}]}},
        },
    }
    assert managed_fields.applied_by(live) == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "apps", "labels": {"app": "web"}},
        "spec": {"template": {"spec": {"containers": [{"name": "main", "image": "a:1"}]}}},
    }
    assert managed_fields.applied_by(live, "kubectl") is None


def test_a_foreign_object_gives_the_live_values_of_what_is_overwritten() -> None:
    live = with_images("a:1")
    live["spec"]["replicas"] = 4
    onto = with_images("a:2")
    assert managed_fields.projected(live, onto)["spec"] == with_images("a:1")["spec"]


def test_a_secret_shows_key_names_and_whether_a_value_changed() -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"a": "aHVudGVyMg=="}}
    shown = outputs.hidden(secret, b"key")
    assert "aHVudGVyMg==" not in json.dumps(shown)
    assert list(shown["data"]) == ["a"]
    assert outputs.hidden(secret, b"key") == shown
    assert outputs.hidden({**secret, "data": {"a": "eA=="}}, b"key") != shown


def test_the_diff_leaves_bookkeeping_out() -> None:
    live = with_images("a:1")
    live["metadata"].update(resourceVersion="5", managedFields=[{}], annotations={fence.START: "1"})
    live["status"] = {"replicas": 1}
    ref = manifests.ref_of(live)
    assert diff.unified(ref, live, with_images("a:1"), b"k") == []
    lines = diff.unified(ref, live, with_images("a:2"), b"k")
    assert [line for line in lines if line.startswith(("+", "-")) and "image" in line] == [
        "-      - image: a:1",
        "+      - image: a:2",
    ]


def answer(status: int, message: str) -> ApiException:
    error = ApiException(status=status, reason="x")
    error.body = json.dumps({"message": message})
    return error


def test_maps_of_ours_that_go_are_taken_away_whole() -> None:
    fields = {
        "f:spec": {
            "f:strategy": {"f:type": {}},
            "f:template": {
                "f:spec": {
                    "f:containers": {
                        'k:{"name":"web"}': {"f:name": {}, "f:image": {}, "f:readinessProbe": {"f:exec": {}}}
                    }
                }
            },
        }
    }
    probe = {"exec": {"command": ["x"]}, "periodSeconds": 10}
    containers = [{"name": "web", "image": "acme/web:2", "readinessProbe": probe}, {"name": "other"}]
    live = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": "web",
            "managedFields": [{"manager": "portside", "operation": "Apply", "fieldsV1": fields}],
        },
        "spec": {"strategy": {"type": "Recreate"}, "template": {"spec": {"containers": containers}}},
    }
    pods = {"spec": {"containers": [{"name": "web", "image": "acme/web:1"}]}}
    body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": {"template": pods}}
    patch = server_defaults.clearing(live, body)
    assert patch is not None
    assert patch["spec"]["strategy"] is None
    assert patch["spec"]["template"]["spec"]["containers"] == [
        {"name": "web", "image": "acme/web:1", "readinessProbe": None}
    ]
    assert "readinessProbe" not in pods["spec"]["containers"][0]
    assert server_defaults.clearing(live, {**body, "spec": live["spec"]}) is None
