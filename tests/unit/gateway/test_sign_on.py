"""The way to a sign-in provider and back, over a fake config and a fake runner."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask.testing import FlaskClient

from services.gateway.sessions import COOKIE, SIGN_ON_COOKIE, SIGN_OUT_COOKIE
from services.gateway.sign_on import OfferedWays
from shared.bus import RequestTimeout
from shared.contracts.catalog import Document, Get, Inspect, Inspected, SignedIn, SignIn
from shared.process.clock import now

from .site import Site, form_token

PROVIDER = {
    "endpoint": {"name": "Acme SSO", "type": "oidc", "properties": {"clientId": "portside"}, "secrets": {}},
    "publicUrl": "https://portside.example.com",
}
OFFERED = {"providers": [{"name": "acme", "title": "Acme SSO"}], "passwords": True}


class Directory:
    """What config and the runner answer, and what they were asked."""

    def __init__(self, site: Site) -> None:
        self.looks: list[Inspect] = []
        self.sign_ins: list[SignIn] = []
        self.offered = OFFERED
        self.id_token = "x.y.z"
        site.post.answers["catalog.get"] = self._get
        site.post.answers["outside.inspect"] = self._inspect
        site.post.answers["auth.sign-in"] = self._sign_in
        self._site = site
        self.forget()

    def forget(self) -> None:
        """What the sign-in page offers is asked for again."""
        self._site.app.extensions["portside"].sign_on._offered = (float("-inf"), OfferedWays())

    def _get(self, ask: Get) -> Document:
        return Document(document=self.offered if ask.options.get("offered") else PROVIDER)

    def _inspect(self, ask: Inspect) -> Inspected:
        self.looks.append(ask)
        if ask.what == "sign-on-begin":
            return Inspected(document={"url": f"https://sso.example.com/auth?state={ask.options['state']}"})
        claims = {"sub": "s1"}
        end = "https://sso.example.com/out"
        return Inspected(document={"claims": claims, "idToken": self.id_token, "endSession": end})

    def _sign_in(self, ask: SignIn) -> SignedIn:
        self.sign_ins.append(ask)
        return SignedIn(user="ann", token_id="t1")


@pytest.fixture
def directory(site: Site) -> Directory:
    return Directory(site)


@pytest.fixture
def browser(site: Site) -> FlaskClient:
    return site.client()


def begun(browser: FlaskClient, next: str = "") -> str:
    """Goes to the provider; the state that it was sent."""
    answer = browser.get("/sign-in/with/acme", query_string={"next": next})
    assert answer.status_code == 302
    return parse_qs(urlsplit(answer.headers["Location"]).query)["state"][0]


def test_the_page_has_a_button_for_each_provider_and_no_form_without_passwords(
    directory: Directory, browser: FlaskClient
) -> None:
    page = browser.get("/sign-in").text
    assert "Sign in with Acme SSO" in page and 'name="password"' in page
    directory.offered = {**OFFERED, "passwords": False}
    assert 'name="password"' in browser.get("/sign-in").text, "it is kept for some seconds"
    directory.forget()
    assert 'name="password"' not in browser.get("/sign-in").text


def test_the_way_there_and_back_signs_in_and_secrets_travel_sealed(directory: Directory, browser: FlaskClient) -> None:
    state = begun(browser, "/pipelines")
    answer = browser.get("/sign-in/callback", query_string={"state": state, "code": "c0de", "iss": "i"})
    assert answer.headers["Location"] == "/pipelines"
    assert browser.get_cookie(COOKIE) and not browser.get_cookie(SIGN_ON_COOKIE, path="/sign-in")
    begin, finish = directory.looks
    assert begin.options["nonce"] == finish.options["nonce"] and finish.options["issuer"] == "i"
    assert finish.options["redirectUri"] == "https://portside.example.com/sign-in/callback"
    assert finish.endpoint is not None and set(finish.endpoint.secrets) == {"verifier", "code"}
    assert "c0de" not in finish.model_dump_json()
    assert (directory.sign_ins[0].provider, directory.sign_ins[0].claims) == ("acme", {"sub": "s1"})


def test_an_answer_counts_once_and_only_in_the_browser_that_asked(
    site: Site, directory: Directory, browser: FlaskClient
) -> None:
    state = begun(browser)
    query = {"state": state, "code": "c0de"}
    assert "has begun no sign-in" in site.client().get("/sign-in/callback", query_string=query).text
    assert "the state differs" in browser.get("/sign-in/callback", query_string={**query, "state": "x"}).text
    # The refusal ended the attempt: what comes after it finds none.
    assert "has begun no sign-in" in browser.get("/sign-in/callback", query_string=query).text
    assert not directory.sign_ins


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"error": "access_denied"}, "did not sign you in: access_denied"),
        ({"error": "x", "error_description": "<b>no</b>"}, "&lt;b&gt;no&lt;/b&gt;"),
        ({}, "holds no code"),
        ({"code": "c" * 5_000}, "holds no code"),
    ],
)
def test_an_answer_without_a_code_says_why(
    directory: Directory, browser: FlaskClient, query: dict[str, str], words: str
) -> None:
    state = begun(browser)
    page = browser.get("/sign-in/callback", query_string={"state": state, **query})
    assert words in page.text and page.status_code >= 400
    assert not directory.sign_ins


def test_a_forged_or_old_cookie_begins_nothing(site: Site, directory: Directory, browser: FlaskClient) -> None:
    attempt = {"provider": "acme", "state": "s", "nonce": "n", "verifier": "v", "next": ""}
    for token in (
        "nonsense",
        site.sessions.issue_sign_on(attempt, now() - 700),
        site.sessions.issue_browser("ann", now()),
    ):
        browser.set_cookie(SIGN_ON_COOKIE, token, path="/sign-in")
        answer = browser.get("/sign-in/callback", query_string={"state": "s", "code": "c"})
        assert "has begun no sign-in" in answer.text


def test_no_way_leads_to_another_host_after_a_sign_in(directory: Directory, browser: FlaskClient) -> None:
    state = begun(browser, "//evil.example.com")
    answer = browser.get("/sign-in/callback", query_string={"state": state, "code": "c"})
    assert answer.headers["Location"] == "/executions"


def test_signing_out_goes_on_to_the_provider(site: Site, directory: Directory, browser: FlaskClient) -> None:
    browser.get("/sign-in/callback", query_string={"state": begun(browser), "code": "c"})
    url = site.sessions.read_sign_out(str(browser.get_cookie(SIGN_OUT_COOKIE, path="/sign-out").value))  # type: ignore[union-attr]
    query = parse_qs(urlsplit(url).query)
    assert url.startswith("https://sso.example.com/out?") and query["id_token_hint"] == ["x.y.z"]
    assert query["post_logout_redirect_uri"] == ["https://portside.example.com/sign-in"]
    page = browser.post("/sign-out", data={"form_token": form_token(browser.get("/approvals").text)})
    assert "https://sso.example.com/out" in page.text and not browser.get_cookie(COOKIE)


def test_a_token_too_long_for_a_cookie_is_left_out(site: Site, directory: Directory, browser: FlaskClient) -> None:
    directory.id_token = "x" * 3_000
    browser.get("/sign-in/callback", query_string={"state": begun(browser), "code": "c"})
    cookie = browser.get_cookie(SIGN_OUT_COOKIE, path="/sign-out")
    assert cookie is not None and "id_token_hint" not in site.sessions.read_sign_out(cookie.value)


def test_without_a_runner_the_page_says_so_and_keeps_the_other_ways(
    site: Site, directory: Directory, browser: FlaskClient
) -> None:
    def nobody(_: Any) -> Any:
        raise RequestTimeout("nobody")

    site.post.answers["outside.inspect"] = nobody
    page = browser.get("/sign-in/with/acme")
    assert page.status_code == 503 and "runner did not answer" in page.text and 'name="password"' in page.text
