"""Payloads of the other registries, each written from its row of the reference's section 5."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.gateway.receiver.parsers.recognition import PARSERS, read_push
from services.gateway.receiver.parsers.registries import ROWS, Row
from services.gateway.receiver.trimming import trim
from tests.support.examples import share

DIGEST = "sha256:" + "0123456789abcdef" * 4
MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


def event(action: str = "push", **target: Any) -> dict[str, Any]:
    return {
        "id": "e1",
        "timestamp": "2026-11-23T07:00:00.123456789Z",
        "action": action,
        "target": {
            "mediaType": MANIFEST,
            "digest": DIGEST,
            "size": 708,
            "length": 708,
            "repository": "acme/web",
            "url": f"http://registry.example.com:5000/v2/acme/web/manifests/{DIGEST}",
            "tag": "1.4.1",
            **target,
        },
        "request": {"id": "r1", "addr": "192.0.2.7:4", "host": "registry.example.com:5000", "method": "PUT"},
        "actor": {"name": "ann"},
        "source": {"addr": "registry:5000", "instanceID": "i1"},
    }


def test_a_distribution_envelope_gives_the_tagged_manifests_only() -> None:
    envelope = {
        "events": [
            event(mediaType="application/octet-stream", tag=None),
            event(action="mount", mediaType="application/octet-stream", fromRepository="acme/base"),
            event(tag=None),
            event(),
            event(action="pull"),
            event(mediaType="application/vnd.oci.image.index.v1+json", tag="latest"),
        ]
    }
    reading = read_push("auto", envelope)
    assert [(push.tag, push.digest) for push in reading.pushes] == [("1.4.1", DIGEST), ("latest", DIGEST)]
    first = reading.pushes[0]
    assert first.image == "registry.example.com:5000/acme/web"
    assert (first.pusher, first.provider_delivery_id, first.pushed_at) == ("ann", "e1", 1795417200.123456)


def test_a_registry_behind_a_proxy_is_known_by_its_own_address_and_by_the_requests() -> None:
    behind = event(url="https://registry.example.com/v2/acme/web/manifests/1")
    (push,) = read_push("auto", {"events": [behind]}).pushes
    assert (push.registry_host, push.also_at) == ("registry.example.com", ("registry.example.com:5000",))
    relative = event(url="/v2/acme/web/manifests/1")
    (push,) = read_push("auto", {"events": [relative]}).pushes
    assert (push.registry_host, push.also_at) == ("registry.example.com:5000", ())


def test_the_host_of_a_distribution_event_may_stand_in_its_address_only() -> None:
    bare = event()
    del bare["request"]
    assert read_push("distribution", {"events": [bare]}).pushes[0].registry_host == "registry.example.com:5000"


@pytest.mark.parametrize("events", [[], [event(action="pull")], [event(tag=None)], [event(action="delete", tag=None)]])
def test_an_envelope_without_a_pushed_tag_is_not_a_push(events: list[Any]) -> None:
    reading = read_push("auto", {"events": events})
    assert reading.pushes == () and reading.not_a_push


def github(event: str, **tag: Any) -> dict[str, Any]:
    """GitHub's package event; `package_url` may end in a bare colon."""
    return {
        "action": "published",
        event: {
            "name": "web",
            "namespace": "acme",
            "package_type": "CONTAINER",
            "owner": {"login": "acme"},
            "package_version": {
                "version": DIGEST,
                "name": DIGEST,
                "updated_at": "2026-11-23T07:00:00Z",
                "package_url": "ghcr.io/acme/web:",
                "container_metadata": {
                    "tag": {"name": "1.4", "digest": DIGEST, **tag},
                    "manifest": {"digest": DIGEST, "media_type": MANIFEST, "config": {"digest": DIGEST}},
                },
            },
        },
        "sender": {"login": "ann"},
    }


def test_an_image_of_ghcr_may_have_slashes_and_its_account_capitals() -> None:
    body = github("package")
    body["package"] |= {"name": "shop/web", "namespace": "Acme-Org"}
    (push,) = read_push("auto", body).pushes
    assert push.image == "ghcr.io/acme-org/shop/web"


def test_what_a_script_calls_a_namespace_stands_only_before_a_bare_name() -> None:
    bare = {"repository": "web", "tag": "1.4", "namespace": "acme"}
    assert read_push("auto", bare).pushes[0].repository == "acme/web"
    assert read_push("auto", {**bare, "repository": "shop/web"}).pushes[0].repository == "shop/web"


GHCR = {"registry_host": "ghcr.io", "digest": DIGEST, "pusher": "ann", "pushed_at": 1795417200.0}

CASES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    (
        "harbor",
        {
            "type": "PUSH_ARTIFACT",
            "occur_at": 1795417200,
            "operator": "ann",
            "event_data": {
                "resources": [{"digest": DIGEST, "tag": "1.4", "resource_url": "harbor.example.com/acme/web:1.4"}],
                "repository": {
                    "date_created": 1,
                    "name": "web",
                    "namespace": "acme",
                    "repo_full_name": "acme/web",
                    "repo_type": "private",
                },
            },
        },
        {"registry_host": "harbor.example.com", "pusher": "ann", "digest": DIGEST, "pushed_at": 1795417200.0},
    ),
    (
        "harbor-cloudevents",
        {
            "specversion": "1.0",
            "id": "c1",
            "type": "harbor.artifact.pushed",
            "time": "2026-11-23T07:00:00Z",
            "operator": "ann",
            "data": {
                "resources": [{"digest": DIGEST, "tag": "1.4", "resource_url": "harbor.example.com/acme/web:1.4"}],
                "repository": {"name": "web", "namespace": "acme", "repo_full_name": "acme/web"},
            },
        },
        {"registry_host": "harbor.example.com", "provider_delivery_id": "c1", "pushed_at": 1795417200.0},
    ),
    (
        "quay",
        {
            "repository": "acme/web",
            "namespace": "acme",
            "name": "web",
            "docker_url": "quay.io/acme/web",
            "homepage": "https://quay.io/repository/acme/web",
            "updated_tags": ["1.4"],
        },
        {"registry_host": "quay.io"},
    ),
    (
        "acr",
        {
            "id": "a1",
            "timestamp": "2026-11-23T07:00:00Z",
            "action": "push",
            "target": {"mediaType": MANIFEST, "size": 1, "digest": DIGEST, "repository": "acme/web", "tag": "1.4"},
            "request": {"id": "r", "host": "acme.azurecr.io", "method": "PUT", "useragent": "docker"},
        },
        {"registry_host": "acme.azurecr.io", "digest": DIGEST, "provider_delivery_id": "a1"},
    ),
    (
        "alibaba",
        {
            "push_data": {"digest": DIGEST, "pushed_at": "2026-11-23 07:00:00", "tag": "1.4"},
            "repository": {
                "date_created": "2026-01-01 00:00:00",
                "name": "web",
                "namespace": "acme",
                "region": "eu-central-1",
                "repo_full_name": "acme/web",
            },
        },
        {"digest": DIGEST, "pushed_at": 1795417200.0},
    ),
    (
        "artifactory",
        {
            "domain": "docker",
            "event_type": "pushed",
            "data": {"repo_key": "acme", "image_name": "web", "tag": "1.4", "sha256": "ab" * 32, "platforms": []},
            "jpd_origin": "https://acme.jfrog.example.com",
        },
        {"registry_host": "acme.jfrog.example.com", "digest": "sha256:" + "ab" * 32},
    ),
    (
        "nexus",
        {
            "timestamp": "2026-11-23T07:00:00.000+00:00",
            "nodeId": "n",
            "initiator": "ann/192.0.2.7",
            "repositoryName": "docker-hosted",
            "action": "CREATED",
            "component": {"id": "x1", "componentId": "y", "format": "docker", "name": "acme/web", "version": "1.4"},
        },
        # The component's id stays the same when the tag is pushed again: it names no delivery.
        {"provider_delivery_id": None, "pushed_at": 1795417200.0},
    ),
    (
        "gitea",
        {
            "action": "created",
            "package": {
                "name": "web",
                "version": "1.4",
                "type": "container",
                "owner": {"login": "acme"},
                "html_url": "https://git.example.com/acme/-/packages/container/web/1.4",
            },
            "sender": {"login": "ann"},
        },
        {"registry_host": "git.example.com", "pusher": "ann"},
    ),
    ("ghcr", github("package"), GHCR),
    ("ghcr-registry", github("registry_package"), GHCR),
    (
        "ecr",
        {
            "version": "0",
            "id": "e-1",
            "detail-type": "ECR Image Action",
            "source": "aws.ecr",
            "account": "123456789012",
            "time": "2026-11-23T07:00:00Z",
            "region": "eu-central-1",
            "detail": {
                "result": "SUCCESS",
                "repository-name": "acme/web",
                "image-digest": DIGEST,
                "action-type": "PUSH",
                "image-tag": "1.4",
            },
        },
        {
            "registry_host": "123456789012.dkr.ecr.eu-central-1.amazonaws.com",
            "digest": DIGEST,
            "provider_delivery_id": "e-1",
            "pushed_at": 1795417200.0,
        },
    ),
    (
        "google",
        {
            "message": {
                "data": base64.b64encode(
                    json.dumps(
                        {
                            "action": "INSERT",
                            "digest": f"europe-docker.pkg.dev/acme/web@{DIGEST}",
                            "tag": "europe-docker.pkg.dev/acme/web:1.4",
                        }
                    ).encode()
                ).decode(),
                "messageId": "m1",
                "publishTime": "2026-11-23T07:00:00Z",
            },
            "subscription": "projects/acme/subscriptions/gcr",
        },
        {"registry_host": "europe-docker.pkg.dev", "digest": DIGEST, "provider_delivery_id": "m1"},
    ),
    (
        # As Quay wrote it until 2016: each tag with the id of its image.
        "quay",
        {
            "repository": "acme/web",
            "namespace": "acme",
            "name": "web",
            "docker_url": "quay.io/acme/web",
            "homepage": "https://quay.io/repository/acme/web",
            "visibility": "public",
            "updated_tags": {"1.4": "b750fe79269d2ec9a3c593ef05b4332b1d1a02a62b4accb2c21d589ff2f5f2dc"},
            "pushed_image_count": 10,
            "pruned_image_count": 3,
        },
        {"registry_host": "quay.io", "digest": None},
    ),
    ("generic", {"repository": "acme/web", "tag": "1.4"}, {"registry_host": ""}),
    ("generic", {"name": "acme/web", "tag": "1.4"}, {"registry_host": ""}),
    ("generic", {"name": "ghcr.io/acme/web:1.4"}, {"registry_host": "ghcr.io"}),
    ("generic", {"name": "web", "namespace": "acme", "tag": "1.4"}, {"registry_host": ""}),
    ("generic", {"image": "ghcr.io/acme/web:1.4"}, {"registry_host": "ghcr.io"}),
    ("generic", {"image": f"localhost:5000/acme/web:1.4@{DIGEST}"}, {"registry_host": "localhost:5000"}),
]


@pytest.mark.parametrize(("provider", "body", "expected"), CASES)
def test_a_row_reads_its_registry_and_recognises_it(
    provider: str, body: dict[str, Any], expected: dict[str, Any]
) -> None:
    for asked in (provider, "auto"):
        (push,) = read_push(asked, body).pushes
        assert (push.provider, push.repository, push.tag) == (provider, "acme/web", "1.4")
        assert {name: getattr(push, name) for name in expected} == expected


def _without(body: Any, name: str) -> Any:
    if isinstance(body, dict):
        return {key: _without(value, name) for key, value in body.items() if key != name}
    return body


@pytest.mark.parametrize("provider", ["harbor", "harbor-cloudevents"])
def test_a_repository_of_harbor_may_be_told_by_its_project_and_name_alone(provider: str) -> None:
    body = next(_without(one, "repo_full_name") for name, one, _ in CASES if name == provider)
    for asked in (provider, "auto"):
        (push,) = read_push(asked, body).pushes
        assert (push.image, push.tag) == ("harbor.example.com/acme/web", "1.4")
    (group := body.get("event_data") or body["data"])["repository"]["name"] = "shop/web"
    assert [push.repository for push in read_push("auto", body).pushes] == ["acme/shop/web"]
    assert group["repository"]["namespace"] == "acme"


@pytest.mark.parametrize("event", ["package", "registry_package"])
def test_a_package_of_github_may_name_its_ecosystem_in_place_of_its_type(event: str) -> None:
    body = {**_without(github(event), "package_type"), "action": "create"}
    body[event]["ecosystem"] = "CONTAINER"
    (push,) = read_push("auto", body).pushes
    assert (push.image, push.tag, push.digest) == ("ghcr.io/acme/web", "1.4", DIGEST)
    body[event]["ecosystem"] = "npm"
    reading = read_push("auto", body)
    assert reading.not_a_push and f"{event}.ecosystem is npm" in (reading.problem or "")


MANIFEST_V1 = "application/vnd.docker.distribution.manifest.v1+json"


@pytest.mark.parametrize("media_type", [MANIFEST_V1, "application/octet-stream", None])
def test_registries_before_release_2_1_have_the_tag_in_the_address_alone(media_type: str | None) -> None:
    address = "http://registry.example.com:5000/v2/acme/web/manifests/1.4.1"
    (push,) = read_push("auto", {"events": [event(mediaType=media_type, tag=None, url=address)]}).pushes
    assert (push.image, push.tag) == ("registry.example.com:5000/acme/web", "1.4.1")
    assert push.media_type == (MANIFEST_V1 if media_type == MANIFEST_V1 else None)


def test_a_tagged_manifest_may_be_an_octet_stream_and_a_blob_never_is_one() -> None:
    blob = f"http://registry.example.com:5000/v2/acme/web/blobs/{DIGEST}"
    events = [event(mediaType="application/octet-stream"), event(mediaType="application/octet-stream", url=blob)]
    assert [push.tag for push in read_push("auto", {"events": events}).pushes] == ["1.4.1"]


GIT_PUSHES: list[tuple[str, dict[str, Any]]] = [
    ("acme/web (refs/heads/main)",
     {"ref": "refs/heads/main", "before": "0" * 40, "after": "1" * 40, "commits": [],
      "repository": {"full_name": "acme/web", "name": "web"}, "pusher": {"name": "ann"}}),
    ("acme/web (refs/tags/v1)",
     {"object_kind": "tag_push", "ref": "refs/tags/v1", "checkout_sha": "1" * 40,
      "project": {"path_with_namespace": "acme/web"}, "repository": {"name": "web"}}),
    ("acme/web", {"push": {"changes": [{"new": {"type": "branch"}}]}, "repository": {"full_name": "acme/web"}}),
    ("web", {"eventType": "git.push", "resource": {"repository": {"name": "web"}}}),
]  # fmt: skip


@pytest.mark.parametrize(("pushed", "body"), GIT_PUSHES)
@pytest.mark.parametrize("provider", ["dockerhub", "auto"])
def test_a_git_push_is_named_as_one(provider: str, pushed: str, body: dict[str, Any]) -> None:
    reading = read_push(provider, body)
    assert reading.pushes == () and not reading.not_a_push
    assert (reading.problem or "").startswith(f"A Git push of {pushed}, and this address takes pushes of images")


def test_a_script_may_send_its_commit_along_with_the_image() -> None:
    body = {"image": "acme/web:1.4", "ref": "refs/heads/main", "after": "1" * 40}
    assert [push.tag for push in read_push("auto", body).pushes] == ["1.4"]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_every_row_of_the_table_has_a_case(row: Row) -> None:
    assert any(row.name == provider for provider, _, _ in CASES)


def test_a_push_to_ghcr_without_a_tag_says_so() -> None:
    reading = read_push("auto", github("package", name=""))
    assert [(push.repository, push.tag, push.digest) for push in reading.pushes] == [("acme/web", None, DIGEST)]
    assert "has no tag" in (reading.problem or "")


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"media_type": "application/vnd.cncf.helm.config.v1+json"}, "chart"),
        ({"media_type": "application/vnd.dev.cosign.artifact.sig.v1+json"}, "signature"),
        ({"tag": "sha256-" + "ab" * 32 + ".sig"}, "signature"),
        ({"tag": "sha256-" + "ab" * 32 + ".att"}, "signature"),
        ({"tag": "1.4.1"}, "image"),
    ],
)
def test_charts_and_signatures_are_told_from_images(body: dict[str, str], kind: str) -> None:
    (push,) = read_push("generic", {"repository": "acme/web", "tag": "1.4", **body}).pushes
    assert push.kind == kind


def test_a_chart_in_acr_is_one() -> None:
    body = {
        "action": "chart_push",
        "target": {"mediaType": "application/vnd.acr.helm.chart", "repository": "acme/web", "tag": "1.4"},
        "request": {"host": "acme.azurecr.io"},
    }
    assert [push.kind for push in read_push("auto", body).pushes] == ["chart"]


@pytest.mark.parametrize("body", [{"action": "ping", "id": "1"}, {"zen": "Keep it logically awesome.", "hook_id": 1}])
def test_a_ping_is_answered_and_recorded_nowhere(body: dict[str, Any]) -> None:
    assert read_push("auto", body).not_a_push


def test_several_tags_in_one_body_are_several_pushes() -> None:
    body = {"repository": "acme/web", "docker_url": "quay.io/acme/web", "updated_tags": ["1.4", "latest"]}
    assert [push.tag for push in read_push("auto", body).pushes] == ["1.4", "latest"]


def test_a_notification_of_something_else_is_not_a_push() -> None:
    reading = read_push("harbor", {"type": "DELETE_ARTIFACT", "event_data": {"resources": [{}], "repository": {}}})
    assert reading.not_a_push and reading.pushes == ()


def test_a_digest_in_place_of_a_tag_is_not_taken_for_one() -> None:
    body = {
        "type": "PUSH_ARTIFACT",
        "event_data": {
            "resources": [{"digest": DIGEST, "tag": DIGEST, "resource_url": "h.example.com/a/b@x"}],
            "repository": {"repo_full_name": "a/b"},
        },
    }
    (push,) = read_push("harbor", body).pushes
    assert (push.tag, push.digest) == (None, DIGEST)


_leaf = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12)
_keys = st.sampled_from(
    sorted(
        {
            step
            for row in ROWS
            for path in (*row.marks, *row.repository, *row.tag, *row.host, *row.pushed_at, row.each)
            for step in path.split(".")
        }
        | {"events", "target", "push_data", "repo_name", "resources"}
    )
)
_json = st.recursive(
    _leaf, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_keys, inner, max_size=6), max_leaves=25
)


@settings(max_examples=share(250), deadline=None)
@given(body=_json, provider=st.sampled_from([parser.name for parser in PARSERS] + ["auto", "unheard-of"]))
def test_no_json_makes_a_parser_fail_and_what_it_reads_can_be_stored(body: Any, provider: str) -> None:
    reading = read_push(provider, body)
    assert reading.pushes or reading.problem
    for push in reading.pushes:
        assert push.repository and not push.repository.startswith("/")
        assert push.tag or reading.problem
        push.model_dump_json().encode()
    if isinstance(body, dict):
        trim(body)
