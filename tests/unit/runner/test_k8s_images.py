"""Which references in a manifest mean the pushed image, and what is written for them."""

from __future__ import annotations

from typing import Any

import pytest

from services.runner.tasks.k8s.images import pin, pull_anew
from services.runner.tasks.references import Pushed, parse

DIGEST = "sha256:" + "a" * 64


def _pinned(image: str, *, copies_at: frozenset[str] = frozenset(), digest: str = DIGEST) -> str:
    deployment = {
        "kind": "Deployment",
        "spec": {"template": {"spec": {"containers": [{"name": "web", "image": image}]}}},
    }
    pin(deployment, Pushed(parse("acme/web:1.4.0"), digest, copies_at))
    return str(deployment["spec"]["template"]["spec"]["containers"][0]["image"])  # type: ignore[index]


@pytest.mark.parametrize("image", ["acme/web:1.4.0", "docker.io/acme/web:1.4.0", "index.docker.io/acme/web:1.4.0"])
def test_the_pushed_image_gets_its_digest_however_it_is_written(image: str) -> None:
    assert _pinned(image) == f"{image}@{DIGEST}"


@pytest.mark.parametrize(
    "image", ["acme/web:1.4.1", "acme/api:1.4.0", "ghcr.io/acme/web:1.4.0", f"acme/web:1.4.0@{DIGEST}"]
)
def test_any_other_reference_stays_as_it_is(image: str) -> None:
    assert _pinned(image) == image


def test_a_copy_in_a_registry_that_an_input_names_is_pinned_too() -> None:
    copy = "registry.example.com:5000/acme/web:1.4.0"
    assert _pinned(copy, copies_at=frozenset({"registry.example.com:5000"})) == f"{copy}@{DIGEST}"
    assert _pinned(copy, copies_at=frozenset({"other.example.com"})) == copy


def test_without_a_known_digest_nothing_is_written() -> None:
    assert _pinned("acme/web:1.4.0", digest="") == "acme/web:1.4.0"


def test_a_pushed_tag_without_digest_is_pulled_again_by_nodes_that_have_it() -> None:
    written: list[dict[str, Any]] = [
        {"image": "acme/web:1.4.0"},
        {"image": "acme/web:1.4.0", "imagePullPolicy": "IfNotPresent"},
        {"image": f"acme/web:1.4.0@{DIGEST}"},
        {"image": "acme/api:1.4.0"},
    ]
    deployment = {"kind": "Deployment", "spec": {"template": {"spec": {"containers": written}}}}
    kept = pull_anew(deployment, Pushed(parse("acme/web:1.4.0"), ""))
    assert [one.get("imagePullPolicy") for one in written] == ["Always", "IfNotPresent", None, None]
    assert kept == ["acme/web:1.4.0 (imagePullPolicy: IfNotPresent)"], "what the author wrote counts, and is told"


def test_init_containers_run_the_pushed_image_too() -> None:
    parts: dict[str, Any] = {
        "initContainers": [{"name": "migrate", "image": "acme/web:1.4.0"}],
        "containers": [{"name": "web", "image": "acme/web:1.4.0"}],
    }
    pin({"kind": "Deployment", "spec": {"template": {"spec": parts}}}, Pushed(parse("acme/web:1.4.0"), DIGEST))
    assert parts["initContainers"][0]["image"] == parts["containers"][0]["image"] == f"acme/web:1.4.0@{DIGEST}"
