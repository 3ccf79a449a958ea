"""Which values of a chart look like an image, in the shapes that public charts have, and what is written there."""

from __future__ import annotations

from typing import Any

import pytest

from services.runner.tasks.k8s.chart_images import Form, ImageText, image_values, is_rendered, merged, written

PUSHED = ImageText("${input.DOCKER_IMAGE}", "${input.DOCKER_TAG}", "${input.DOCKER_DIGEST}", "ghcr.io", "acme/web")


@pytest.mark.parametrize(
    ("values", "places"),
    [
        ({"image": {"repository": "nginx", "pullPolicy": "Always", "tag": ""}}, {"image": "nginx"}),
        ({"image": {"repository": "acme/web", "tag": 1.4}}, {"image": "acme/web:1.4"}),
        ({"image": {"repository": "acme/web", "digest": ""}}, {"image": "acme/web"}),
        (
            {"image": {"registry": "quay.io", "repository": "acme/web", "tag": "v1", "digest": ""}},
            {"image": "quay.io/acme/web:v1"},
        ),
        ({"image": "acme/web:1.4", "replicas": 2}, {"image": "acme/web:1.4"}),
        ({"image": "acme/web", "imageTag": "1.4"}, {"": "acme/web:1.4"}),
        ({"web": {"image": {"name": "acme/web", "tag": "1"}}}, {"web.image": "acme/web:1"}),
        ({"initImage": {"repo": "busybox", "tag": "1"}}, {"initImage": "busybox:1"}),
        (
            {"image": {"repository": "a", "tag": "1"}, "db": {"image": {"repository": "b", "tag": "2"}}},
            {"image": "a:1", "db.image": "b:2"},
        ),
        ({"front": {"image": {"image": "acme/front", "tag": "v1"}}}, {"front.image": "acme/front:v1"}),
        ({"name": "web", "version": "1", "imagePullSecrets": [], "imagePullPolicy": "Always"}, {}),
        ({"git": {"repository": "https://example.com/a.git", "branch": "main"}}, {}),
        ({"image": ""}, {}),
    ],
)  # fmt: skip
def test_values_that_hold_an_image_are_found(values: Any, places: dict[str, str]) -> None:
    assert {".".join(place.path): place.current for place in image_values(values)} == places


@pytest.mark.parametrize(
    ("values", "form", "result"),
    [
        (
            {"image": {"repository": "nginx", "tag": ""}},
            Form.JOINED,
            {"image": {"repository": "${input.DOCKER_IMAGE}", "tag": "${input.DOCKER_TAG}"}},
        ),
        (
            {"image": {"repository": "nginx", "tag": "1", "digest": "sha256:abc"}},
            Form.JOINED,
            {"image": {"repository": "${input.DOCKER_IMAGE}", "tag": "${input.DOCKER_TAG}", "digest": ""}},
        ),
        (
            {"image": {"repository": "nginx", "digest": ""}},
            Form.JOINED,
            {"image": {"repository": "${input.DOCKER_IMAGE}", "digest": "${input.DOCKER_DIGEST}"}},
        ),
        (
            {"image": {"registry": "docker.io", "repository": "nginx", "tag": "1"}},
            Form.JOINED,
            {"image": {"registry": "", "repository": "${input.DOCKER_IMAGE}", "tag": "${input.DOCKER_TAG}"}},
        ),
        (
            {"image": {"registry": "docker.io", "repository": "nginx", "tag": "1"}},
            Form.SPLIT,
            {"image": {"registry": "ghcr.io", "repository": "acme/web", "tag": "${input.DOCKER_TAG}"}},
        ),
        ({"image": {"repository": "nginx", "tag": ""}}, Form.TAG, {"image": {"tag": "${input.DOCKER_TAG}"}}),
        ({"web": {"image": "nginx:1"}}, Form.WHOLE, {"web": {"image": "${input.DOCKER_IMAGE}:${input.DOCKER_TAG}"}}),
        ({"image": "a", "tag": "1"}, Form.JOINED, {"image": "${input.DOCKER_IMAGE}", "tag": "${input.DOCKER_TAG}"}),
    ],
)
def test_each_form_writes_the_pushed_image(values: Any, form: Form, result: Any) -> None:
    place = image_values(values)[0]
    assert form in place.forms
    assert written(place, form, PUSHED) == result


def test_registry_and_repository_apart_need_an_image_that_is_known() -> None:
    place = image_values({"image": {"registry": "docker.io", "repository": "nginx", "tag": "1"}})[0]
    assert place.forms == (Form.JOINED, Form.SPLIT, Form.TAG)
    assert written(place, Form.SPLIT, ImageText("i", "t")) is None


def test_a_probe_counts_only_where_the_manifest_names_it() -> None:
    place = image_values({"image": {"repository": "nginx", "tag": "1"}})[0]
    probe = ImageText("probe.invalid/acme/probe-1-end", "probe-1-tag")
    assert is_rendered(place, Form.JOINED, probe, "image: probe.invalid/acme/probe-1-end:probe-1-tag")
    assert not is_rendered(place, Form.JOINED, probe, "image: docker.io/probe.invalid/acme/probe-1-end")
    assert not is_rendered(place, Form.JOINED, probe, "image: /probe.invalid/acme/probe-1-end:probe-1-tag")
    assert is_rendered(place, Form.TAG, probe, "image: nginx:probe-1-tag")


def test_values_are_laid_over_each_other_as_helm_does() -> None:
    under = {"image": {"repository": "a", "tag": "1"}, "list": [1, 2]}
    assert merged(under, {"image": {"tag": "2"}, "list": [3]}) == {
        "image": {"repository": "a", "tag": "2"},
        "list": [3],
    }
    assert under["image"] == {"repository": "a", "tag": "1"}


def test_values_of_any_size_are_read_within_bounds() -> None:
    deep: Any = {"image": {"repository": "a", "tag": "1"}}
    for _ in range(50):
        deep = {"a": deep}
    assert image_values(deep) == []
    assert len(image_values({f"c{n}": {"image": {"repository": "a", "tag": "1"}} for n in range(500)})) == 60
