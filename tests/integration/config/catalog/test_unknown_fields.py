"""Fields that would be ignored are refused, in every body that only Portside's own clients send."""

from __future__ import annotations

import pytest

from shared.contracts.base import Json
from shared.contracts.catalog import Act, Kind
from shared.contracts.envelope import SYSTEM
from shared.contracts.problems import Refused
from shared.process.secrets import token_hash
from tests.integration.config.office import Office

PROVIDER: Json = {"name": "sso", "issuer": "https://sso.example.com", "clientId": "portside"}
SCHEDULE: Json = {
    "name": "nightly",
    "project": "default",
    "pipeline": "Deploy web",
    "cron": "0 2 * * *",
    "input": {"namespace": "x"},
}


@pytest.mark.parametrize("field", ["projects", "serviceRol", "e-mail"])
def test_a_user_with_a_field_that_would_be_ignored_is_refused(office: Office, field: str) -> None:
    with pytest.raises(Refused, match=f"a user has no field '{field}'"):
        office.act(Kind.USERS, "create", {"name": "ann", field: "Viewer"})
    made = office.act(Kind.USERS, "create", {"name": "ann"})
    with pytest.raises(Refused, match=f"a user has no field '{field}'"):
        office.act(Kind.USERS, "patch", {field: "Viewer"}, id=made["id"])


def test_what_was_read_may_be_sent_back(office: Office) -> None:
    made = office.act(Kind.USERS, "create", {"name": "ann"})
    changed = office.act(Kind.USERS, "replace", {**made, "email": "ann@example.com"}, id=made["id"])
    assert changed["email"] == "ann@example.com"
    provider = office.act(Kind.PROVIDERS, "create", PROVIDER)
    assert office.act(Kind.PROVIDERS, "replace", {**provider, "title": "SSO"}, id=provider["id"])["title"] == "SSO"


def test_a_provider_with_a_field_that_would_be_ignored_is_refused(office: Office) -> None:
    with pytest.raises(Refused, match="has no field 'createUser'"):
        office.act(Kind.PROVIDERS, "create", {**PROVIDER, "createUser": False})


@pytest.mark.parametrize(
    ("kind", "good", "wrong", "meant"),
    [
        (Kind.SCHEDULES, SCHEDULE, "timezoen", "timeZone"),
        (Kind.TOKENS, {"name": "ci"}, "goodForDay", "goodForDays"),
        (Kind.PROJECTS, {"name": "web"}, "administrator", "administrators"),
    ],
)
def test_a_misspelt_field_is_refused_with_what_was_probably_meant(
    office: Office, kind: Kind, good: Json, wrong: str, meant: str
) -> None:
    office.pipeline()
    hashes = {"token": token_hash("ci")}
    with pytest.raises(Refused, match=rf"has no field '{wrong}' .*did you mean {meant}") as caught:
        office.act(kind, "create", {**good, wrong: "1"}, hashes=hashes)
    assert meant in caught.value.problem.next_step and caught.value.problem.subject == wrong
    made = office.act(kind, "create", good, hashes=hashes)
    with pytest.raises(Refused, match=f"has no field '{wrong}'"):
        office.act(kind, "patch", {wrong: "1"}, id=made["id"])
    changed = office.act(kind, "patch", {**made, "name": made["name"]}, id=made["id"])
    assert changed["name"] == made["name"]


def test_what_changes_by_itself_may_be_sent_back_as_it_was(office: Office) -> None:
    office.pipeline()
    made = office.act(Kind.SCHEDULES, "create", SCHEDULE)
    office.now += 100_000
    stale = {**made, "nextRuns": ["2020-01-01 00:00:00.000000+00"], "lastMessage": "Started Deploy web #1."}
    assert office.act(Kind.SCHEDULES, "replace", stale, id=made["id"])["name"] == "nightly"
    with pytest.raises(Refused, match="a schedule has no field 'actor'"):
        office.act(Kind.SCHEDULES, "patch", {"actor": "ann"}, id=made["id"])


def test_the_answer_to_a_program_that_signs_in_names_only_what_a_token_has(office: Office) -> None:
    command = Act(kind=Kind.DEVICES, verb="create", body={"name": "laptop"}, hashes={"device": token_hash("d")})
    begun = office.desk.act(command, SYSTEM, None).document
    with pytest.raises(Refused, match=r"a sign-in has no field 'acess' .*did you mean access"):
        office.act(Kind.DEVICES, "approve", {"acess": "read"}, name=begun["userCode"])
    seen = office.get(Kind.DEVICES, name=begun["userCode"])
    assert seen["status"] == "pending"
    answered = office.act(Kind.DEVICES, "approve", {**seen, "access": "read"}, name=begun["userCode"])
    assert (answered["status"], answered["access"]) == ("approved", "read")


def test_a_source_and_a_template_refuse_what_they_would_ignore(office: Office) -> None:
    id = office.get(Kind.PROJECTS, name="default")["id"]
    with pytest.raises(Refused, match=r"a project's source has no field 'brnch' .*did you mean branch"):
        office.act(Kind.PROJECTS, "follow", {"endpoint": "config", "brnch": "main"}, id=id)
    answers = {"answers": {"project": "default", "namespce": "web"}}
    with pytest.raises(Refused, match="did you mean namespace"):
        office.act(Kind.PIPELINES, "from-template", answers, name="push-to-kubernetes")
