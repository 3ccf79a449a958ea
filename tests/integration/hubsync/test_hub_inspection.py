"""What a page or a check learns from Docker Hub, against the demo Hub."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from demo.hub.server import FakeHub
from demo.hub.world import Account
from services.hubsync.dockerhub import DockerHub, HubCaller
from services.hubsync.inspection import HubInspector
from services.hubsync.signing import HubSignIns
from shared.contracts.base import Sealed
from shared.contracts.catalog import Inspect, Validated
from shared.contracts.problems import Refused
from shared.contracts.runs import ResolvedEndpoint
from shared.process.clock import now
from tests.support.outbound import LOOPBACK


def boxed(text: str) -> Sealed:
    return Sealed(key_id="test", box=text)


class ListedHook:
    """A Hub with two repositories, looked at as any account."""

    def __init__(self) -> None:
        self.hub = FakeHub()
        self.hub.world.add_repository("acme/web", private=True, admins=["acme"])
        self.hub.world.add_repository("acme/api", private=True, admins=["acme"])
        self.hub.world.add_account("eve", "eve-password")
        self.caller = HubCaller(LOOPBACK)

    def account(self) -> Account:
        return self.hub.world.accounts["acme"]

    def look(self, what: str, repo: str = "acme/web", *, user: str = "acme", password: str = "demo-password") -> Any:
        sign_ins = HubSignIns(self.caller, now)
        inspector = HubInspector(lambda account: DockerHub(account, self.caller, sign_ins, now), lambda box: box.box)
        properties = {"serverType": "DockerHub", "repoURL": repo, "hubURL": self.hub.url, "username": user}
        endpoint = ResolvedEndpoint(
            name="hub", type="docker", properties=properties, secrets={"password": boxed(password)}
        )
        return inspector(Inspect(what=what, endpoint=endpoint)).document

    def rights(self, repo: str = "acme/web", **who: str) -> Validated:
        return Validated.model_validate(self.look("rights", repo, **who))


@pytest.fixture
def seen() -> Iterator[ListedHook]:
    made = ListedHook()
    yield made
    made.hub.close()


def test_rights_tell_what_is_wrong_apart_each_with_its_next_step(seen: ListedHook) -> None:
    seen.account().tokens["read-only"] = "repo:read"
    seen.hub.world.add_account("bob", "bob-password")
    seen.hub.world.repositories["acme/web"].readers.add("bob")
    cases = {
        "ok": seen.rights(),
        "wrong-password": seen.rights(password="wrong"),
        "no-such-repository": seen.rights("acme/webb"),
        "no-right": seen.rights(password="read-only"),
    }
    assert {code: said.code for code, said in cases.items()} == {code: code for code in cases}
    assert [said.ok for said in cases.values()] == [True, False, False, False]
    assert cases["no-such-repository"].next_step == "Did you mean acme/web?"
    assert cases["no-right"].details == {"scope": "repo:admin"}
    assert "Read, Write and Delete" in cases["no-right"].next_step
    assert all(said.next_step for said in cases.values() if not said.ok)
    assert seen.rights(user="bob", password="bob-password").code == "no-right"
    assert seen.rights(user="eve", password="eve-password").code == "no-such-repository"


def test_a_second_factor_is_told_from_a_wrong_password(seen: ListedHook) -> None:
    seen.account().two_factor_code = "123456"
    said = seen.rights()
    assert said.code == "second-factor" and "in place of the password" in said.next_step


def test_a_hub_that_is_away_or_limits_is_told(seen: ListedHook) -> None:
    seen.hub.faults.add({"shape": "drop", "path": "/v2/auth/token"})
    assert seen.rights().code == "unreachable"
    seen.hub.world.settings.calls_per_minute = 0
    said = seen.rights()
    assert said.code == "too-many" and "ten minutes" in said.next_step


def test_a_namespace_lists_the_repositories_that_the_account_sees(seen: ListedHook) -> None:
    said = seen.rights("acme")
    assert said.ok and said.details == {"repositories": ["api", "web"]}
    assert seen.look("repositories", "https://hub.docker.com/u/acme") == {
        "namespace": "acme",
        "repositories": ["api", "web"],
    }
    assert seen.look("repositories", "acme", user="eve", password="eve-password")["repositories"] == []


def test_the_last_ten_tags_come_newest_first(seen: ListedHook) -> None:
    repository = seen.hub.world.repository("acme/web")
    for number in range(12):
        seen.hub.world.push(repository, f"1.{number}", ["linux/amd64"], None)
        digest, _ = repository.tags[f"1.{number}"]
        repository.tags[f"1.{number}"] = (digest, 1_700_000_000.0 + number)
    found = seen.look("tags")
    assert [tag["name"] for tag in found["tags"]] == [f"1.{number}" for number in range(11, 1, -1)]
    assert all(tag["digest"].startswith("sha256:") and tag["pushedAt"] for tag in found["tags"])


def test_what_cannot_be_seen_is_refused_with_a_next_step(seen: ListedHook) -> None:
    with pytest.raises(Refused) as refused:
        seen.look("tags", password="wrong")
    assert "does not accept the password" in refused.value.problem.message
    assert "personal access token" in refused.value.problem.next_step
    with pytest.raises(Refused):
        seen.look("tags", "acme")


def test_public_repositories_are_shown_without_a_sign_in(seen: ListedHook) -> None:
    seen.hub.world.add_repository("acme/open", private=False)
    assert seen.look("tags", "acme/open", user="", password="")["repository"] == "acme/open"
    assert "POST /v2/auth/token" not in [f"{call['method']} {call['path']}" for call in seen.hub.world.calls]
