"""The pages that set things up, over a fake config: endpoints and Docker webhooks."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask.testing import FlaskClient

from services.gateway.sessions import COOKIE
from shared.contracts.catalog import Page, Validated
from shared.contracts.problems import Code, Flaw, refuse
from shared.contracts.secrets import MASK
from shared.process.clock import now

from .site import Site, the_site

HUB: dict[str, Any] = {
    "id": "h1",
    "name": "hub",
    "project": "default",
    "type": "docker",
    "properties": {"serverType": "DockerHub", "repoURL": "https://hub.docker.com/r/acme/web", "password": MASK},
}


@pytest.fixture
def site() -> Site:
    site = the_site().reset()
    site.pages["endpoints"] = Page(documents=(HUB,), total=1)
    return site


@pytest.fixture
def ann(site: Site) -> FlaskClient:
    client = site.client()
    client.set_cookie(COOKIE, site.sessions.issue(site.signed_in, now()).token)
    return client


def send(client: FlaskClient, path: str, start: str, **fields: str) -> Any:
    found = re.search(r'name="form_token" value="([0-9a-f]{64})"', client.get(start).get_data(as_text=True))
    assert found
    return client.post(path, data={"form_token": found[1], **fields})


DOCKER = {"type": "docker", "name": "hub", "project": "default", "repoURL": "https://hub.docker.com/r/acme/web"}


def test_endpoints_are_listed_with_their_repository(ann: FlaskClient) -> None:
    page = ann.get("/endpoints").get_data(as_text=True)
    assert "Docker Registry" in page and "https://hub.docker.com/r/acme/web" in page and "New Endpoint" in page


def test_a_saved_endpoint_leaves_the_gateway_without_its_password(site: Site, ann: FlaskClient) -> None:
    answer = send(ann, "/endpoints", "/endpoints/new?type=docker", username="acme", password="s3cret", **DOCKER)
    assert answer.location == "/endpoints"
    act = site.asked[-1]
    assert (act.verb, act.body["type"], act.body["properties"]["password"]) == ("create", "docker", MASK)
    assert list(act.sealed) == ["properties.password"] and "s3cret" not in str(act.body)


def test_a_refused_endpoint_is_drawn_again_with_what_was_typed_but_no_secret(site: Site, ann: FlaskClient) -> None:
    site.post.answers["catalog.act"] = lambda _: (_ for _ in ()).throw(
        refuse(Code.CONFLICT, "There is a hub already.", flaws=(Flaw(message="taken", path="name"),))
    )
    answer = send(ann, "/endpoints", "/endpoints/new?type=docker", password="s3cret", **DOCKER)
    page = answer.get_data(as_text=True)
    assert answer.status_code == 200 and "There is a hub already." in page and "taken" in page
    assert 'value="https://hub.docker.com/r/acme/web"' in page and "s3cret" not in page


def test_validate_tries_the_endpoint_and_says_what_it_saw(site: Site, ann: FlaskClient) -> None:
    site.documents["endpoints"] = {"name": "hub", "project": "default", "type": "docker", "properties": {}}
    site.post.answers["endpoint.validate"] = lambda _: Validated(ok=False, message="The password is wrong.")
    answer = send(ann, "/endpoints/validate", "/endpoints/new?type=docker", password="s3cret", **DOCKER)
    assert "The password is wrong." in answer.get_data(as_text=True)
    assert not any(getattr(ask, "verb", "") == "create" for ask in site.asked)


def test_a_pasted_kubeconfig_becomes_address_and_sealed_token(site: Site, ann: FlaskClient) -> None:
    config = """
current-context: a
contexts: [{name: a, context: {cluster: c, user: u}}]
clusters: [{name: c, cluster: {server: "https://10.0.0.1:6443"}}]
users: [{name: u, user: {token: t0ken}}]
"""
    send(ann, "/endpoints", "/endpoints/new?type=k8s", type="k8s", name="c", project="default", kubeconfig=config)
    act = site.asked[-1]
    assert act.body["properties"] == {"kubernetesURL": "https://10.0.0.1:6443", "authType": "token", "token": MASK}
    assert list(act.sealed) == ["properties.token"]


def test_a_change_that_leaves_the_password_blank_keeps_it(site: Site, ann: FlaskClient) -> None:
    site.documents["endpoints"] = HUB
    send(ann, "/endpoints", "/endpoints/h1", id="h1", **DOCKER)
    act = site.asked[-1]
    assert (act.verb, act.id, act.body["properties"]["password"], act.sealed) == ("patch", "h1", MASK, {})


def test_an_endpoint_in_use_stays_and_the_page_says_so(site: Site, ann: FlaskClient) -> None:
    site.post.answers["catalog.act"] = lambda _: (_ for _ in ()).throw(refuse(Code.IN_USE, "acme-web uses hub."))
    answer = send(ann, "/endpoints/h1/delete", "/endpoints")
    assert answer.status_code == 200 and "acme-web uses hub." in answer.get_data(as_text=True)


HOOK: dict[str, Any] = {
    "id": "w1",
    "name": "acme-web",
    "project": "default",
    "pipeline": "Deploy web",
    "repository": "acme/web",
    "enabled": True,
    "hubState": "in step",
    "hookUrl": f"https://portside.example.com/hooks/{MASK}",
    "lastPushAt": "2026-01-02 03:04:05.000000+00",
}
PIPELINE = {
    "name": "Deploy web",
    "project": "default",
    "options": ["DOCKER_TRIGGER"],
    "input": {"DOCKER_TAG": "", "NAMESPACE": "apps"},
}


def test_a_webhook_is_a_card_with_its_state_in_words(site: Site, ann: FlaskClient) -> None:
    site.pages["registry-webhooks"] = Page(documents=(HOOK,), total=1)
    page = ann.get("/webhooks").get_data(as_text=True)
    assert "acme/web" in page and "Docker Hub has this hook" in page and "2026-01-02 03:04:05" in page


def test_the_form_offers_docker_pipelines_first_and_the_inputs_a_push_does_not_fill(
    site: Site, ann: FlaskClient
) -> None:
    other = {"name": "Another", "project": "default", "options": []}
    site.pages["pipelines"] = Page(documents=(other, PIPELINE), total=2)
    site.documents["pipelines"] = PIPELINE
    page = ann.get("/webhooks/new?pipeline=Deploy web").get_data(as_text=True)
    assert page.index("Deploy web</option>") < page.index("Another (not made for Docker triggers)")
    assert 'name="input.NAMESPACE"' in page and "input.DOCKER_TAG" not in page


def test_a_saved_webhook_shows_its_hook_url_once_with_the_token(site: Site, ann: FlaskClient) -> None:
    site.documents["registry-webhooks"] = HOOK
    fields = {"name": "acme-web", "project": "default", "input.NAMESPACE": "shop", "exclude": "rc\nnightly"}
    answer = send(ann, "/webhooks", "/webhooks/new", enabled="yes", **fields)
    act, page = site.asked[-1], answer.get_data(as_text=True)
    assert act.body["input"] == {"NAMESPACE": "shop"} and act.body["exclude"] == ["rc", "nightly"]
    assert act.body["secretToken"] == MASK and list(act.sealed) == ["secretToken"]
    assert re.search(r"https://portside.example.com/hooks/[\w-]{20,}", page) and MASK not in page
    assert answer.headers["Cache-Control"] == "no-store"


def test_asking_for_inputs_saves_nothing(site: Site, ann: FlaskClient) -> None:
    site.documents["pipelines"] = PIPELINE
    answer = send(ann, "/webhooks", "/webhooks/new", do="reload", pipeline="Deploy web", project="default")
    assert 'name="input.NAMESPACE"' in answer.get_data(as_text=True)
    assert not any(hasattr(ask, "verb") for ask in site.asked)


@pytest.mark.parametrize(("verb", "sent"), [("disable", "patch"), ("enable", "patch"), ("delete", "delete")])
def test_a_card_switches_and_deletes(site: Site, ann: FlaskClient, verb: str, sent: str) -> None:
    answer = send(ann, "/webhooks/w1/act", "/webhooks", verb=verb)
    assert answer.location == "/webhooks" and (site.asked[-1].verb, site.asked[-1].id) == (sent, "w1")


def test_a_rotated_token_is_shown_once(site: Site, ann: FlaskClient) -> None:
    site.documents["registry-webhooks"] = HOOK
    page = send(ann, "/webhooks/w1/act", "/webhooks", verb="rotate").get_data(as_text=True)
    assert site.asked[-1].verb == "rotate" and re.search(r"/hooks/[\w-]{20,}", page)


def test_no_page_of_these_has_inline_script_or_style(ann: FlaskClient) -> None:
    for path in ("/endpoints", "/endpoints/new?type=docker", "/endpoints/new?type=k8s", "/webhooks", "/webhooks/new"):
        page = ann.get(path).get_data(as_text=True)
        assert not re.search(r"<script(?![^>]*\bsrc=)|\bstyle=|<style|\bon\w+=", page), path


def test_a_push_that_started_nothing_can_be_run_anyway_also_from_a_live_row(site: Site, ann: FlaskClient) -> None:
    site.pages["registry-events"] = Page(documents=({"id": "d1", "verdict": "not started"},), total=1)
    live = ann.get("/activity/live")
    frame = next(piece for piece in live.response if b"event: show" in piece).decode()  # type: ignore[union-attr]
    live.close()
    assert "Run anyway" in frame
    found = re.search(r'name="form_token" value="([0-9a-f]{64})"', frame)
    assert found
    answer = ann.post("/activity/d1/rerun", data={"form_token": found[1]})
    assert answer.location == "/activity" and (site.asked[-1].verb, site.asked[-1].id) == ("rerun", "d1")
