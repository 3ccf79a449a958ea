"""Several rows at once: each is acted on by itself, what could not be done is said, and what can be is taken back."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask.testing import FlaskClient

from shared.contracts.catalog import Act, Document, Kind, Page
from shared.contracts.problems import Code, refuse
from tests.unit.gateway.site import Site, form_token

RUN = {"id": "e1", "name": "web", "index": 7, "project": "default", "status": "RUNNING"}


def acts(site: Site) -> list[tuple[Kind, str, str, Any]]:
    return [(ask.kind, ask.verb, ask.id, ask.body) for ask in site.asked if isinstance(ask, Act)]


def send(client: FlaskClient, address: str, **fields: Any) -> str:
    """The page that one sees afterwards."""
    token = form_token(client.get("/executions").text)
    return client.post(address, data={"form_token": token, **fields}, follow_redirects=True).text


def test_chosen_runs_are_canceled_each_with_the_reason(site: Site, ann: FlaskClient) -> None:
    site.pages["executions"] = Page(documents=(RUN, {**RUN, "id": "e2"}), total=2)
    page = send(
        ann,
        "/executions/chosen",
        verb="cancel",
        id=["e1", "e2", "e1"],
        reason="wrong tag",
        back="/executions?status=RUNNING",
    )
    body = {"reason": "wrong tag"}
    assert acts(site) == [(Kind.EXECUTIONS, "cancel", id, body) for id in ("e1", "e2")]
    assert "2 executions being canceled." in page and "Remove this filter" in page


def test_what_could_not_be_done_is_said_and_stays(site: Site, ann: FlaskClient) -> None:
    site.pages["executions"] = Page(documents=(RUN,), total=1)

    def refused(ask: Act) -> Document:
        if ask.id == "e2":
            raise refuse(Code.CONFLICT, "web #8 has ended")
        return Document(document=RUN)

    site.post.answers["catalog.act"] = refused
    page = send(ann, "/executions/chosen", verb="cancel", id=["e1", "e2"])
    assert "1 execution being canceled." in page
    assert re.search(r'class="failed" role="alert">1 execution not changed: web #8 has ended<', page)


@pytest.mark.parametrize("fields", [{"verb": "delete", "id": "e1"}, {"verb": "cancel"}, {}])
def test_an_unknown_verb_and_an_empty_choice_do_nothing(site: Site, ann: FlaskClient, fields: dict[str, str]) -> None:
    send(ann, "/executions/chosen", back="//evil.example.com", **fields)
    assert acts(site) == []


def test_disabled_pipelines_are_enabled_again_by_undo(site: Site, ann: FlaskClient) -> None:
    site.pages["pipelines"] = Page(documents=({"id": "p1", "name": "web", "project": "default"},), total=1)
    page = send(ann, "/pipelines/chosen", verb="disable", id=["p1", "p2"])
    assert "2 pipelines disabled." in page
    toast = page[page.index('class="toast"') :]
    assert 'action="/pipelines/chosen"' in toast and 'name="verb" value="enable"' in toast
    assert re.findall(r'name="id" value="(\w+)"', toast) == ["p1", "p2"]


def test_a_deleted_variable_is_made_again_by_undo_and_a_secret_one_is_not(site: Site, ann: FlaskClient) -> None:
    variable = {"id": "v1", "name": "REGION", "project": "default", "type": "REGULAR", "value": "eu", "description": ""}
    site.documents["variables"] = variable
    page = send(ann, "/variables/v1/delete")
    toast = page[page.index('class="toast"') :]
    assert 'action="/variables/new"' in toast and 'name="value" value="eu"' in toast
    site.documents["variables"] = {**variable, "type": "SECRET", "value": "*****"}
    page = send(ann, "/variables/v1/delete")
    assert "Undo" not in page[page.index('class="toast"') :]


def test_a_way_back_that_is_too_long_for_a_cookie_is_left_out(site: Site, ann: FlaskClient) -> None:
    page = send(ann, "/pipelines/chosen", verb="disable", id=[f"{place:036}" for place in range(150)])
    assert "150 pipelines disabled." in page and "Undo" not in page[page.index('class="toast"') :]
