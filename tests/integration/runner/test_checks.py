"""Endpoints tried against real servers on loopback: a registry with TLS and passwords, Git, mail."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from services.runner.requests.inspect import OutsideInspector
from services.runner.requests.validate import Validator
from shared.contracts.catalog import Inspect, ValidateAsk, Validated
from shared.contracts.problems import Refused
from shared.contracts.runs import ResolvedEndpoint
from shared.process.secrets import Opener, Sealer, create_keys
from tests.support.gitserver import GitServer
from tests.support.outbound import LOOPBACK
from tests.support.registry import PASSWORD, docker_registry, push
from tests.support.smtpd import mail_server
from tests.support.tls import Door, certificate
from tests.support.web import web_server


class Trying:
    """Endpoints as config prepares them, tried by a runner."""

    def __init__(self, folder: Path) -> None:
        create_keys(folder)
        self.sealer = Sealer.load(folder)
        self.validator = Validator(Opener.load(folder), LOOPBACK)

    def endpoint(self, type_: str, secrets: dict[str, str], properties: dict[str, Any]) -> ResolvedEndpoint:
        sealed = {name: self.sealer.seal(value) for name, value in secrets.items()}
        return ResolvedEndpoint(name="e", type=type_, properties=properties, secrets=sealed)

    def __call__(self, type_: str, secrets: dict[str, str] | None = None, **properties: Any) -> Validated:
        said = self.validator(ValidateAsk(endpoint=self.endpoint(type_, secrets or {}, properties)))
        assert said.ok == (said.code == "ok"), said
        assert said.ok or said.next_step, said
        assert not any(secret in said.message + str(said.details) for secret in (secrets or {}).values())
        return said


@pytest.fixture
def trying(tmp_path: Path) -> Trying:
    return Trying(tmp_path)


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[int]:
    with docker_registry(tmp_path) as port:
        push(port, "acme/web", ["1.9", "1.10", "latest"])
        yield port


@pytest.mark.registry
def test_a_registry_with_passwords_and_a_private_certificate(registry: int, trying: Trying, tmp_path: Path) -> None:
    shown = certificate(by=certificate("Acme Root", authority=True))
    door = Door(tmp_path, shown, ("127.0.0.1", registry))
    account = {"serverType": "OCI", "username": "ann"}

    def attempt(repository: str = "acme/web", password: str = PASSWORD, **more: str) -> Validated:
        return trying("docker", {"password": password}, **account, repoURL=f"{door.url}/{repository}", **more)

    distrusted = attempt()
    assert distrusted.code == "certificate-not-trusted" and shown.fingerprint in distrusted.message
    for accept in distrusted.details["accept"].values():
        assert attempt(**accept["properties"]).ok
    pinned = distrusted.details["accept"]["certificate"]["properties"]
    assert attempt(password="wrong-password", **pinned).code == "wrong-password"
    assert attempt("acme/nothing", **pinned).code == "no-such-repository"
    assert attempt("acme", **pinned).ok
    assert sorted(attempt(**pinned).details["tags"]) == ["1.10", "1.9", "latest"]
    door.show(certificate())
    assert attempt(**pinned).code == "certificate-changed"
    door.close()
    assert attempt(**pinned).code == "unreachable"


def test_docker_hub_is_not_asked_as_nobody_where_a_user_name_lacks(trying: Trying) -> None:
    said = trying("docker", {"password": PASSWORD}, serverType="DockerHub", repoURL="acme/web")
    assert (said.ok, said.code) == (False, "incomplete") and "user name" in said.next_step


@pytest.mark.registry
def test_a_registry_lists_the_repositories_of_a_namespace_and_the_highest_tags(registry: int, trying: Trying) -> None:
    push(registry, "acme/api", ["1"])
    push(registry, "other/web", ["1"])
    inspect = OutsideInspector(trying.validator, LOOPBACK)
    properties = {"serverType": "OCI", "repoURL": f"http://127.0.0.1:{registry}/acme", "username": "ann"}
    endpoint = trying.endpoint("docker", {"password": PASSWORD}, properties)
    listed = inspect(Inspect(what="repositories", endpoint=endpoint)).document
    assert listed == {"namespace": "acme", "repositories": ["api", "web"]}
    asked = Inspect(what="tags", endpoint=endpoint, options={"repository": "acme/web"})
    assert [tag["name"] for tag in inspect(asked).document["tags"]] == ["1.10", "1.9", "latest"]
    detailed = Inspect(what="tags", endpoint=endpoint, options={"repository": "acme/web", "details": True})
    for tag in inspect(detailed).document["tags"]:
        assert tag["digest"].startswith("sha256:") and "problem" not in tag, tag
    with pytest.raises(Refused):
        inspect(Inspect(what="tags", endpoint=endpoint))


def test_a_git_endpoint_shows_its_branches_or_why_not(trying: Trying, tmp_path: Path) -> None:
    server = GitServer(tmp_path / "git", "ann", PASSWORD)
    server.commit("web", {"a": "b"})
    server.commit("web", {"a": "c"}, branch="next")
    shown = certificate()
    host, _, port = server.url.removeprefix("http://").partition(":")
    door = Door(tmp_path, shown, (host, int(port)))
    user = {"username": "ann", "authType": "password", "serverType": "GIT"}

    def attempt(repository: str = "web.git", password: str = PASSWORD, **more: str) -> Validated:
        return trying("git", {"password": password}, **user, repoURL=f"{door.url}/{repository}", **more)

    distrusted = attempt()
    assert distrusted.code == "certificate-not-trusted"
    pinned = distrusted.details["accept"]["certificate"]["properties"]
    assert attempt(**pinned).details == {"branches": ["main", "next"]}
    assert attempt(caCertificate=shown.pem).ok
    assert attempt(branch="gone", **pinned).code == "no-branch"
    assert attempt(password="wrong-password", **pinned).code == "wrong-password"
    assert attempt("nothing.git", **pinned).code == "no-such-repository"
    door.show(certificate())
    assert attempt(**pinned).code == "certificate-changed"
    door.close()
    server.close()
    assert attempt(**pinned).code == "unreachable"


@pytest.mark.parametrize("method", ["TLS", "SSL"])
def test_a_mail_server_is_greeted_encrypted_and_signed_in_to(trying: Trying, tmp_path: Path, method: str) -> None:
    shown = certificate()
    with mail_server(shown.context(tmp_path), encrypted=method == "SSL") as post:
        post.users["ann"] = PASSWORD
        where = {"senderAddress": "a@example.com", "outboundHost": "127.0.0.1", "outboundPort": post.port}

        def attempt(password: str = PASSWORD, **more: Any) -> Validated:
            given = {"encryptionMethod": method, "outboundUsername": "ann", **where, **more}
            return trying("email", {"outboundPassword": password}, **given)

        distrusted = attempt()
        assert distrusted.code == "certificate-not-trusted" and shown.fingerprint in distrusted.message
        pinned = distrusted.details["accept"]["certificate"]["properties"]
        assert "Nothing was sent" in attempt(**pinned).message
        assert attempt(caCertificate=shown.pem).ok
        assert attempt(password="wrong-password", **pinned).code == "wrong-password"
        assert attempt(fingerprint=certificate().fingerprint).code == "certificate-changed"
        assert post.mails == []
    assert attempt(**pinned).code == "unreachable"


def test_a_mail_server_without_encryption_is_told_from_one_that_refuses(trying: Trying) -> None:
    with mail_server() as post:
        where: dict[str, Any] = {"outboundHost": "127.0.0.1", "outboundPort": post.port}
        assert trying("email", encryptionMethod="TLS", **where).code == "no-tls"
        assert trying("email", encryptionMethod="NONE", **where).ok
        assert trying("email", {"outboundPassword": "p4ssw0rd"}, encryptionMethod="NONE", outboundUsername="ann",
                      **where).code == "no-sign-in"  # fmt: skip
        post.answers["EHLO"] = "554 not you"
        post.answers["HELO"] = "554 not you"
        assert trying("email", encryptionMethod="TLS", **where).code == "refused"


def test_slack_is_reached_without_telling_its_secret_path(trying: Trying) -> None:
    with mail_server() as nothing_like_http:
        url = f"http://127.0.0.1:{nothing_like_http.port}/services/T0/B0/s3cr3t"
        assert trying("slack", {"url": url}).code == "unreachable"


def test_a_chat_that_answers_is_not_said_to_take_messages(trying: Trying) -> None:
    with web_server() as server:
        for kind in ("slack", "webhook"):
            answer = trying(kind, {"url": server.url.replace("/hook", "/s3cr3t")})
            assert answer.ok and "whether it takes messages at this address is not known" in answer.message
            assert "Notify task" in answer.next_step
            assert "s3cr3t" not in answer.message
