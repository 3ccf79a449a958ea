"""My account, over a fake config."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from services.gateway.pages.account import browser_name
from services.gateway.roles import Role
from shared.contracts.catalog import Page
from shared.contracts.problems import Code, refuse

from .site import Site, form_token

ME: dict[str, Any] = {"id": "u1", "name": "ann", "userName": "ann", "email": "ann@example.com", "serviceRole": "User"}
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
SESSIONS = (
    {"id": "t1", "browser": FIREFOX, "address": "192.0.2.7", "current": True, "createdAt": "", "expiresAt": ""},
    {"id": "t2", "browser": "curl/8.5.0", "address": "192.0.2.9", "createdAt": "", "expiresAt": ""},
)
TOKEN = {"id": "k1", "name": "ci", "access": "read", "project": "web", "lastUsedAt": "", "expiresAt": "2027-01-01 00"}


@pytest.fixture
def account(site: Site, ann: FlaskClient) -> FlaskClient:
    site.role = Role()
    site.documents["users"] = ME
    site.pages["sessions"] = Page(documents=SESSIONS, total=2)
    site.pages["api-tokens"] = Page(documents=(TOKEN,), total=1)
    return ann


def test_everybody_sees_their_sessions_and_tokens(account: FlaskClient) -> None:
    page = account.get("/account").text
    assert "Firefox on Linux" in page and "192.0.2.9" in page and "read only" in page
    assert "/account/sessions/t2/end" in page and "/account/sessions/t1/end" not in page


def test_a_password_is_changed_and_leaves_only_as_a_digest(site: Site, account: FlaskClient) -> None:
    token = form_token(account.get("/account").text)
    sent = {"form_token": token, "oldPassword": "the old one", "password": "open sesame", "again": "open sesame"}
    assert account.post("/account/password", data=sent).headers["Location"] == "/account?done=password"
    change = site.asked[-1]
    assert (change.verb, change.id, sorted(change.hashes)) == ("password", "me", ["oldPassword", "password"])
    assert "sesame" not in change.model_dump_json() and "old one" not in change.model_dump_json()


@pytest.mark.parametrize(
    ("password", "again", "words"),
    [
        ("open sesame", "open sesamy", "The two new passwords differ."),
        ("short", "short", "too short: 5 more characters"),
        ("qwertyuiop", "qwertyuiop", "most common passwords"),
        ("ann@example.com", "ann@example.com", "own name or address"),
    ],
)
def test_a_refused_password_says_why_and_reaches_nobody(
    site: Site, account: FlaskClient, password: str, again: str, words: str
) -> None:
    sent = {"form_token": form_token(account.get("/account").text), "password": password, "again": again}
    assert words in account.post("/account/password", data={**sent, "oldPassword": "x"}).text
    assert not [ask for ask in site.asked if getattr(ask, "verb", "") == "password"]


def test_a_password_is_judged_while_it_is_typed(account: FlaskClient) -> None:
    token = form_token(account.get("/account").text)

    def judged(password: str) -> str:
        return account.post("/account/password/check", data={"form_token": token, "password": password}).text

    assert "At least 10 characters" in judged("")
    assert "3 more characters needed" in judged("open se")
    assert "Good enough." in judged("open sesame")


def test_a_session_is_ended_and_all_others_at_once(site: Site, account: FlaskClient) -> None:
    token = form_token(account.get("/account").text)
    account.post("/account/sessions/t2/end", data={"form_token": token})
    assert (site.asked[-1].kind, site.asked[-1].verb, site.asked[-1].id) == ("sessions", "delete", "t2")
    account.post("/account/sessions/end-others", data={"form_token": token})
    assert (site.asked[-1].kind, site.asked[-1].verb) == ("sessions", "end-others")


def test_a_token_is_made_narrow_and_shown_once(site: Site, account: FlaskClient) -> None:
    site.documents["api-tokens"] = {"id": "k2", "name": "ci", "expiresAt": "2027-01-01 00:00"}
    fields = {"name": "ci", "project": "web", "access": "run", "goodForDays": "30"}
    page = account.post("/account/tokens", data={"form_token": form_token(account.get("/account").text), **fields})
    assert site.asked[-1].body == fields
    assert "shown only once" in page.text and 'id="token-text"' in page.text
    assert "token" in site.asked[-1].hashes


def test_a_refused_token_shows_what_was_typed_and_why(site: Site, account: FlaskClient) -> None:
    token = form_token(account.get("/account/tokens/new").text)

    def refused(_: Any) -> Any:
        raise refuse(Code.NOT_FOUND, "there is no project nix")

    site.post.answers["catalog.act"] = refused
    page = account.post("/account/tokens", data={"form_token": token, "name": "ci", "access": "read"}).text
    assert "there is no project nix" in page and 'value="read" checked' in page


def test_a_token_is_revoked(site: Site, account: FlaskClient) -> None:
    account.post("/account/tokens/k1/revoke", data={"form_token": form_token(account.get("/account").text)})
    assert (site.asked[-1].kind, site.asked[-1].verb, site.asked[-1].id) == ("api-tokens", "delete", "k1")


def test_forms_and_refusals_lead_to_my_account(site: Site, account: FlaskClient) -> None:
    assert 'href="/account#tokens"' in account.get("/webhooks/new").text
    assert "https://portside.example.com/account" in site.client().get("/codestream/api/pipelines").text


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        (FIREFOX, "Firefox on Linux"),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/120.0 Safari/537.36 Edg/120.0", "Edge on Windows"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 14_1) Version/17.1 Safari/605.1.15", "Safari on macOS"),
        ("python-requests/2.34.0", "Python requests"),
        ("portside/0.2.0", "portside"),
        ("<script>", ""),
        ("", ""),
    ],
)
def test_a_browser_has_the_name_that_people_call_it(user_agent: str, name: str) -> None:
    assert browser_name(user_agent) == name
