"""What a K8S task reads in its YAML."""

from __future__ import annotations

from services.runner.tasks.k8s import manifests

TIMES = """apiVersion: v1
kind: ConfigMap
metadata: {name: times}
data:
  open: 22:30
  map:  2222:22
"""


def test_times_of_day_stay_texts() -> None:
    (obj,) = manifests.read(TIMES)
    assert obj["data"] == {"open": "22:30", "map": "2222:22"}


def test_a_custom_resource_is_typed_as_kubectl_types_it() -> None:
    head = "apiVersion: example.com/v1\nkind: Hours\nmetadata: {name: h}\n"
    text = head + "spec: {open: 22:30, close: 6:15, mode: 0644, ver: 1.10}"
    (obj,) = manifests.read(text)
    assert obj["spec"] == {"open": "22:30", "close": "6:15", "mode": 420, "ver": 1.1}


def test_a_mode_in_octal_is_the_number_that_it_means() -> None:
    text = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {volumes: [{name: v, secret: {defaultMode: 0440}}]}"
    (obj,) = manifests.read(text)
    assert obj["spec"]["volumes"][0]["secret"]["defaultMode"] == 288


def test_each_document_may_begin_with_a_byte_order_mark() -> None:
    text = f"\ufeff{TIMES}---\n\ufeff{TIMES}--- # second file\n\ufeff{TIMES}"
    assert [obj["kind"] for obj in manifests.read(text)] == ["ConfigMap"] * 3
