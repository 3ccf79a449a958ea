"""API tokens that are narrowed to a project, to running or to reading; sessions seen and ended."""

from __future__ import annotations

from typing import Any

import pytest

from services.config.accounts.callers import load_person
from services.config.model.people import Person
from services.config.model.rights import Right
from shared.contracts.catalog import Act, Find, Get, Kind, SignIn
from shared.contracts.envelope import Caller
from shared.contracts.problems import Code, Refused
from shared.process.secrets import token_hash
from tests.integration.config.office import PASSWORD, Office
from tests.support.digests import digest_of


def token(office: Office, name: str, *, by: str = "admin", **narrowed: Any) -> Caller:
    body = {"name": name, **narrowed}
    made = office.act(Kind.TOKENS, "create", body, by=by, hashes={"token": token_hash(f"{by} {name}")})
    assert made["access"] == narrowed.get("access", "everything") and made["project"] == narrowed.get("project", "")
    return Caller(user=by, token_id=made["id"])


def person(office: Office, caller: Caller) -> Person:
    with office.store.read() as reading:
        return load_person(reading, caller)


def refused(office: Office, caller: Caller, ask: Act | Find | Get) -> str:
    answer = {Act: lambda: office.desk.act(ask, caller, None), Get: lambda: office.desk.get(ask, caller)}  # type: ignore[arg-type]
    with pytest.raises(Refused) as caught:
        answer.get(type(ask), lambda: office.desk.find(ask, caller))()  # type: ignore[arg-type]
    assert caught.value.problem.code in (Code.FORBIDDEN, Code.NOT_FOUND)
    return caught.value.problem.message


def test_a_token_leaves_at_most_what_it_says_even_of_an_administrators_rights(office: Office) -> None:
    office.act(Kind.PROJECTS, "create", {"name": "web"})
    rights = {
        "all": person(office, token(office, "all")),
        "run": person(office, token(office, "run", access="run")),
        "read": person(office, token(office, "read", access="read")),
        "web": person(office, token(office, "web", project="web")),
        "run web": person(office, token(office, "run web", project="web", access="run")),
    }
    assert {name: (somebody.right("web"), somebody.right("default")) for name, somebody in rights.items()} == {
        "all": (Right.RESTRICTED, Right.RESTRICTED),
        "run": (Right.EXECUTE, Right.EXECUTE),
        "read": (Right.READ, Right.READ),
        "web": (Right.RESTRICTED, Right.NOTHING),
        "run web": (Right.EXECUTE, Right.NOTHING),
    }
    assert [name for name, somebody in rights.items() if somebody.administers] == ["all"]
    assert rights["web"].visible_projects() == frozenset({"web"}) and rights["read"].visible_projects() is None


def test_a_narrowed_token_gives_its_owner_no_more_than_they_have(office: Office) -> None:
    office.user("ann", default="viewers")
    assert person(office, token(office, "wide", by="ann")).right("default") is Right.READ
    assert person(office, token(office, "run", by="ann", access="run")).right("default") is Right.READ


@pytest.mark.parametrize(
    "ask",
    [
        Act(kind=Kind.TOKENS, verb="create", body={"name": "wider"}, hashes={"token": "0" * 64}),
        Act(kind=Kind.USERS, verb="password", id="me", hashes={"password": "0" * 64, "oldPassword": "0" * 64}),
        Act(kind=Kind.USERS, verb="create", body={"name": "eve"}),
        Act(kind=Kind.SESSIONS, verb="end-others"),
        Act(kind=Kind.SETTINGS, verb="patch", body={"publicUrl": "https://evil.example.com"}),
        Act(kind=Kind.PROJECTS, verb="create", body={"name": "mine"}),
        Find(kind=Kind.AUDIT),
        Act(kind=Kind.VARIABLES, verb="create", body={"name": "v", "project": "default", "type": "REGULAR"}),
    ],
    ids=lambda ask: f"{ask.kind.value} {getattr(ask, 'verb', 'find')}",
)
def test_a_narrowed_token_cannot_widen_itself(office: Office, ask: Act | Find) -> None:
    refused(office, token(office, "run", access="run"), ask)


def test_a_token_is_narrowed_only_to_what_there_is(office: Office) -> None:
    office.act(Kind.PROJECTS, "create", {"name": "secret"})
    office.user("ann", default="members")
    caller = Caller(user="ann")
    body = {"name": "t", "project": "secret"}
    hashes = {"token": token_hash("t")}
    assert "no project secret" in refused(
        office, caller, Act(kind=Kind.TOKENS, verb="create", body=body, hashes=hashes)
    )
    with pytest.raises(Refused, match="access must be one of everything, run, read"):
        office.act(Kind.TOKENS, "create", {"name": "t", "access": "write"}, hashes=hashes)


def session(office: Office, address: str, browser: str) -> str:
    ask = SignIn(username="admin", password_digest=digest_of(PASSWORD), source_address=address, browser=browser)
    return office.sign_ins.sign_in(ask).token_id


def test_sessions_are_seen_by_address_and_browser_and_ended(office: Office) -> None:
    office.user("ann")
    mine, other = session(office, "192.0.2.7", "Firefox/128.0"), session(office, "192.0.2.9", "curl/8.5.0")
    token(office, "ci")
    me = Caller(user="admin", token_id=mine)
    rows = office.desk.find(Find(kind=Kind.SESSIONS), me).documents
    assert {(row["id"], row["address"], row["browser"], row["current"]) for row in rows} == {
        (mine, "192.0.2.7", "Firefox/128.0", True),
        (other, "192.0.2.9", "curl/8.5.0", False),
    }
    refused(office, Caller(user="ann"), Act(kind=Kind.SESSIONS, verb="delete", id=other))
    office.desk.act(Act(kind=Kind.SESSIONS, verb="delete", id=other), me, None)
    with pytest.raises(Refused, match="Not signed in"):
        office.desk.get(Get(kind=Kind.USERS, id="me"), Caller(user="admin", token_id=other))
    third = session(office, "192.0.2.10", "curl/8.5.0")
    office.desk.act(Act(kind=Kind.SESSIONS, verb="end-others"), me, None)
    assert [row["id"] for row in office.desk.find(Find(kind=Kind.SESSIONS), me).documents] == [mine] != [third]
    assert office.find(Kind.TOKENS).total == 1


def test_an_undeclared_proxys_address_is_not_shown_as_the_clients(office: Office) -> None:
    ask = SignIn(username="admin", password_digest=digest_of(PASSWORD), source_address="192.0.2.7", proxied=True)
    me = Caller(user="admin", token_id=office.sign_ins.sign_in(ask).token_id)
    assert office.desk.find(Find(kind=Kind.SESSIONS), me).documents[0]["address"] == ""


def test_a_webhook_does_not_run_by_a_token_that_cannot_run_there(office: Office) -> None:
    office.act(Kind.PROJECTS, "create", {"name": "web"})
    office.docker_endpoint()
    office.pipeline()
    for narrowed, words in (({"access": "read"}, "for reading only"), ({"project": "web"}, "narrowed to project web")):
        clear = f"by {words}"
        office.act(Kind.TOKENS, "create", {"name": "t", **narrowed}, hashes={"token": token_hash(clear)})
        webhook = office.webhook(clear, clear, endpoint="hub", pipeline="Deploy web", repoName="acme/web")
        change = {"refreshToken": "*****"}
        office.act(Kind.WEBHOOKS, "patch", change, id=webhook["id"], hashes={"refreshToken": token_hash(clear)})
        with office.store.read() as reading:
            match = office.catalog.webhook(reading, webhook_id=webhook["id"])
        assert match is not None and words in match.actor.token_problem
