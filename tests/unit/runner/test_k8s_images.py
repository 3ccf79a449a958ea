"""Which references in a manifest mean the pushed image, and what is written for them."""

from __future__ import annotations

import pytest

from services.runner.tasks.k8s.images import pin
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
