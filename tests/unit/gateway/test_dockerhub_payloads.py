"""Docker Hub's payload variants A to G of the reference, each written from its row."""

from __future__ import annotations

from typing import Any

import pytest

from services.gateway.receiver.parsers.recognition import read_push
from shared.contracts.pushes import Push

LONG_DOCKERFILE = '#\n# Example\n\nFROM ubuntu:14.04\nRUN \\\n  apt-get update\t&& echo "é"\n'


def repository(**fields: Any) -> dict[str, Any]:
    return {
        "comment_count": 0,
        "date_created": 1417494799,
        "description": "",
        "full_description": "Docker Hub based automated build from a GitHub repo",
        "is_official": False,
        "is_private": True,
        "name": "testhook",
        "namespace": "svendowideit",
        "owner": "svendowideit",
        "repo_name": "svendowideit/testhook",
        "repo_url": "https://registry.hub.docker.com/u/svendowideit/testhook/",
        "star_count": 0,
        "status": "Active",
        **fields,
    }


def only_push(body: dict[str, Any], provider: str = "dockerhub") -> Push:
    reading = read_push(provider, body)
    assert reading.problem is None
    (push,) = reading.pushes
    return push


def test_variant_a_of_2013_has_no_tag_and_no_callback_and_says_so() -> None:
    body = {
        "push_data": {"pushed_at": 1385141110, "images": ["imagehash1", "imagehash2"], "pusher": "username"},
        "repository": repository(is_trusted=True),
    }
    reading = read_push("dockerhub", body)
    assert [(push.repository, push.tag) for push in reading.pushes] == [("svendowideit/testhook", None)]
    assert reading.problem == "The payload of svendowideit/testhook has no tag (push_data.tag)."


@pytest.mark.parametrize("comment_count", ["0", 0])
def test_variant_b_of_2014_writes_times_as_floats_in_scientific_form(comment_count: Any) -> None:
    body = {
        "callback_url": "https://registry.hub.docker.com/u/svendowideit/testhook/hook/2141b5bi5i5b02bec211i4eeih/",
        "push_data": {
            "images": ["27d47432a69bca5f2700e4dff7de0388ed65f9d3fb1ec645e2bc24c223dc1cc3"],
            "pushed_at": 1.417566161e9,
            "pusher": "trustedbuilder",
            "tag": "latest",
        },
        "repository": repository(
            date_created=1.417494799e9, comment_count=comment_count, dockerfile=LONG_DOCKERFILE, is_trusted=True
        ),
    }
    push = only_push(body)
    assert (push.repository, push.tag, push.pusher) == ("svendowideit/testhook", "latest", "trustedbuilder")
    assert push.pushed_at == 1417566161
    assert push.image == "svendowideit/testhook"


def test_variant_c_of_2015_names_an_official_image_without_a_slash() -> None:
    official = repository(name="busybox", namespace="library", owner="library", repo_name="busybox")
    body = {"push_data": {"pushed_at": 1426700000, "images": ["imagehash1"], "pusher": "u"}, "repository": official}
    assert read_push("dockerhub", body).problem == "The payload of library/busybox has no tag (push_data.tag)."


def test_variant_d_of_2015_has_null_descriptions_and_no_dockerfile() -> None:
    body = {
        "push_data": {"pushed_at": 1449017033, "images": [], "tag": "latest", "pusher": "ann"},
        "callback_url": "https://registry.hub.docker.com/u/acme/web/hook/22aabb/",
        "repository": repository(full_description=None, name="web", namespace="acme", repo_name="acme/web"),
    }
    assert only_push(body).repository == "acme/web"


def test_variant_e_of_2017_moved_the_repository_address() -> None:
    body = {
        "push_data": {"pushed_at": 1497467660, "images": [], "tag": "0.1.7", "pusher": "ann"},
        "callback_url": "https://registry.hub.docker.com/u/acme/web/hook/h2d4a1/",
        "repository": repository(repo_url="https://hub.docker.com/r/acme/web", repo_name="acme/web"),
    }
    push = only_push(body)
    assert (push.provider, push.registry_host, push.tag) == ("dockerhub", "docker.io", "0.1.7")


@pytest.mark.parametrize(
    ("media_type", "kind"),
    [
        ("application/vnd.docker.container.image.v1+json", "image"),
        ("application/vnd.oci.image.index.v1+json", "image"),
        ("application/vnd.docker.distribution.manifest.v2+json", "image"),
        ("application/vnd.something.new.v1+json", "image"),
        ("application/vnd.cncf.helm.config.v1+json", "chart"),
        ("application/vnd.dev.cosign.artifact.sig.v1+json", "signature"),
    ],
)
def test_variant_f_of_2021_tells_the_media_type(media_type: str, kind: str) -> None:
    body = {
        "push_data": {"pushed_at": 1, "images": [], "tag": "1.0", "pusher": "ann", "media_type": media_type},
        "repository": repository(),
    }
    push = only_push(body)
    assert (push.media_type, push.kind) == (media_type, kind)


def test_variant_g_of_2023_dropped_the_images() -> None:
    body = {
        "callback_url": "https://registry.hub.docker.com/u/acme/web/hook/2141b/",
        "push_data": {"pushed_at": 1700000000, "pusher": "trustedbuilder", "tag": "latest"},
        "repository": repository(),
    }
    assert only_push(body).tag == "latest"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"repo_name": "acme/web"}, "acme/web"),
        ({"namespace": "acme", "name": "web"}, "acme/web"),
        ({"owner": "acme", "name": "web"}, "acme/web"),
        ({"name": "busybox"}, "library/busybox"),
        ({"repo_name": None, "namespace": None, "name": "busybox"}, "library/busybox"),
        ({"repo_name": "docker.io/acme/web"}, "acme/web"),
    ],
)
def test_the_repository_is_found_in_every_form(fields: dict[str, Any], expected: str) -> None:
    assert only_push({"push_data": {"tag": "1"}, "repository": fields}).repository == expected


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (1417566161, 1417566161.0),
        (1.417566161e9, 1417566161.0),
        ("1417566161", 1417566161.0),
        ("1.417566161E9", 1417566161.0),
        (1417566161000, 1417566161.0),
        ("2014-12-03T00:22:41Z", 1417566161.0),
        ("2014-12-03T00:22:41.123456789+00:00", 1417566161.123456),
        (None, None),
        ("", None),
        ("yesterday", None),
        (-5, None),
        (True, None),
        ([], None),
        (float("inf"), None),
        (10**400, None),
    ],
)
def test_times_are_read_tolerantly(written: Any, read: float | None) -> None:
    push = only_push({"push_data": {"tag": "1", "pushed_at": written}, "repository": {"repo_name": "acme/web"}})
    assert push.pushed_at == read


@pytest.mark.parametrize("tag", [None, "", "   ", [], {}, True, 1.5])
def test_a_tag_that_is_no_text_counts_as_missing(tag: Any) -> None:
    reading = read_push("dockerhub", {"push_data": {"tag": tag}, "repository": {"repo_name": "acme/web"}})
    assert [push.tag for push in reading.pushes] == [None]
    assert "has no tag" in str(reading.problem)


def test_a_whole_number_is_a_tag() -> None:
    assert only_push({"push_data": {"tag": 7}, "repository": {"repo_name": "acme/web"}}).tag == "7"


@pytest.mark.parametrize("body", [{}, {"push_data": None, "repository": None}, {"push_data": {"tag": "1"}}])
def test_a_body_without_repository_says_so(body: dict[str, Any]) -> None:
    reading = read_push("dockerhub", body)
    assert reading.pushes == () and "has no repository" in str(reading.problem)


@pytest.mark.parametrize("body", [[], "text", 5, None, True])
def test_json_that_is_no_object_names_no_push(body: Any) -> None:
    assert read_push("dockerhub", body).problem == "The body is not a JSON object, so it contains no push."


def test_a_signature_tag_is_told_from_an_image() -> None:
    tag = "sha256-" + "a" * 64 + ".sig"
    assert only_push({"push_data": {"tag": tag}, "repository": {"repo_name": "acme/web"}}).kind == "signature"
