"""Whatever a form changes is said with a link to it, and can be undone where the system can."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from services.gateway.pages import AREAS, toasts
from shared.contracts.catalog import Page
from tests.unit.gateway.site import Site, form_token

PIPELINE = {"id": "p1", "name": "web", "project": "default", "version": "3", "enabled": True}
FORMS: dict[str, tuple[dict[str, Any], str, bool]] = {
    "/executions/<id>/act": ({"verb": "rerun"}, "/executions/e9", False),
    "/executions/chosen": ({"verb": "cancel", "id": "x1"}, "/executions", False),
    "/activity/<id>/act": ({"verb": "enable-webhook"}, "/webhooks/w1", True),
    "/activity/chosen": ({"verb": "rerun", "id": "x1"}, "/activity", False),
    "/pipelines/chosen": ({"verb": "disable", "id": "x1"}, "/pipelines", True),
    "/pipelines/<id>/restore": ({"version": "2"}, "/pipelines/x1/versions", True),
    "/pipelines/<id>/enabled": ({"enabled": "false"}, "/pipelines/x1", True),
    "/pipelines/<id>/delete": ({}, "/executions?pipeline=web", False),
    "/pipelines/<id>/run": ({}, "/executions/e9", False),
    "/pipelines/<pipeline>/schedules/new": ({"name": "nightly"}, "/pipelines/x1/schedules/s1", False),
    "/pipelines/<pipeline>/schedules/<id>": ({"name": "nightly"}, "/pipelines/x1/schedules/x1", False),
    "/pipelines/<pipeline>/schedules/<id>/delete": ({}, "/pipelines/x1/schedules/new", True),
    "/webhooks": ({"name": "web", "id": "w1", "endpoint": "hub", "pipeline": "web"}, "/webhooks/w1", False),
    "/webhooks/<id>/act": ({"verb": "disable"}, "/webhooks/x1", True),
    "/endpoints": ({"name": "hub", "type": "docker", "id": "n1"}, "/endpoints/n1", False),
    "/endpoints/<id>/delete": ({}, "/endpoints/new?type=docker", False),
    "/variables/new": ({"name": "REGION", "type": "REGULAR"}, "/variables/v1", False),
    "/variables/<id>": ({"name": "REGION", "type": "REGULAR"}, "/variables/x1", False),
    "/variables/<id>/delete": ({}, "/variables/new", True),
    "/projects/new": ({"name": "default"}, "/projects/j1", False),
    "/projects/<id>": ({}, "/projects/j1", False),
    "/projects/<id>/delete": ({}, "/projects/new", False),
    "/projects/<id>/follow": ({}, "/projects/x1#source", False),
    "/projects/<id>/unfollow": ({}, "/projects/x1#source", False),
    "/projects/<id>/sync": ({}, "/projects/x1#source", False),
    "/people/new": ({"name": "bob"}, "/people/u1", False),
    "/people/<id>": ({}, "/people/u1", False),
    "/people/<id>/delete": ({}, "/people/new", False),
    "/live/<id>/again": ({}, "/executions/e9", False),
    "/approvals/<id>": ({"status": "Approved"}, "/executions/e2", False),
    "/queues/dead": ({"verb": "requeue", "id": "x1"}, "/queues", False),
    "/settings": ({"publicUrl": "https://portside.example.com"}, "/health#in-force", True),
    "/settings/providers/new": ({"name": "acme"}, "/settings/providers/o1", False),
    "/settings/providers/<id>": ({}, "/settings/providers/o1", False),
    "/settings/providers/<id>/delete": ({}, "/settings/providers/new", False),
    "/account/tokens/chosen": ({"verb": "revoke", "id": "x1"}, "/account", False),
    "/account/tokens/<id>/revoke": ({}, "/account/tokens/new", False),
    "/account/sessions/end-others": ({}, "/account#sessions", False),
    "/account/sessions/<id>/end": ({}, "/account#sessions", False),
}
"""Each route with a form that it takes, where its toast leads, and whether that offers Undo."""
ON_THEIR_PAGE = {
    *("/sign-in", "/sign-out", "/device", "/account/password", "/account/tokens", "/tokens", "/tokens/variable"),
    *("/pipelines/import", "/first-steps/hide", "/first-steps/sample-data", "/webhooks/inputs", "/webhooks/form"),
    *("/executions/<id>/answer",),
}
"""Answer with a page or a form that shows what was done."""
BY_TEXT = {
    *("/pipelines/new", "/pipelines/<id>/edit", "/pipelines/<id>/change-to-apply", "/pipelines/templates/<name>"),
}
"""Need a pipeline's text: in a browser's test."""
READ = {
    *("/endpoints/validate", "/endpoints/certificate", "/pipelines/<id>/dry-run", "/pipelines/templates/<name>/form"),
    *("/account/password/check", "/settings/providers/try", "/pipelines/chart", "/projects/would"),
    *("/people/would", "/people/<id>/would", "/webhooks/tags", "/webhooks/<id>/test"),
    *("/pipelines/change", "/pipelines/side"),
}
DOCUMENTS: dict[str, dict[str, Any]] = {
    "executions": {"id": "e1", "name": "web", "index": 7, "project": "default", "executionId": "e9"},
    "registry-events": {"id": "d1", "webhookId": "w1", "webhook": "hook", "imageName": "acme/web", "tag": "1"},
    "pipelines": {**PIPELINE, "executionId": "e9"},
    "schedules": {"id": "s1", "name": "nightly", "cron": "0 2 * * *", "enabled": True, "input": {"TAG": "1"}},
    "registry-webhooks": {"id": "w1", "name": "hook", "enabled": True},
    "endpoints": {"id": "n1", "name": "hub", "type": "docker"},
    "variables": {"id": "v1", "name": "REGION", "type": "REGULAR", "value": "eu", "project": "default"},
    "projects": {"id": "j1", "name": "default"},
    "users": {"id": "u1", "name": "bob"},
    "deployments": {"id": "l1", "name": "web", "executionId": "e1"},
    "user-operations": {"id": "o1", "executionId": "e2"},
    "sign-in-providers": {"id": "o1", "name": "acme"},
    "settings": {"publicUrl": "https://portside.example.com", "keepDays": 30, "localSignIn": True},
}


def test_each_route_that_changes_something_is_listed() -> None:
    rules = {route.rule for area in AREAS for route in area.ROUTES if route.method == "POST"}
    assert rules == {*FORMS, *ON_THEIR_PAGE, *BY_TEXT, *READ}


@pytest.mark.parametrize("rule", FORMS)
def test_what_was_done_is_said_with_a_link_and_undone_where_that_is_possible(
    site: Site, ann: FlaskClient, rule: str
) -> None:
    fields, link, undone = FORMS[rule]
    site.documents |= DOCUMENTS
    site.pages["pipelines"] = Page(documents=(PIPELINE,), total=1)
    token = form_token(ann.get("/executions").text)
    address = rule.replace("<id>", "x1").replace("<pipeline>", "x1")
    answer = ann.post(address, data={"form_token": token, **fields})
    assert answer.status_code == 302, answer.text[answer.text.index("<main") :][:900]
    with ann.application.test_request_context(headers={"Cookie": answer.headers["Set-Cookie"]}):
        toast = toasts.previous_toast()
    assert toast is not None and toast.message.endswith(".") and "None" not in toast.message
    assert (toast.link, bool(toast.undo)) == (link, undone)
