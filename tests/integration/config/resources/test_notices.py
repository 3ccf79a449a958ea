"""Notices: what ends soon or is out of step, each with what to do and where; they go away with their cause."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from sqlalchemy import event

from services.config.model.people import SYSTEM
from services.config.resources.notices import Notices
from services.config.store.definitions import webhooks
from services.config.store.definitions.people import touch_token
from services.config.store.definitions.rows import Table
from shared.contracts.catalog import Find, Kind
from shared.contracts.mirror import MirrorState
from shared.contracts.problems import Code, Refused
from shared.process.secrets import token_hash
from tests.integration.config.office import Office
from tests.support.tls import certificate

DAY_S = 86_400.0


def notices(office: Office, about: str) -> list[dict[str, Any]]:
    rows = [row for row in office.find(Kind.NOTICES).documents if row["about"] == about]
    assert all(row["message"] and row["nextStep"] and row["page"].startswith("/") for row in rows)
    return rows


def api_token(office: Office, name: str, days: int) -> dict[str, Any]:
    made = office.act(Kind.TOKENS, "create", {"name": name, "goodForDays": days}, hashes={"token": token_hash(name)})
    with office.store.write() as uow:
        touch_token(uow, made["id"])
    return made


def test_only_administrators_see_them_and_an_installation_in_order_has_none(office: Office) -> None:
    office.user("ann", service="Developer")
    with pytest.raises(Refused) as caught:
        office.find(Kind.NOTICES, by="ann")
    assert caught.value.problem.code is Code.FORBIDDEN
    office.docker_endpoint()
    office.webhook(endpoint="hub")
    assert office.find(Kind.NOTICES).total == 0


def test_a_token_in_use_is_named_a_week_before_it_ends(office: Office) -> None:
    api_token(office, "build", 10)
    assert notices(office, "api-token") == []
    office.now += 4 * DAY_S
    (row,) = notices(office, "api-token")
    assert "build" in row["message"] and row["until"]
    office.now += 7 * DAY_S
    assert notices(office, "api-token") == []


def test_a_hook_out_of_step_is_named_until_it_is_in_step(office: Office) -> None:
    office.docker_endpoint()
    made = office.webhook(endpoint="hub")
    states = ((MirrorState.NOT_PERMITTED, 1), (MirrorState.IN_STEP, 0))
    for state, count in states:
        with office.store.write() as uow:
            webhooks.note_hub(uow, made["id"], state=state.value, message="The account may not.", slug=None)
        rows = notices(office, "hook")
        assert len(rows) == count
    assert rows == []


def test_certificates_of_endpoints_are_named_thirty_days_ahead(office: Office) -> None:
    office.now = datetime.now(UTC).timestamp()
    pem = certificate().pem
    office.docker_endpoint(
        properties={"serverType": "OCI", "repoURL": "registry.example.com/web", "caCertificate": pem}
    )
    ends = certificate().certificate.not_valid_after_utc
    office.now = (ends - timedelta(days=29)).timestamp()
    (row,) = notices(office, "certificate")
    assert row["message"].startswith("The private authority in endpoint default/hub ends on")
    office.now = (ends + timedelta(days=1)).timestamp()
    assert " ended on " in notices(office, "certificate")[0]["message"]


def jwt_that_ends(at: float) -> str:
    return jwt.encode({"sub": "system:serviceaccount:web:deployer", "exp": int(at)}, "k" * 32, algorithm="HS256")


def test_tokens_in_endpoints_and_variables_are_named_thirty_days_before_they_end(office: Office) -> None:
    cluster = {"kubernetesURL": "https://10.0.0.1:6443", "authType": "token", "token": "*****"}
    office.act(
        Kind.ENDPOINTS,
        "create",
        {"name": "prod", "project": "default", "type": "k8s", "properties": cluster},
        sealed=office.sealed(properties__token=jwt_that_ends(office.now + 40 * DAY_S)),
    )
    office.act(
        Kind.VARIABLES,
        "create",
        {"name": "pull", "project": "default", "type": "SECRET", "value": "*****"},
        sealed=office.sealed(value=jwt_that_ends(office.now + 50 * DAY_S)),
    )
    office.act(
        Kind.VARIABLES,
        "create",
        {"name": "plain", "project": "default", "type": "SECRET", "value": "*****"},
        sealed=office.sealed(value="s3cret"),
    )
    assert notices(office, "secret") == []
    office.now += 11 * DAY_S
    (row,) = notices(office, "secret")
    assert row["message"].startswith("The token (token) in endpoint default/prod ends on ")
    assert "into token" in row["nextStep"]
    office.now += 30 * DAY_S
    prod, pull = notices(office, "secret")
    assert " ended on " in prod["message"] and prod["page"].startswith("/endpoints/")
    assert pull["message"].startswith("The token in variable default/pull ends on ")
    assert pull["page"].startswith("/variables/")


def test_what_is_declared_to_expire_is_named_thirty_days_before(office: Office) -> None:
    day = f"{datetime.fromtimestamp(office.now + 40 * DAY_S, UTC):%Y-%m-%d}"
    properties = {"serverType": "DockerHub", "repoURL": "acme/web", "username": "acme", "password": "*****"}
    made = office.docker_endpoint(properties={**properties, "secretExpiresOn": day})
    provider = {"name": "sso", "issuer": "https://sso.example.com", "clientId": "portside", "secretExpiresOn": day}
    office.act(Kind.PROVIDERS, "create", provider)
    assert notices(office, "secret") == []
    office.now += 11 * DAY_S
    rows = {row["page"]: row for row in notices(office, "secret")}
    assert rows[f"/endpoints/{made['id']}"]["message"].startswith("The secret in endpoint default/hub ends on ")
    assert {row["until"][:10] for row in rows.values()} == {day} and len(rows) == 2
    office.act(Kind.ENDPOINTS, "patch", {"properties": {"secretExpiresOn": ""}}, id=made["id"])
    assert len(notices(office, "secret")) == 1


@pytest.mark.parametrize("day", ["tomorrow", "2027-02-30", "31.3.2027", "2027-03-31T00:00:00Z"])
def test_a_declared_day_is_one(office: Office, day: str) -> None:
    provider = {"name": "sso", "issuer": "https://sso.example.com", "clientId": "portside", "secretExpiresOn": day}
    with pytest.raises(Refused, match="secretExpiresOn must be a day such as 2027-03-31"):
        office.act(Kind.PROVIDERS, "create", provider)
    with pytest.raises(Refused, match="secretExpiresOn must be a day such as 2027-03-31"):
        office.docker_endpoint(
            properties={"serverType": "OCI", "repoURL": "registry.example.com/web", "secretExpiresOn": day}
        )


def test_an_endpoint_that_names_a_restricted_variable_is_named_unless_it_is_restricted_too(office: Office) -> None:
    sealed = office.sealed(value="s3cret")
    office.act(
        Kind.VARIABLES,
        "create",
        {"name": "key", "project": "default", "type": "RESTRICTED", "value": "*****"},
        sealed=sealed,
    )
    properties = {"serverType": "OCI", "repoURL": "registry.example.com/web", "username": "${var.key}"}
    made = office.docker_endpoint(properties=properties)
    (row,) = notices(office, "restricted-variable")
    assert "default/hub names the restricted ${var.key}" in row["message"]
    assert row["page"] == f"/endpoints/{made['id']}"
    office.act(Kind.ENDPOINTS, "patch", {"isRestricted": True}, id=made["id"])
    assert notices(office, "restricted-variable") == []


def test_an_address_that_docker_hub_cannot_reach_is_named_once_a_hook_is_wanted(office: Office) -> None:
    office.act(Kind.SETTINGS, "patch", {"publicUrl": "http://127.0.0.1:8080"})
    assert notices(office, "public-address") == []
    office.docker_endpoint()
    office.webhook(endpoint="hub")
    (row,) = notices(office, "public-address")
    assert row["page"] == "/settings"


def test_an_address_that_the_hub_in_use_reaches_is_no_notice(office: Office) -> None:
    office.act(Kind.SETTINGS, "patch", {"publicUrl": "http://127.0.0.1:8080"})
    own = {"serverType": "DockerHub", "repoURL": "acme/web", "username": "acme", "password": "*****"}
    office.docker_endpoint(properties={**own, "hubURL": "http://127.0.0.1:9000"})
    office.webhook(endpoint="hub")
    assert notices(office, "public-address") == []


def test_counting_them_costs_as_many_statements_for_thirty_tokens_as_for_three(office: Office) -> None:
    """Each page of an administrator counts them."""
    counts: list[int] = []
    for place in range(30):
        token, name = f"build-{place}", f"web-{place}"
        api_token(office, token, 5)
        office.docker_endpoint(name=name)
        if place % 2:
            body = {
                "name": name,
                "project": "default",
                "secretToken": "*****",
                "endpoint": name,
                "refreshToken": "*****",
            }
            hashes = {"refreshToken": token_hash(token), "secretToken": token_hash(name)}
            office.act(Kind.WEBHOOKS, "create", body, hashes=hashes)
        if place not in (3, 29):
            continue
        statements: list[str] = []
        with office.store.read() as uow:
            event.listen(uow.connection, "before_cursor_execute", lambda *call, to=statements: to.append(call[2]))
            page = Notices().find(uow, SYSTEM, Find(kind=Kind.NOTICES, top=100))
        assert page.total == len(page.documents) == place + 1
        counts.append(len(statements))
    assert counts[0] == counts[1] <= 20, statements


def hooks_out_of_step(office: Office, count: int) -> None:
    """That many webhooks whose hook may not be made; of the last one a hook points elsewhere too."""
    office.docker_endpoint()
    office.webhook(endpoint="hub")
    with office.store.write() as uow:
        (first,) = webhooks.WEBHOOKS.all(uow)
        webhooks.note_hub(uow, first.id, state=MirrorState.NOT_PERMITTED.value, message="", slug=None)
        (first,) = webhooks.WEBHOOKS.all(uow)
        for place in range(1, count):
            webhooks.WEBHOOKS.insert(uow, replace(first, id=f"w{place:04}", name=f"web-{place:04}"))
        webhooks.set_elsewhere(uow, f"w{count - 1:04}", [{"slug": "a", "name": "b", "address": "c"}], [])


def page(office: Office, top: int, skip: int = 0, **options: str) -> tuple[list[dict[str, Any]], int]:
    with office.store.read() as uow:
        answer = Notices().find(uow, SYSTEM, Find(kind=Kind.NOTICES, top=top, skip=skip, options=options))
    return list(answer.documents), answer.total


def test_a_page_of_notices_and_their_count_read_no_row_that_is_not_shown(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    hooks_out_of_step(office, 300)
    rows_read: list[int] = []
    read = Table._values

    def counting(table: Table[Any], rows: Any) -> list[Any]:
        values = read(table, rows)
        rows_read.append(len(values))
        return values

    monkeypatch.setattr(Table, "_values", counting)
    rows, total = page(office, 50)
    assert (len(rows), total, sum(rows_read) < 60) == (50, 301, True), rows_read
    rows_read.clear()
    assert page(office, 0) == ([], 301)
    assert sum(rows_read) < 10


def test_the_pages_of_notices_hold_each_once_and_are_searched_by_what_they_name(office: Office) -> None:
    hooks_out_of_step(office, 12)
    api_token(office, "build", 5)
    pages = [page(office, 5, skip)[0] for skip in range(0, 15, 5)]
    messages = [row["message"] for rows in pages for row in rows]
    assert messages == [row["message"] for row in page(office, 100)[0]]
    assert len(set(messages)) == len(messages) == 14 and "build" in messages[0]
    assert page(office, 5, about="api-token")[1] == 1
    assert page(office, 5, search="WEB-0011")[1] == 2
    assert page(office, 5, search="BUILD")[1] == 1
    assert page(office, 5, about="hook", search="build") == ([], 0)
    assert page(office, 5, about="certificate") == ([], 0)


def test_a_token_of_many_webhooks_names_five_and_says_how_many_more(office: Office) -> None:
    hooks_out_of_step(office, 12)
    made = api_token(office, "build", 5)
    with office.store.write() as uow:
        for webhook in webhooks.WEBHOOKS.all(uow):
            webhooks.WEBHOOKS.update(uow, replace(webhook, api_token_id=made["id"]))
    (row,), _ = page(office, 1, about="api-token")
    assert row["message"].endswith("default/web-0004 and 7 more."), row
