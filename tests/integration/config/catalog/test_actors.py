"""A webhook acts as somebody; when that ends, it and the administrators are told in time."""

from __future__ import annotations

from typing import Any

import pytest

from services.config.resources import registry
from services.config.store import timers
from shared.contracts.catalog import Kind
from shared.contracts.problems import Code
from shared.process.secrets import token_hash
from tests.integration.config.accounts.test_people import refused
from tests.integration.config.office import Office

DAY_S = 86_400.0


def token(office: Office, by: str, days: int) -> dict[str, Any]:
    body = {"name": "deploy", "goodForDays": days}
    return office.act(Kind.TOKENS, "create", body, by=by, hashes={"token": token_hash(f"{by}-{days}")})


def let_days_pass(office: Office, days: float) -> None:
    """Move the clock, and handle what falls due as config would, each at its time."""
    end = office.now + days * DAY_S
    while True:
        with office.store.write() as uow:
            due = timers.next_due(uow)
        if due is None or due > end:
            break
        office.now = max(office.now, due)
        with office.store.write() as uow:
            for timer in timers.due_timers(uow, 100):
                if timers.take_timer(uow, timer) and timer.kind == "api-token.end":
                    registry.TIMERS[timer.kind](uow, timer.subject)
    office.now = end


def told(office: Office, webhook: str) -> list[str]:
    return [one["what"] for one in reversed(office.get(Kind.WEBHOOKS, webhook)["history"]) if "token" in one["what"]]


@pytest.fixture
def webhook(office: Office) -> str:
    office.user("ann", default="members")
    token(office, "ann", 100)
    office.pipeline()
    made = office.act(
        Kind.WEBHOOKS,
        "create",
        {
            "name": "web",
            "project": "default",
            "pipeline": "Deploy web",
            "refreshToken": "*****",
            "secretToken": "*****",
        },
        hashes={"refreshToken": token_hash("ann-100"), "secretToken": token_hash("s")},
        sealed=office.sealed(secretToken="s"),
    )
    return str(made["id"])


def test_thirty_seven_and_one_day_before_its_token_ends_the_webhook_is_told_and_when_it_has_ended(
    office: Office, webhook: str
) -> None:
    days: list[Any] = []
    for day in range(1, 103):
        let_days_pass(office, 1)
        notices = office.find(Kind.AUDIT, filter="action eq 'notice'").documents
        days += [day] * (len(notices) - len(days))
    assert days == [70, 93, 99, 100]
    assert {one["name"] for one in notices} == {"web"}
    first, last = told(office, webhook)
    assert " ends on " in first and last.startswith("The API token deploy of ann ended on ")


def secret(office: Office, verb: str, value: str, **where: Any) -> dict[str, Any]:
    """A SECRET variable as the gateway sends one that may be a token."""
    body = {"name": "HOOK_TOKEN", "project": "default", "type": "SECRET", "value": "*****"}
    hashes = {"value": token_hash(value)}
    return office.act(Kind.VARIABLES, verb, body, hashes=hashes, sealed=office.sealed(value=value), **where)


def acts_by(office: Office, variable: str = "HOOK_TOKEN") -> str:
    """A webhook that names a variable for its API token; its id."""
    office.pipeline()
    body = {"name": "web", "project": "default", "pipeline": "Deploy web", "refreshToken": f"${{var.{variable}}}"}
    made = office.act(Kind.WEBHOOKS, "create", body, hashes={"secretToken": token_hash("s")})
    return str(made["id"])


def judged(office: Office, webhook: str) -> tuple[str, str]:
    """As whom a push would run now, and why it cannot."""
    with office.store.read() as uow:
        found = office.catalog.webhook(uow, webhook_id=webhook)
    assert found is not None
    return found.actor.user, found.actor.problem


def test_a_webhook_acts_by_the_token_that_a_secret_variable_holds_when_the_push_is_matched(office: Office) -> None:
    for name in ("ann", "ben"):
        office.user(name, default="members")
        token(office, name, 100)
    variable = secret(office, "create", "ann-100")
    id = acts_by(office)
    shown = office.get(Kind.WEBHOOKS, id)
    assert (shown["refreshToken"], shown["actor"], judged(office, id)[1]) == ("${var.HOOK_TOKEN}", "ann", "")
    secret(office, "patch", "ben-100", id=variable["id"])
    assert judged(office, id) == ("ben", "")
    again = office.act(Kind.WEBHOOKS, "replace", office.get(Kind.WEBHOOKS, id), id=id)
    assert (again["refreshToken"], again["actor"]) == ("${var.HOOK_TOKEN}", "ben")
    (bens,) = office.find(Kind.TOKENS, by="ben").documents
    assert bens["webhooks"] == ["web"]
    office.act(Kind.TOKENS, "delete", id=bens["id"], by="ben")
    assert "API token of ben ended" in judged(office, id)[1]
    assert "web" in refused(Code.IN_USE, office.act, Kind.VARIABLES, "delete", id=variable["id"])


def test_a_webhook_whose_variable_is_missing_or_holds_no_token_says_so_until_it_does(office: Office) -> None:
    id = acts_by(office)
    lacking = "There is no variable HOOK_TOKEN in project default, which should hold its API token."
    assert office.get(Kind.WEBHOOKS, id)["missing"][-1] == lacking
    assert judged(office, id)[1] == lacking
    variable = secret(office, "create", "something else")
    assert judged(office, id)[1].startswith("Variable HOOK_TOKEN holds no API token of this installation")
    office.user("ann", default="members")
    token(office, "ann", 100)
    secret(office, "patch", "ann-100", id=variable["id"])
    assert judged(office, id) == ("ann", "")
    office.act(Kind.VARIABLES, "patch", {"type": "RESTRICTED"}, id=variable["id"])
    assert "is restricted" in judged(office, id)[1]
    office.act(Kind.VARIABLES, "patch", {"type": "SECRET"}, id=variable["id"])
    assert judged(office, id) == ("ann", "")


@pytest.mark.parametrize("given", ["ann-100", ""])
def test_a_token_given_itself_or_none_takes_the_place_of_a_variable(office: Office, given: str) -> None:
    office.user("ann", default="members")
    token(office, "ann", 100)
    id = acts_by(office)
    hashes = {"refreshToken": token_hash(given)} if given else {}
    body = {"refreshToken": "*****" if given else ""}
    shown = office.act(Kind.WEBHOOKS, "patch", body, id=id, hashes=hashes)
    assert shown["refreshToken"] == body["refreshToken"] and "variable" not in str(shown["missing"])


@pytest.mark.parametrize("written", ["${input.token}", "${var.a b}", "${var.}", "${Stage.Task.output.token}"])
def test_only_a_variable_can_stand_for_a_token(office: Office, written: str) -> None:
    said = refused(Code.INVALID, office.act, Kind.WEBHOOKS, "create", {"name": "w", "refreshToken": written})
    assert "${var.name}" in said


def test_a_regular_variable_holds_a_token_too(office: Office) -> None:
    office.user("ann", default="members")
    token(office, "ann", 100)
    office.act(Kind.VARIABLES, "create", {"name": "OPEN", "project": "default", "value": "ann-100"})
    assert judged(office, acts_by(office, "OPEN")) == ("ann", "")


def test_a_file_brings_a_webhook_and_the_variable_that_it_acts_by_in_any_order(office: Office) -> None:
    office.user("ann", default="members")
    token(office, "ann", 100)
    text = """kind: DOCKER_WEBHOOK
name: web
project: default
refreshToken: ${var.HOOK_TOKEN}
---
kind: VARIABLE
name: HOOK_TOKEN
project: default
type: SECRET
value: '*****'
"""
    sealed = {"1.value": office.sealer.seal("ann-100")}
    hashes, options = {"1.value": token_hash("ann-100")}, {"action": "apply"}
    office.document(Kind.PIPELINES, "import", text=text, options=options, hashes=hashes, sealed=sealed)
    assert office.get(Kind.WEBHOOKS, project="default", name="web")["actor"] == "ann"


def test_administrators_see_what_ends_soon_and_nobody_else(office: Office, webhook: str) -> None:
    assert office.get(Kind.SETTINGS)["notices"] == []
    let_days_pass(office, 75)
    (said,) = office.get(Kind.SETTINGS)["notices"]
    assert "deploy of ann ends on" in said and "default/web" in said
    assert office.get(Kind.SETTINGS, by="ann")["notices"] == []


def test_a_disabled_user_is_said_on_the_webhooks_that_act_so_and_to_administrators(
    office: Office, webhook: str
) -> None:
    ann = office.get(Kind.USERS, "ann")["id"]
    office.act(Kind.USERS, "patch", {"enabled": False}, id=ann)
    document = office.get(Kind.WEBHOOKS, webhook)
    assert document["history"][0]["what"] == "User ann, as whom it acts, is disabled."
    assert "User ann, as whom this webhook acts, is disabled." in document["missing"]
    assert office.get(Kind.SETTINGS)["notices"] == ["User ann is disabled. Webhooks that act so: default/web."]
    office.act(Kind.USERS, "patch", {"enabled": True}, id=ann)
    assert office.get(Kind.WEBHOOKS, webhook)["history"][0]["what"].endswith("is enabled again.")
    assert office.get(Kind.SETTINGS)["notices"] == []


def test_a_token_that_is_revoked_is_said_on_its_webhooks_and_tells_nothing_later(office: Office, webhook: str) -> None:
    (mine,) = office.find(Kind.TOKENS, by="ann").documents
    assert mine["webhooks"] == ["web"]
    office.act(Kind.TOKENS, "delete", id=mine["id"], by="ann")
    assert "was revoked on" in told(office, webhook)[0]
    let_days_pass(office, 101)
    assert len(told(office, webhook)) == 1
