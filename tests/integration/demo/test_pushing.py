"""Pushing to the demo's Hub as registry clients do: blobs whole, in chunks or mounted, a manifest, then its hooks."""

from __future__ import annotations

import json
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import requests

from demo.hub.server import FakeHub
from demo.hub.world import OCI_MANIFEST, digest_of
from tests.support.world import wait_for

LAYER = b"what an image holds"
ANN = ("acme", "demo-password")


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    fake = FakeHub()
    fake.world.add_repository("acme/web")
    yield fake
    fake.close()


def token(hub: FakeHub, *scopes: str, user: tuple[str, str] | None = ANN) -> dict[str, str]:
    parameters = [("service", "registry.docker.io"), *(("scope", scope) for scope in scopes)]
    answer = requests.get(f"{hub.url}/token", params=parameters, auth=user, timeout=30)
    return {"Authorization": f"Bearer {answer.json()['token']}"}


def manifest(config: bytes, *layers: bytes) -> bytes:
    def part(data: bytes) -> dict[str, Any]:
        return {"mediaType": "application/octet-stream", "digest": digest_of(data), "size": len(data)}

    return json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": part(config),
            "layers": [part(layer) for layer in layers],
        }
    ).encode()


def test_an_image_in_chunks_becomes_a_tag_and_calls_the_hooks(hub: FakeHub) -> None:
    repository = hub.world.repositories["acme/web"]
    signed_in = token(hub, "repository:acme/web:pull,push")
    uploads = f"{hub.url}/v2/acme/web/blobs/uploads/"
    opened = requests.post(uploads, headers=signed_in, timeout=30)
    assert opened.status_code == 202
    place = hub.url + opened.headers["Location"]
    # A body whose length is not known beforehand, as docker sends a layer.
    first = requests.patch(place, data=iter([LAYER[:5], LAYER[5:9]]), headers=signed_in, timeout=30)
    assert (first.status_code, first.headers["Range"]) == (202, "0-8")
    astray = requests.patch(place, data=b"x", headers=signed_in | {"Content-Range": "3-3"}, timeout=30)
    assert astray.status_code == 416
    done = requests.put(place, params={"digest": digest_of(LAYER)}, data=LAYER[9:], headers=signed_in, timeout=30)
    assert done.status_code == 201 and repository.blobs[digest_of(LAYER)] == LAYER
    tagged, image = f"{hub.url}/v2/acme/web/manifests/1.0", manifest(b"{}", LAYER)
    early = requests.put(tagged, data=image, headers=signed_in | {"Content-Type": OCI_MANIFEST}, timeout=30)
    assert early.json()["errors"][0]["code"] == "MANIFEST_BLOB_UNKNOWN"
    whole = requests.post(uploads, params={"digest": digest_of(b"{}")}, data=b"{}", headers=signed_in, timeout=30)
    assert whole.status_code == 201
    put = requests.put(tagged, data=image, headers=signed_in | {"Content-Type": OCI_MANIFEST}, timeout=30)
    assert (put.status_code, put.headers["Docker-Content-Digest"]) == (201, digest_of(image))
    read = requests.get(tagged, headers=signed_in | {"Accept": OCI_MANIFEST}, timeout=30)
    assert read.content == image
    assert repository.tags["1.0"][0] == digest_of(image)


def test_content_that_is_not_its_digest_is_refused(hub: FakeHub) -> None:
    signed_in = token(hub, "repository:acme/web:pull,push")
    uploads = f"{hub.url}/v2/acme/web/blobs/uploads/"
    wrong = requests.post(uploads, params={"digest": digest_of(b"other")}, data=LAYER, headers=signed_in, timeout=30)
    assert wrong.json()["errors"][0]["code"] == "DIGEST_INVALID"
    assert hub.world.repositories["acme/web"].blobs == {}


@pytest.mark.parametrize("scopes", [(), ("repository:acme/web:pull",)])
def test_a_push_needs_the_right_to_push(hub: FakeHub, scopes: tuple[str, ...]) -> None:
    refused = requests.post(f"{hub.url}/v2/acme/web/blobs/uploads/", headers=token(hub, *scopes), timeout=30)
    assert refused.status_code == 401
    assert 'scope="repository:acme/web:pull,push"' in refused.headers["WWW-Authenticate"]


def test_a_repository_is_made_by_its_first_push_but_only_below_ones_own_name(hub: FakeHub) -> None:
    for name, allowed in (("acme/new", 201), ("other/new", 401)):
        signed_in = token(hub, f"repository:{name}:pull,push")
        uploads = f"{hub.url}/v2/{name}/blobs/uploads/"
        answer = requests.post(uploads, params={"digest": digest_of(LAYER)}, data=LAYER, headers=signed_in, timeout=30)
        assert answer.status_code == allowed


def test_a_blob_is_mounted_from_a_repository_that_the_account_may_read(hub: FakeHub) -> None:
    hub.world.repositories["acme/web"].blobs[digest_of(LAYER)] = LAYER
    uploads = f"{hub.url}/v2/acme/web-prod/blobs/uploads/"
    mount = {"mount": digest_of(LAYER), "from": "acme/web"}
    blind = token(hub, "repository:acme/web-prod:pull,push")
    assert requests.post(uploads, params=mount, headers=blind, timeout=30).status_code == 202
    both = token(hub, "repository:acme/web-prod:pull,push", "repository:acme/web:pull")
    assert requests.post(uploads, params=mount, headers=both, timeout=30).status_code == 201
    assert hub.world.repositories["acme/web-prod"].blobs == {digest_of(LAYER): LAYER}


@pytest.mark.docker
def test_docker_itself_pushes(hub: FakeHub, tmp_path: Path) -> None:
    docker = shutil.which("docker")
    assert docker is not None
    host, archive = hub.url.removeprefix("http://"), tmp_path / "image.tar"
    with tarfile.open(archive, "w") as image:
        image.addfile(tarfile.TarInfo("empty"), BytesIO())
    name = f"{host}/acme/web:2.0"
    environment = {"DOCKER_CONFIG": str(tmp_path), "PATH": "/usr/bin:/bin:/usr/local/bin"}

    def run(*arguments: str, text: str | None = None) -> None:
        command = [docker or "", *arguments]
        subprocess.run(command, input=text, text=True, env=environment, check=True, timeout=60, capture_output=True)

    run("import", str(archive), name)
    try:
        run("login", host, "--username", ANN[0], "--password-stdin", text=ANN[1])
        run("push", name)
    finally:
        run("image", "rm", name)
    wait_for(lambda: hub.world.repositories["acme/web"].tags.get("2.0"), "the tag")
