"""The first steps: the list on the empty page, the bar on every other, and sample data by the button."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from services.gateway.app_context import EXTENSION
from services.gateway.pages.first_use import SEEN, listed
from services.gateway.roles import Role
from shared.contracts.catalog import Page

from .site import Site, form_token

DONE: dict[str, list[dict[str, Any]]] = {
    "endpoints": [{"type": "docker"}, {"type": "k8s"}],
    "pipelines": [
        {"id": "p1", "options": ["DOCKER_TRIGGER"], "stages": {"S": {"tasks": {"T": {"type": "K8S"}}}}}
    ],
    "registry-webhooks": [{"id": "w1", "repository": "acme/shop"}],
    "registry-events": [{"id": "d1"}],
    "executions": [{"id": "e1", "status": "COMPLETED"}],
}  # fmt: skip


@pytest.fixture
def folder(site: Site, tmp_path: Path) -> Iterator[Path]:
    """The folder that the gateway shares with `make up`."""
    context = site.app.extensions[EXTENSION]
    settings = context.settings.model_copy(update={"samples_folder": str(tmp_path)})
    site.app.extensions[EXTENSION] = replace(context, settings=settings)
    yield tmp_path
    site.app.extensions[EXTENSION] = context


def fill(site: Site) -> None:
    site.pages = {kind: Page(documents=tuple(rows), total=len(rows)) for kind, rows in DONE.items()}


def test_all_eight_steps_can_be_done() -> None:
    endpoints, pipelines, webhooks, pushes, runs = DONE.values()
    steps = listed(endpoints, pipelines, webhooks, pushes, runs, deployed=runs)
    assert [step.done for step in steps] == [True] * 8
    assert [step.done for step in listed([], [], [])] == [False] * 8


def test_every_page_asks_for_the_bar_until_all_is_done_or_it_is_hidden(site: Site, ann: FlaskClient) -> None:
    asks = 'hx-get="/first-steps/bar"'
    assert asks in ann.get("/endpoints").get_data(as_text=True)
    bar = ann.get("/first-steps/bar", headers={"HX-Current-URL": "http://localhost/endpoints"})
    text = bar.get_data(as_text=True)
    assert "0 of 8 steps done. Next: Endpoint" in text and 'href="/endpoints/new?type=docker"' in text
    assert SEEN not in bar.headers.get("Set-Cookie", "")
    fill(site)
    bar = ann.get("/first-steps/bar", headers={"HX-Current-URL": "http://localhost/endpoints"})
    assert bar.get_data(as_text=True) == "" and SEEN in bar.headers["Set-Cookie"]
    assert asks not in ann.get("/endpoints").get_data(as_text=True)


def test_the_bar_is_not_shown_beside_the_list(ann: FlaskClient) -> None:
    assert ann.get("/first-steps/bar", headers={"HX-Current-URL": "http://localhost/executions"}).data == b""


def test_a_hidden_bar_stays_hidden(ann: FlaskClient) -> None:
    token = form_token(ann.get("/people/new").get_data(as_text=True))
    hidden = ann.post("/first-steps/hide", data={"form_token": token}, headers={"HX-Request": "true"})
    assert (hidden.status_code, hidden.data) == (200, b"") and SEEN in hidden.headers["Set-Cookie"]
    assert "/first-steps/bar" not in ann.get("/endpoints").get_data(as_text=True)


def test_the_list_offers_the_plain_hook_for_the_webhooks_repository(site: Site, ann: FlaskClient) -> None:
    fill(site)
    shown = ann.get("/first-steps").get_data(as_text=True)
    assert "docker push acme/shop:1.4.0" in shown
    assert '{"repository": "acme/shop", "tag": "1.4.0"}' in shown


def test_the_button_asks_make_up_and_the_page_follows(ann: FlaskClient, folder: Path) -> None:
    page = ann.get("/executions").get_data(as_text=True)
    assert "Try it with sample data" in page
    data = {"form_token": form_token(page), "until": "webhook"}
    assert ann.post("/first-steps/sample-data", data=data).location == "/executions"
    assert json.loads((folder / "request.json").read_text()) == {"until": "webhook"}
    waiting = ann.get("/first-steps").get_data(as_text=True)
    assert 'hx-trigger="every 2s"' in waiting and "Try it with sample data" not in waiting
    (folder / "request.json").unlink()
    (folder / "state.json").write_text('{"state": "failed", "message": "port 8701 is taken"}')
    assert "Sample data was not filled in: port 8701 is taken" in ann.get("/first-steps").get_data(as_text=True)


@pytest.mark.parametrize("until", ["", "everything", "../push"])
def test_only_known_sample_data_is_asked_for(ann: FlaskClient, folder: Path, until: str) -> None:
    data = {"form_token": form_token(ann.get("/executions").get_data(as_text=True)), "until": until}
    assert ann.post("/first-steps/sample-data", data=data).status_code == 400
    assert list(folder.iterdir()) == []


def test_sample_data_is_for_administrators(site: Site, ann: FlaskClient, folder: Path) -> None:
    token = form_token(ann.get("/people/new").get_data(as_text=True))
    site.role = Role(email="ann@example.com")
    assert "Try it with sample data" not in ann.get("/executions").get_data(as_text=True)
    answer = ann.post("/first-steps/sample-data", data={"form_token": token, "until": "push"})
    assert answer.status_code == 403 and list(folder.iterdir()) == []


def test_a_system_that_make_up_did_not_start_offers_none(ann: FlaskClient) -> None:
    page = ann.get("/executions").get_data(as_text=True)
    assert "Try it with sample data" not in page
    data = {"form_token": form_token(page), "until": "push"}
    answer = ann.post("/first-steps/sample-data", data=data)
    assert answer.status_code == 404 and "docker compose --profile demo up" in answer.get_data(as_text=True)
