"""A company's people come in by their directory: by clicks signed in, refused, signed out; passwords off and on."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey
from playwright.sync_api import Browser, Page, expect

from cli import system
from tests.support.oidc import CLIENT, SECRET, Provider, a_provider
from tests.support.world import World

from .conftest import a_system, at_sign_in, hindrances

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    yield from a_system(tmp_path_factory.mktemp("sign-on"), define=False)


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with a_provider() as running:
        yield running


@pytest.fixture(autouse=True)
def right_again(provider: Provider) -> Iterator[None]:
    """What a test that fails leaves wrong with the provider fails no other."""
    claims, spoil, sign = dict(provider.claims), provider.spoil, provider.sign
    yield
    provider.claims, provider.spoil, provider.sign = claims, spoil, sign
    provider.state, provider.error, provider.away = "", "", False


@pytest.fixture
def stranger(world: World, chromium: Browser) -> Iterator[Page]:
    """Another person's browser, at the sign-in page."""
    with at_sign_in(chromium, world.layout.url) as opened:
        yield opened


def _come_in(page: Page) -> None:
    page.get_by_role("link", name="Sign in with Acme SSO").click()
    page.get_by_role("link", name="I am Ann").click()


def test_an_administrator_sets_a_provider_up_and_tries_its_rules(page: Page, provider: Provider) -> None:
    page.get_by_role("navigation").get_by_role("link", name="Settings").click()
    page.get_by_role("link", name="New Provider").click()
    assert not hindrances(page)
    page.get_by_label("Name", exact=True).fill("acme")
    page.get_by_label("Title").fill("Acme SSO")
    page.get_by_label("Issuer").fill(provider.issuer)
    page.get_by_label("Client ID").fill(CLIENT)
    page.get_by_label("Client secret").fill(SECRET)
    page.get_by_text("Advanced").click()
    page.get_by_label("It may be on the runner's own machine").check()
    page.get_by_label("Claim of rule 1").fill("groups")
    page.get_by_label("Value of rule 1").fill("devs")
    page.get_by_label("Service role of rule 1").select_option("Viewer")
    page.get_by_label("Projects of rule 1").fill("default: Member")
    page.get_by_label("Groups of rule 1").fill("approvers")
    page.get_by_label("Try the rules on a sample").fill('{"sub": "1", "groups": ["guests"]}')
    page.get_by_role("button", name="Try", exact=True).click()
    expect(page.locator("#tried")).to_contain_text("could not sign in")
    page.get_by_label("Try the rules on a sample").fill('{"sub": "1", "groups": ["devs"]}')
    page.get_by_role("button", name="Try", exact=True).click()
    expect(page.locator("#tried")).to_contain_text("May sign in by rule 1.")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("link", name="Acme SSO")).to_be_visible()


def test_somebody_comes_in_by_it_with_what_the_rules_grant_and_leaves_there_too(
    world: World, stranger: Page, provider: Provider
) -> None:
    _come_in(stranger)
    expect(stranger.get_by_role("heading", name="Executions")).to_be_visible()
    stranger.get_by_role("link", name="ann", exact=True).click()
    expect(stranger.get_by_text("default (member)")).to_be_visible()
    expect(stranger.get_by_text("You sign in with acme")).to_be_visible()
    assert not hindrances(stranger)
    user = world.get("/users/ann")
    assert (user["serviceRole"], user["groups"], user["provider"]) == ("Viewer", ["approvers"], "acme")
    actions = [(row["user"], row["action"]) for row in world.documents("/audit")]
    assert ("ann", "sign-in") in actions and ("system", "by the rules of acme") in actions
    stranger.get_by_role("button", name="Sign out").click()
    expect(stranger.get_by_role("heading", name="Signed out of the directory")).to_be_visible()
    assert "id_token_hint=" in stranger.url and "post_logout_redirect_uri=" in stranger.url


def test_whom_no_rule_matches_any_longer_is_refused_and_disabled_until_one_does(
    world: World, stranger: Page, provider: Provider
) -> None:
    provider.claims["groups"] = ["guests"]
    _come_in(stranger)
    expect(stranger.get_by_role("alert")).to_contain_text("None of its rules lets ann in.")
    assert world.get("/users/ann")["enabled"] is False
    provider.claims["groups"] = ["devs"]
    _come_in(stranger)
    expect(stranger.get_by_role("heading", name="Executions")).to_be_visible()
    assert world.get("/users/ann")["enabled"] is True


def test_each_refusal_is_said_on_the_sign_in_page(stranger: Page, provider: Provider) -> None:
    alert = stranger.get_by_role("alert")
    good = provider.spoil
    provider.spoil = lambda claims: {**claims, "aud": "another"}
    _come_in(stranger)
    expect(alert).to_contain_text("is for another, not for the client portside")
    provider.spoil = good
    provider.state = "of another"
    _come_in(stranger)
    expect(alert).to_contain_text("belongs to another sign-in (the state differs)")
    provider.state = ""
    provider.error = "access_denied"
    _come_in(stranger)
    expect(alert).to_contain_text("did not sign you in: access_denied")
    provider.error = ""
    stranger.goto(stranger.url.partition("/sign-in")[0] + "/sign-in/callback?code=x&state=y")
    expect(alert).to_contain_text("has begun no sign-in")


def test_a_token_with_a_wrong_claim_or_signature_lets_nobody_in_and_the_page_says_why(
    stranger: Page, provider: Provider
) -> None:
    """Each reason in the browser; `tests/integration/runner/test_sign_on.py` has the edges of each."""
    good_claims, good_signature, minutes = provider.spoil, provider.sign, 60
    at = int(time.time())
    claims: dict[str, dict[str, Any]] = {
        "is from the issuer https://evil.example.com": {"iss": "https://evil.example.com"},
        "the nonce differs": {"nonce": "of another"},
        "has expired": {"exp": at - 10 * minutes, "iat": at - 20 * minutes},
        "is not valid for another": {"nbf": at + 10 * minutes},
    }
    for sentence, change in claims.items():
        provider.spoil = lambda right, change=change: {**right, **change}  # type: ignore[misc]
        _come_in(stranger)
        expect(stranger.get_by_role("alert")).to_contain_text(sentence)
    provider.spoil = good_claims
    secret, foreign = OctKey.import_key(SECRET * 2), RSAKey.generate_key(2048, {"kid": "unpublished"})
    signatures: dict[str, Callable[[dict[str, Any]], str]] = {
        "signed with HS256, which is not accepted": lambda right: jwt.encode({"alg": "HS256"}, right, secret),
        "is not signed (algorithm none)": lambda _: "eyJhbGciOiJub25lIn0.eyJzdWIiOiJzMSJ9.",
        "a key that it does not publish (unpublished)": lambda right: jwt.encode(
            {"alg": "RS256", "kid": "unpublished"}, right, foreign
        ),
    }
    for sentence, sign in signatures.items():
        provider.sign = sign
        _come_in(stranger)
        expect(stranger.get_by_role("alert")).to_contain_text(sentence)
    provider.sign = good_signature
    _come_in(stranger)
    expect(stranger.get_by_role("heading", name="Executions")).to_be_visible()


def test_while_the_provider_is_away_nobody_new_comes_in_and_no_session_ends(
    world: World, stranger: Page, provider: Provider
) -> None:
    _come_in(stranger)
    expect(stranger.get_by_role("heading", name="Executions")).to_be_visible()
    other = stranger.context.browser.new_context()  # type: ignore[union-attr]
    provider.away = True
    try:
        page = other.new_page()
        page.goto(f"{world.layout.url}/sign-in")
        page.get_by_role("link", name="Sign in with Acme SSO").click()
        if urlsplit(page.url).netloc != urlsplit(world.layout.url).netloc:
            # What is known of the provider still leads to it; it answers, and nobody has come in.
            page.goto(f"{world.layout.url}/executions")
            expect(page.get_by_role("link", name="Sign in with Acme SSO")).to_be_visible()
        else:
            expect(page.get_by_role("alert")).to_contain_text("503")
        stranger.reload()
        expect(stranger.get_by_role("heading", name="Executions")).to_be_visible()
    finally:
        provider.away = False
        other.close()


def test_passwords_are_switched_off_and_on_again_on_the_machine(world: World, page: Page, stranger: Page) -> None:
    page.goto(f"{world.layout.url}/settings")
    page.get_by_label("People may sign in with a password here").uncheck()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_label("People may sign in with a password here")).not_to_be_checked()
    assert _login(world).status_code == 403
    assert "switched off" in _login(world).text
    assert _on_the_machine(world, "local-sign-in", "on") == "sign-in by password is on"
    assert _login(world).status_code == 200


def _login(world: World) -> requests.Response:
    body = {"username": "admin", "password": world.layout.password_file.read_text().strip()}
    return requests.post(f"{world.layout.url}/csp/gateway/am/api/login", json=body, timeout=30)


def _on_the_machine(world: World, *command: str) -> str:
    return system.run_once((sys.executable, "-m", "services.config", *command), world.environment)
