"""The settings pages, over a fake config: public address, passwords, sign-in providers and their rules."""

from __future__ import annotations

import base64
import re
from typing import Any

import pytest
from flask.testing import FlaskClient

from services.gateway.roles import Role
from shared.contracts.catalog import Document, Page
from shared.contracts.problems import Code, refuse

from .site import Site, form_token

PROVIDER: dict[str, Any] = {
    "id": "p1",
    "name": "acme",
    "title": "Acme SSO",
    "issuer": "https://sso.example.com",
    "clientId": "portside",
    "clientSecret": "*****",
    "enabled": True,
    "rules": [{"claim": "groups", "value": "devs", "serviceRole": "Developer", "projects": {"web": "Member"}}],
}
ROW = {
    "rule.claim": ["groups", "hd", ""],
    "rule.value": ["devs", "example.com", ""],
    "rule.serviceRole": ["Developer", "", ""],
    "rule.projects": ["web: Viewer, api", "", ""],
    "rule.groups": ["a, b", "", " "],
}


@pytest.fixture
def settings(site: Site, ann: FlaskClient) -> FlaskClient:
    site.documents["settings"] = {"publicUrl": "https://ci.example.com", "hookUrl": "https://x/", "localSignIn": True}
    site.documents["sign-in-providers"] = PROVIDER
    site.pages["sign-in-providers"] = Page(documents=(PROVIDER,), total=1)
    return ann


def test_the_page_shows_the_address_and_the_providers(settings: FlaskClient) -> None:
    page = settings.get("/settings").text
    assert 'value="https://ci.example.com"' in page and "Acme SSO" in page and 'href="/settings"' in page


def test_what_the_environment_says_cannot_be_edited_and_how_many_hooks_move_is_said(
    site: Site, settings: FlaskClient
) -> None:
    options = {"keepDays": 30, "lookEverySeconds": 60, "fromEnvironment": {"keepDays": "KEEP_DAYS"}, "hooks": 3}
    site.documents["settings"] |= options
    page = settings.get("/settings").text
    assert re.search(r'name="keepDays" value="30"[^>]* disabled', page) and "<code>KEEP_DAYS</code>" in page
    assert re.search(r'name="lookEverySeconds" value="60"[^>]*>', page)
    assert "When it changes, 3 hooks move to it." in page
    health = settings.get("/health").text
    assert "https://ci.example.com" in health and "from the environment" in health
    moved = {**site.documents["settings"], "publicUrl": "https://new.example.com"}
    site.post.answers["catalog.act"] = lambda _: Document(document=moved)
    sent = {"form_token": form_token(page), "publicUrl": "https://new.example.com", "lookEverySeconds": "30"}
    assert settings.post("/settings", data=sent).status_code == 302
    assert site.asked[-1].body["lookEverySeconds"] == "30" and "keepDays" not in site.asked[-1].body
    assert "3 hooks move to https://new.example.com." in settings.get("/settings").text


def test_an_address_from_the_environment_is_shown_as_such_and_not_sent(site: Site, settings: FlaskClient) -> None:
    site.documents["settings"] |= {"fromEnvironment": {"publicUrl": "PUBLIC_URL"}, "hooks": 3}
    page = settings.get("/settings").text
    assert re.search(r'name="publicUrl" value="https://ci.example.com"[^>]* disabled', page)
    assert "From the environment: <code>PUBLIC_URL</code>" in page and "hooks move" not in page
    assert "from the environment" in settings.get("/health").text
    assert settings.post("/settings", data={"form_token": form_token(page)}).status_code == 302
    assert "publicUrl" not in site.asked[-1].body


def test_it_is_for_administrators(site: Site, settings: FlaskClient) -> None:
    site.role = Role(administrators=("root",))
    for path in ("/settings", "/settings/providers/new", "/settings/providers/p1"):
        assert settings.get(path).status_code == 403
    assert 'href="/settings"' not in settings.get("/projects").text


def test_the_address_and_the_switch_are_saved_and_a_refusal_keeps_what_was_typed(
    site: Site, settings: FlaskClient
) -> None:
    sent = {"form_token": form_token(settings.get("/settings").text), "publicUrl": "https://new.example.com"}
    assert settings.post("/settings", data=sent).status_code == 302
    assert site.asked[-1].body == {"publicUrl": "https://new.example.com", "localSignIn": False}

    def refused(_: Any) -> Any:
        raise refuse(Code.INVALID, "publicUrl cannot be used")

    site.post.answers["catalog.act"] = refused
    page = settings.post("/settings", data=sent).text
    assert "publicUrl cannot be used" in page and 'value="https://new.example.com"' in page


def test_a_provider_is_saved_with_its_rules_and_a_sealed_secret(site: Site, settings: FlaskClient) -> None:
    form = settings.get("/settings/providers/p1").text
    assert "https://ci.example.com/sign-in/callback" in form and 'value="web: Member"' in form
    sent = {"form_token": form_token(form), "issuer": "https://sso.example.com", "clientSecret": "s3cret", **ROW}
    assert settings.post("/settings/providers/p1", data=sent).status_code == 302
    change = site.asked[-1]
    assert (change.verb, change.id, set(change.sealed)) == ("patch", "p1", {"clientSecret"})
    assert "s3cret" not in change.model_dump_json()
    assert change.body["rules"] == [
        {
            "claim": "groups",
            "value": "devs",
            "serviceRole": "Developer",
            "projects": {"web": "Viewer", "api": "Member"},
            "groups": ["a", "b"],
        },
        {"claim": "hd", "value": "example.com", "serviceRole": "", "projects": {}, "groups": []},
    ]
    settings.post("/settings/providers/p1", data={**sent, "clientSecret": ""})
    assert "clientSecret" not in site.asked[-1].body, "blank keeps it"


TOKEN = "e30." + base64.urlsafe_b64encode(b'{"sub": "42"}').decode().rstrip("=") + ".sig"


@pytest.mark.parametrize("sample", [' {"sub": "42"} ', TOKEN])
def test_rules_are_tried_as_they_are_typed(site: Site, settings: FlaskClient, sample: str) -> None:
    site.documents["sign-in-providers"] = {
        "letsIn": True,
        "message": "May sign in by rule 1.",
        "projects": {},
        "groups": [],
    }
    token = form_token(settings.get("/settings").text)
    page = settings.post("/settings/providers/try", data={"form_token": token, "sample": sample, **ROW}).text
    assert "May sign in by rule 1." in page
    assert (site.asked[-1].verb, site.asked[-1].body["claims"]) == ("try", {"sub": "42"})


@pytest.mark.parametrize("sample", ["", "nonsense", "a.b", "a.!.c", "a.AAAA.c", "[1]", '{"sub":'])
def test_a_sample_that_is_none_is_refused_in_words(site: Site, settings: FlaskClient, sample: str) -> None:
    token = form_token(settings.get("/settings").text)
    before = len(site.asked)
    page = settings.post("/settings/providers/try", data={"form_token": token, "sample": sample}).text
    assert "The sample" in page and len(site.asked) == before
