"""A webhook acts as somebody; when that ends, it and the administrators are told in time."""

from __future__ import annotations

from typing import Any

import pytest

from services.config.catalog import kinds
from services.config.store import timers
from shared.contracts.catalog import Kind
from shared.process.secrets import token_hash

from .office import Office

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
                    kinds.TIMERS[timer.kind](uow, timer.subject)
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
    days = []
    for day in range(1, 103):
        let_days_pass(office, 1)
        notices = office.find(Kind.AUDIT, filter="action eq 'notice'").documents
        days += [day] * (len(notices) - len(days))
    assert days == [70, 93, 99, 100]
    assert {one["name"] for one in notices} == {"web"}
    first, last = told(office, webhook)
    assert " ends on " in first and last.startswith("The API token deploy of ann ended on ")


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
