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
