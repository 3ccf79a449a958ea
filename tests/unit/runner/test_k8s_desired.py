"""What a manifest asks for: its documents, its images and its defaults."""

from __future__ import annotations

from typing import Any

import pytest

from services.runner.task_protocol import TaskFailed
from services.runner.tasks import references
from services.runner.tasks.k8s import (
    fence,
    images,
    manifests,
)
from services.runner.tasks.k8s.desired import with_restart

DIGEST = "sha256:" + "a" * 64


REFERENCES = [
    ("web", "docker.io", "library/web", "latest", ""),
    ("acme/web:1", "docker.io", "acme/web", "1", ""),
    ("docker.io/acme/web", "docker.io", "acme/web", "latest", ""),
    ("index.docker.io/acme/web:1", "docker.io", "acme/web", "1", ""),
    ("ghcr.io/acme/web:1", "ghcr.io", "acme/web", "1", ""),
    ("127.0.0.1:5001/web", "127.0.0.1:5001", "web", "latest", ""),
    ("localhost/web:2", "localhost", "web", "2", ""),
    (f"acme/web:1@{DIGEST}", "docker.io", "acme/web", "1", DIGEST),
    (f"acme/web@{DIGEST}", "docker.io", "acme/web", "", DIGEST),
]


@pytest.mark.parametrize(("text", "host", "repository", "tag", "digest"), REFERENCES)
def test_image_references_are_read_as_a_runtime_reads_them(
    text: str, host: str, repository: str, tag: str, digest: str
) -> None:
    assert references.parse(text) == references.ImageReference(host, repository, tag, digest)


def with_images(*names: str) -> dict[str, Any]:
    pods = {"spec": {"containers": [{"name": f"c{at}", "image": name} for at, name in enumerate(names)]}}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": {"template": pods}}


def test_only_the_pushed_tag_is_pinned() -> None:
    what = references.Pushed(references.parse("acme/web:latest"), DIGEST)
    obj = with_images("acme/web", "docker.io/acme/web:latest", "acme/web:1", "acme/api:latest", f"acme/web@{DIGEST}")
    written = images.pin(obj, what)
    assert written == [f"acme/web:latest@{DIGEST}", f"docker.io/acme/web:latest@{DIGEST}"]
    assert images.running(obj) == [*written, "acme/web:1", "acme/api:latest", f"acme/web@{DIGEST}"]


def test_images_in_custom_resources_are_pinned_too() -> None:
    what = references.Pushed(references.parse("acme/web:1"), DIGEST)
    obj = {
        "apiVersion": "example.com/v1",
        "kind": "App",
        "metadata": {"name": "a"},
        "spec": {"parts": [{"containers": [{"name": "x", "image": "acme/web:1"}]}]},
    }
    assert images.pin(obj, what) == [f"acme/web:1@{DIGEST}"]


BAD_YAML = [
    ("a: [", "cannot be read at line"),
    ("kind: A\nkind: B\n", "the key kind is repeated here (first on line 1)"),
    ("- 1\n", "document 1 is list"),
    ("kind: Pod\n", "document 1 has no apiVersion"),
    ("apiVersion: v1\nkind: Pod\n", "has no metadata.name"),
    ("apiVersion: batch/v1\nkind: Job\nmetadata: {generateName: m-}\n", "Apply needs a name"),
    ("# nothing\n", "holds no object"),
    ("apiVersion: v1\nkind: Pod\nmetadata: {name: a, annotations: x}\n", "metadata.annotations that is not a map"),
    ("apiVersion: v1\nkind: Pod\nmetadata: {name: a, labels: [x]}\n", "metadata.labels that is not a map"),
    ("apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n---\n5\n", "document 2 is int"),
]


@pytest.mark.parametrize(("text", "words"), BAD_YAML)
def test_a_bad_manifest_is_refused_with_its_place(text: str, words: str) -> None:
    with pytest.raises(TaskFailed) as failed:
        manifests.read(text)
    assert words in failed.value.message


def test_lists_are_unpacked_and_dates_stay_text() -> None:
    text = "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: 2024-01-01}}\n"
    (one,) = manifests.read(text)
    assert one["metadata"]["name"] == "2024-01-01"


def test_namespaces_and_definitions_of_kinds_come_before_what_needs_them() -> None:
    kinds = ["Deployment", "Widget", "CustomResourceDefinition", "Service", "Namespace"]
    text = "---\n".join(f"apiVersion: v1\nkind: {kind}\nmetadata: {{name: a}}\n" for kind in kinds)
    ordered = [one["kind"] for one in manifests.in_order(manifests.read(text))]
    assert ordered == ["Namespace", "CustomResourceDefinition", "Deployment", "Widget", "Service"]


def test_a_services_ports_say_their_protocol_as_older_servers_need_it() -> None:
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "spec": {"ports": [{"port": 80}, {"port": 53, "protocol": "UDP"}]},
    }
    manifests.with_protocols(service)
    assert service["spec"] == {"ports": [{"port": 80, "protocol": "TCP"}, {"port": 53, "protocol": "UDP"}]}
    nonsense = {"apiVersion": "v1", "kind": "Service", "spec": "ports"}
    manifests.with_protocols(nonsense)
    assert nonsense["spec"] == "ports"


def test_what_stands_where_containers_should_is_left_to_the_server() -> None:
    for spec in ("text", {"containers": 5}, {"containers": ["x"]}, None):
        template = {"metadata": {}, "spec": spec}
        assert list(manifests.containers({"kind": "Deployment", "spec": {"template": template}})) == []


def test_a_restart_is_asked_once_and_kept_afterwards() -> None:
    asked = with_restart(with_images("a:1"), None, "e1")
    template = asked["spec"]["template"]
    assert template["metadata"]["annotations"] == {fence.RESTARTED: "e1"}
    assert with_restart(with_images("a:1"), asked, None) == asked
    assert with_restart(with_images("a:1"), with_images("a:1"), None) == with_images("a:1")
