"""Digests, tags and sign-ins against the demo Hub and a real registry over HTTP."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import pytest
import requests

from cli.ports import free_port
from cli.system import http_answers
from demo.hub.server import FakeHub
from services.runner.clients.registry import Registries, Registry, RegistryAccount, RegistryProblem, platforms
from services.runner.requests.list_tags import TagLooker, highest
from services.runner.requests.resolve_tag import TagResolver, accounts
from services.runner.requests.validate import Validator
from shared.contracts.catalog import ValidateAsk
from shared.contracts.pushes import Found, RegistryAccess, TagResolve
from shared.contracts.runs import ResolvedEndpoint
from shared.contracts.tag_polls import TagsLook
from shared.process.secrets import Opener, Sealer, create_keys
from tests.support.challenges import BASIC, BEARER, DIGEST, registry_with
from tests.support.outbound import LOOPBACK
from tests.support.patience import PATIENCE_S, wait_for


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    served = FakeHub()
    served.world.add_repository("acme/web", private=True, admins=["acme"])
    served.world.add_account("eve", "eve-password")
    yield served
    served.close()


@pytest.fixture
def digest(hub: FakeHub) -> str:
    return hub.world.push(hub.world.repository("acme/web"), "1.0", ["linux/amd64", "linux/arm64"], None)


@pytest.fixture
def keys(tmp_path: Path) -> tuple[Sealer, Opener]:
    create_keys(tmp_path)
    return Sealer.load(tmp_path), Opener.load(tmp_path)


def at(hub: FakeHub, username: str = "acme", password: str = "demo-password") -> RegistryAccount:
    return RegistryAccount(urlparse(hub.url).netloc, username, password, plain_http=True)


def problem(account: RegistryAccount, repository: str) -> str:
    with pytest.raises(RegistryProblem) as raised:
        Registry(account, LOOPBACK).resolve(repository, "1.0")
    return raised.value.code


def test_a_tag_of_an_index_is_resolved_with_every_accept(hub: FakeHub, digest: str) -> None:
    found = Registry(at(hub), LOOPBACK).resolve("acme/web", "1.0")
    assert found is not None
    assert found.digest == digest
    assert found.media_type == "application/vnd.oci.image.index.v1+json"


def test_a_tag_that_is_not_there_is_none(hub: FakeHub, digest: str) -> None:
    assert Registry(at(hub), LOOPBACK).resolve("acme/web", "2.0") is None


def test_a_wrong_password_and_a_missing_right_are_told_apart(hub: FakeHub, digest: str) -> None:
    assert problem(at(hub, password="wrong"), "acme/web") == "wrong-password"
    assert problem(at(hub, "eve", "eve-password"), "acme/web") == "no-right"
    assert problem(at(hub, "", ""), "acme/web") == "no-right"


def test_a_registry_that_is_away_is_told_with_its_address() -> None:
    port = free_port()
    with pytest.raises(RegistryProblem) as raised:
        Registry(RegistryAccount(f"127.0.0.1:{port}", plain_http=True), LOOPBACK).resolve("acme/web", "1")
    assert raised.value.code == "unreachable"
    assert f"http://127.0.0.1:{port}/v2/acme/web/manifests/1: connection refused" in raised.value.message


OFFERS = [
    ([BEARER], "Bearer granted"),
    ([BEARER, BASIC], "Bearer granted"),
    ([BASIC, BEARER], "Bearer granted"),
    ([f"{BEARER}, {BASIC}"], "Bearer granted"),
    ([f"{BASIC}, {BEARER}"], "Bearer granted"),
    (["Negotiate", BASIC], "Basic Y2k6c2VjcmV0"),
    (["Negotiate YIIB/w==, NTLM", 'basic realm="a, b"'], "Basic Y2k6c2VjcmV0"),
    ([f"Negotiate, {BASIC}"], "Basic Y2k6c2VjcmV0"),
    (['Bearer service="x"', BASIC], "Basic Y2k6c2VjcmV0"),
]


@pytest.mark.parametrize(("challenges", "sent"), OFFERS)
def test_of_several_ways_to_sign_in_the_best_known_one_is_taken(challenges: list[str], sent: str) -> None:
    with registry_with(challenges) as signs:
        registry = Registry(RegistryAccount(signs.host, "ci", "secret", plain_http=True), LOOPBACK)
        registry.sign_in()
        found = registry.resolve("acme/web", "1.0")
    assert found is not None and found.digest == DIGEST
    assert signs.seen[-1] == sent


def test_a_registry_that_offers_nothing_known_is_told_with_what_it_offers() -> None:
    with registry_with(["Negotiate", 'Digest realm="x"']) as signs, pytest.raises(RegistryProblem) as raised:
        Registry(RegistryAccount(signs.host, "ci", "secret", plain_http=True), LOOPBACK).sign_in()
    assert raised.value.code == "no-registry" and "Negotiate, Digest" in raised.value.message


def test_a_token_without_a_user_name_signs_in_where_the_registry_asks_for_none() -> None:
    with registry_with([BASIC], "token", "glpat-1") as signs:
        found = Registry(RegistryAccount(signs.host, password="glpat-1", plain_http=True), LOOPBACK).resolve(
            "acme/web", "1.0"
        )
        assert found is not None and found.digest == DIGEST
    with registry_with([BEARER], "ann", "glpat-1") as signs, pytest.raises(RegistryProblem) as raised:
        Registry(RegistryAccount(signs.host, password="glpat-1", plain_http=True), LOOPBACK).resolve("acme/web", "1.0")
    assert raised.value.code == "wrong-password" and "user name that the token belongs to" in raised.value.message


def test_a_question_that_names_no_registry_is_asked_nowhere(keys: tuple[Sealer, Opener]) -> None:
    answer = TagResolver(accounts(keys[1]), Registries(LOOPBACK))(
        TagResolve(delivery_id="d", repository="acme/web", tag="1")
    )
    assert (answer.outcome, answer.detail) == (Found.UNAVAILABLE, "No endpoint says which registry to ask.")


def test_the_resolver_answers_in_every_case(hub: FakeHub, digest: str, keys: tuple[Sealer, Opener]) -> None:
    sealer, opener = keys
    resolver = TagResolver(accounts(opener), Registries(LOOPBACK))

    def ask(tag: str, password: str) -> tuple[Found, str | None]:
        access = RegistryAccess(
            registry_host=urlparse(hub.url).netloc, username="acme", password=sealer.seal(password), plain_http=True
        )
        answer = resolver(TagResolve(delivery_id="d", repository="acme/web", tag=tag, access=access))
        assert (answer.detail == "") == (answer.outcome is Found.FOUND)
        assert password not in answer.detail
        return answer.outcome, answer.digest

    assert ask("1.0", "demo-password") == (Found.FOUND, digest)
    assert ask("2.0", "demo-password") == (Found.NOT_FOUND, None)
    assert ask("1.0", "quite-wrong") == (Found.UNAVAILABLE, None)


@pytest.mark.parametrize(
    ("username", "password", "repository", "code"),
    [
        ("acme", "demo-password", "acme/web", "ok"),
        ("acme", "wrong-password", "acme/web", "wrong-password"),
        # A registry answers both alike: only the Hub's own API tells them apart, and hubsync asks it.
        ("acme", "demo-password", "acme/nothing", "no-right"),
        ("eve", "eve-password", "acme/web", "no-right"),
        ("acme", "demo-password", "acme", "ok"),
    ],
)
def test_a_docker_endpoint_is_tried_for_real(
    hub: FakeHub,
    digest: str,
    keys: tuple[Sealer, Opener],
    username: str,
    password: str,
    repository: str,
    code: str,
) -> None:
    sealer, opener = keys
    endpoint = ResolvedEndpoint(
        name="hub",
        type="docker",
        properties={
            "serverType": "DockerHub",
            "repoURL": repository,
            "username": username,
            "registryURL": hub.url,
        },
        secrets={"password": sealer.seal(password)},
    )
    answer = Validator(opener, LOOPBACK)(ValidateAsk(endpoint=endpoint))
    assert answer.code == code, answer.message
    assert answer.ok == (code == "ok") == (not answer.next_step)
    assert answer.details.get("scope") == (f"repository:{repository}:pull" if code == "no-right" else None)
    assert password not in answer.message


@pytest.fixture
def real(tmp_path: Path) -> Iterator[str]:
    """A real registry's host and port."""
    port = free_port()
    program = shutil.which("docker-registry")
    assert program is not None
    config = tmp_path / "registry.yml"
    config.write_text(
        f"version: 0.1\nstorage: {{filesystem: {{rootdirectory: {tmp_path}/blobs}}}}\n"
        f"http: {{addr: '127.0.0.1:{port}'}}\n"
    )
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen([program, "serve", str(config)], stdout=log, stderr=log)
    try:
        wait_for(lambda: http_answers(f"http://127.0.0.1:{port}/v2/"), "the registry to answer")
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


def put(real: str, tag: str, config_type: str, *layer_types: str, **more: object) -> str:
    """Push a manifest of that configuration and layers, each an empty object; returns its digest."""
    base = f"http://{real}/v2/acme/web"
    blob = b"{}"
    named = "sha256:" + hashlib.sha256(blob).hexdigest()
    place = requests.post(f"{base}/blobs/uploads/", timeout=PATIENCE_S).headers["Location"]
    assert requests.put(place, params={"digest": named}, data=blob, timeout=PATIENCE_S).status_code == 201
    described = [{"mediaType": one, "digest": named, "size": len(blob)} for one in (config_type, *layer_types)]
    kind = "application/vnd.oci.image.manifest.v1+json"
    manifest = {"schemaVersion": 2, "mediaType": kind, "config": described[0], "layers": described[1:], **more}
    answer = requests.put(f"{base}/manifests/{tag}", json=manifest, headers={"Content-Type": kind}, timeout=PATIENCE_S)
    assert answer.status_code == 201, answer.text
    return answer.headers["Docker-Content-Digest"]


@pytest.mark.registry
def test_outside_docker_hub_the_resolver_says_what_was_pushed(real: str, keys: tuple[Sealer, Opener]) -> None:
    image, helm = "application/vnd.oci.image.config.v1+json", "application/vnd.cncf.helm.config.v1+json"
    layer = "application/vnd.oci.image.layer.v1.tar+gzip"
    pushed = {
        "1.0": (put(real, "1.0", image, layer), "image", "application/vnd.oci.image.manifest.v1+json"),
        "chart": (put(real, "chart", helm, "application/vnd.cncf.helm.chart.content.v1.tar+gzip"), "chart", helm),
        "sbom": (put(real, "sbom", "application/spdx+json"), "other", "application/spdx+json"),
        "signed": (
            put(real, "signed", image, "application/vnd.dev.cosign.simplesigning.v1+json"),
            "signature",
            "application/vnd.dev.cosign.simplesigning.v1+json",
        ),
    }
    resolver = TagResolver(accounts(keys[1]), Registries(LOOPBACK))
    access = RegistryAccess(registry_host=real, plain_http=True)
    for tag, (digest, kind, media_type) in pushed.items():
        for named in (None, digest):
            asked = TagResolve(delivery_id="d", repository="acme/web", tag=tag, access=access, digest=named)
            answer = resolver(asked)
            assert (answer.outcome, answer.digest) == (Found.FOUND, digest), answer.detail
            assert (answer.kind, answer.media_type) == (kind, media_type)


def put_image(real: str, tag: str, config: bytes = b"{}") -> str:
    """Push a manifest with that configuration; returns its digest."""
    base = f"http://{real}/v2/acme/web"
    named = "sha256:" + hashlib.sha256(config).hexdigest()
    place = requests.post(f"{base}/blobs/uploads/", timeout=PATIENCE_S).headers["Location"]
    assert requests.put(place, params={"digest": named}, data=config, timeout=PATIENCE_S).status_code == 201
    blob = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": named, "size": len(config)}
    kind = "application/vnd.oci.image.manifest.v1+json"
    manifest = json.dumps({"schemaVersion": 2, "mediaType": kind, "config": blob, "layers": []}).encode()
    pushed = requests.put(f"{base}/manifests/{tag}", data=manifest, headers={"Content-Type": kind}, timeout=PATIENCE_S)
    assert pushed.status_code == 201, pushed.text
    return "sha256:" + hashlib.sha256(manifest).hexdigest()


@pytest.mark.registry
def test_a_look_at_a_real_registry_names_all_tags_and_the_digests_of_the_highest(
    real: str, keys: tuple[Sealer, Opener]
) -> None:
    digests = {tag: put_image(real, tag, json.dumps({"tag": tag}).encode()) for tag in ("1.9", "1.10", "latest", "x-1")}
    look = TagLooker(accounts(keys[1]), Registries(LOOPBACK))
    ask = TagsLook(
        webhook_id="w",
        asked_at=1.0,
        repository="acme/web",
        access=RegistryAccess(registry_host=real, plain_http=True),
        exclude=("glob:x-*",),
        most=2,
    )
    seen = look(ask)
    assert seen.outcome is Found.FOUND
    assert {one.name: one.digest for one in seen.tags} == {
        "1.9": None,
        "1.10": digests["1.10"],
        "latest": digests["latest"],
        "x-1": None,
    }
    assert look(ask.model_copy(update={"repository": "acme/nothing"})).outcome is Found.NOT_FOUND


@pytest.mark.registry
def test_a_tag_is_not_found_until_all_wanted_platforms_are_there(real: str, keys: tuple[Sealer, Opener]) -> None:
    put_image(real, "1", json.dumps({"os": "linux", "architecture": "arm64", "variant": "v8"}).encode())
    resolve = TagResolver(accounts(keys[1]), Registries(LOOPBACK))

    def ask(*platforms: str) -> tuple[Found, str]:
        access = RegistryAccess(registry_host=real, plain_http=True)
        answer = resolve(
            TagResolve(delivery_id="d", repository="acme/web", tag="1", access=access, platforms=platforms)
        )
        return answer.outcome, answer.detail

    assert ask("linux/arm64")[0] is Found.FOUND
    outcome, detail = ask("linux/amd64", "linux/arm64/v8")
    assert outcome is Found.NOT_FOUND
    assert detail == "It is there for linux/arm64/v8, linux/arm64, and not yet for linux/amd64."


@pytest.mark.parametrize(
    ("answer", "tags"),
    [
        ({"name": "acme/web", "tags": ["1"]}, ["1"]),
        ({"name": "acme/web", "tags": None}, []),
        ({"name": "acme/web"}, []),
        ({}, []),
        ({"detail": "sign in first"}, "answered 200 without a list of tags"),
        ([], "answered 200 without a list of tags"),
    ],
)
def test_a_repository_without_tags_is_told_from_an_answer_of_something_else(answer: Any, tags: Any) -> None:
    class Registering(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None: ...

        def do_GET(self) -> None:
            body = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Registering)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    registry = Registry(RegistryAccount(f"127.0.0.1:{server.server_address[1]}", plain_http=True), LOOPBACK)
    try:
        if isinstance(tags, list):
            assert registry.tags("acme/web") == tags
        else:
            with pytest.raises(RegistryProblem, match=tags):
                registry.tags("acme/web")
    finally:
        server.shutdown()
        server.server_close()


def test_an_index_names_the_platforms_of_its_images(hub: FakeHub, digest: str) -> None:
    registry = Registry(at(hub), LOOPBACK)
    found = registry.resolve("acme/web", "1.0")
    assert found is not None
    assert platforms(registry, "acme/web", found) == ("linux/amd64", "linux/arm64")


def test_of_many_tags_those_that_move_and_the_highest_versions_are_looked_at() -> None:
    names = ["1.9", "1.10", "1.8", "latest", "main", "edge"]
    assert set(highest(names, 4)) == {"main", "edge", "1.10", "1.9"}
    assert highest(["1.9", "1.10"], 4) == ["1.10", "1.9"]
    assert highest([name for name in names if name != "1.10"], 1) == ["1.9"]


@pytest.mark.registry
def test_a_real_registry_gives_the_digest_of_what_was_pushed(real: str) -> None:
    digest = put_image(real, "1")
    registry = Registry(RegistryAccount(real, plain_http=True), LOOPBACK)
    found = registry.resolve("acme/web", "1")
    assert found is not None
    assert found.digest == digest
    assert found.media_type == "application/vnd.oci.image.manifest.v1+json"
    assert registry.tags("acme/web") == ["1"]
    assert registry.tags("acme/nothing") is None
    assert registry.resolve("acme/web", "2") is None


@pytest.mark.parametrize("realm", ["http://169.254.169.254/latest/", "http://127.0.0.1:1/token"])
def test_a_password_goes_to_no_token_service_that_the_endpoint_has_not_accepted(realm: str) -> None:
    with registry_with([f'Bearer realm="{realm}",service="s"']) as signs:
        for accepted in ("", "http://127.0.0.1:1/other"):
            account = RegistryAccount(signs.host, "ci", "secret", plain_http=True, realm=accepted)
            with pytest.raises(RegistryProblem, match="The password was not sent") as raised:
                Registry(account, LOOPBACK).tags("acme/web")
            assert (raised.value.code, raised.value.url) == ("realm-not-accepted", realm)
        assert not any(signs.seen)
