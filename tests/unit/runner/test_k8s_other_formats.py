"""What is written for another cluster version, or for another program, with what to write instead."""

from __future__ import annotations

import pytest

from services.runner.task_protocol import TaskFailed
from services.runner.tasks.k8s.manifests import read
from services.runner.tasks.k8s.removed_versions import REMOVED, advice

SERVED_INGRESS = ["networking.k8s.io/v1"]
ADVICE = [
    ("policy/v1beta1", "PodDisruptionBudget", ["policy/v1"], "removed in Kubernetes 1.25; write apiVersion policy/v1"),
    ("extensions/v1beta1", "Ingress", SERVED_INGRESS, "write apiVersion networking.k8s.io/v1 (its backends became"),
    ("policy/v1beta1", "PodSecurityPolicy", [], "label the namespace with pod-security.kubernetes.io/enforce instead"),
    ("v1", "Deployment", ["apps/v1"], "the cluster has it in apps/v1; write apiVersion apps/v1"),
    ("policy/v1", "PodDisruptionBudget", ["policy/v1beta1"], "write apiVersion policy/v1beta1"),
    ("autoscaling/v2beta2", "HorizontalPodAutoscaler", ["autoscaling/v1"], "write apiVersion autoscaling/v1"),
    ("cert-manager.io/v1alpha2", "Certificate", ["cert-manager.io/v1"], "write apiVersion cert-manager.io/v1"),
    ("example.com/v1", "Widget", [], "if a CustomResourceDefinition makes it, apply that first"),
]


@pytest.mark.parametrize(("api_version", "kind", "served", "words"), ADVICE)
def test_a_version_that_is_not_served_is_told_with_what_to_write(
    api_version: str, kind: str, served: list[str], words: str
) -> None:
    assert words in advice(api_version, kind, served)


def test_the_table_of_removed_versions_has_each_kind_once_and_a_successor_of_its_own() -> None:
    rows = [(row.api_version, kind) for row in REMOVED for kind in row.kinds]
    assert len(rows) == len(set(rows))
    assert all(row.successor != row.api_version and (row.successor or row.changes) for row in REMOVED)


OTHER_FORMATS = [
    ("apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [a.yaml]\n", "`kustomization`"),
    ("resources: [deployment.yaml]\nimages: []\n", "is a kustomization, not an object"),
    ("apiVersion: v2\nname: web\nversion: 1.0.0\n", "is the Chart.yaml of a Helm chart"),
    ("services: {web: {image: acme/web}}\n", "is a Compose file"),
    ("metadata:\n  name: {{ .Values.name }}\n{{- if .Values.x }}\n{{- end }}\n", "It is a template of a Helm chart"),
    (
        "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {containers: [{image: '{{ .Values.image }}'}]}\n",
        "is a template of a Helm chart; deploy the chart instead",
    ),
]


@pytest.mark.parametrize(("text", "words"), OTHER_FORMATS)
def test_what_is_no_manifest_is_told_for_what_it_is(text: str, words: str) -> None:
    with pytest.raises(TaskFailed) as raised:
        read(text)
    assert words in raised.value.message


FOREIGN_BRACES = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: c, annotations: {vault.hashicorp.com/t: '{{ with secret "x" }}{{ .Data }}{{ end }}'}}
data: {alert: '{{ $labels.instance }} {{ .Values.x }}'}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: apps}
spec: {path: ./apps}
"""


def test_braces_and_kustomizations_of_other_programs_are_objects() -> None:
    assert [obj["kind"] for obj in read(FOREIGN_BRACES)] == ["ConfigMap", "Kustomization"]


@pytest.mark.parametrize("labels", ["1.5", "yes", "[a]"])
def test_labels_that_are_no_map_are_named(labels: str) -> None:
    with pytest.raises(TaskFailed, match="labels that is not a map"):
        read(f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c, labels: {labels}}}\n")
