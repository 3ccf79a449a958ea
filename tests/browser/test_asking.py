"""Nothing by a slip: every control that changes something, taken from the table of routes, asks in its dialog first."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from services.gateway.pages import AREAS
from shared.contracts.catalog import Act
from shared.contracts.catalog import Page as Rows
from tests.unit.gateway.site import Site

from .site import address, page, site

__all__ = ["address", "page", "site"]
pytestmark = pytest.mark.browser
ASKS: dict[str, str] = {
    "/executions/<id>/act": "/executions/e1",
    "/executions/chosen": "/executions",
    "/activity/chosen": "/activity",
    "/pipelines/chosen": "/pipelines",
    "/account/tokens/chosen": "/account",
    "/executions/<id>/answer": "/executions/e2",
    "/approvals/<id>": "/approvals",
    "/activity/<id>/act": "/activity/d1",
    "/endpoints/<id>/delete": "/endpoints",
    "/pipelines/<id>/restore": "/pipelines/p1/versions",
    "/pipelines/<id>/enabled": "/pipelines/p1",
    "/pipelines/<id>/delete": "/pipelines/p1",
    "/pipelines/<id>/run": "/pipelines/p1",
    "/pipelines/<id>/change-to-apply": "/executions/e3",
    "/pipelines/<pipeline>/schedules/<id>/delete": "/pipelines/p1/schedules/s1",
    "/webhooks/<id>/act": "/webhooks",
    "/webhooks/inputs": "/webhooks/w1",
    "/variables/<id>/delete": "/variables/v1",
    "/projects/<id>/delete": "/projects/j1",
    "/projects/<id>/unfollow": "/projects/j1",
    "/people/<id>/delete": "/people/u1",
    "/live/<id>/again": "/live/l1",
    "/queues/dead": "/queues/dead/x1",
    "/account/tokens/<id>/revoke": "/account",
    "/account/sessions/end-others": "/account",
    "/account/sessions/<id>/end": "/account",
    "/settings/providers/<id>/delete": "/settings/providers/o1",
}
"""Routes whose controls change something at once, and a page where they are."""
PLANS = {"/pipelines/import"}
"""Their own page says first what will happen; the dialog comes after it."""
SAVES = {
    *("/sign-in", "/sign-out"),
    *("/endpoints", "/webhooks", "/tokens", "/tokens/variable"),
    *("/pipelines/new", "/pipelines/<id>/edit", "/pipelines/templates/<name>"),
    *("/pipelines/<pipeline>/schedules/new", "/pipelines/<pipeline>/schedules/<id>"),
    *("/account/password", "/account/tokens", "/device", "/first-steps/hide", "/first-steps/sample-data"),
    *("/settings", "/settings/providers/new", "/settings/providers/<id>"),
    *(
        "/variables/new",
        "/variables/<id>",
        "/projects/new",
        "/projects/<id>",
        "/projects/<id>/follow",
        "/people/new",
        "/people/<id>",
    ),
}
"""Forms with a button that saves what was typed: they are their own question."""
READS = {
    *("/endpoints/validate", "/endpoints/certificate", "/pipelines/<id>/dry-run", "/pipelines/templates/<name>/form"),
    *("/account/password/check", "/settings/providers/try", "/projects/<id>/sync", "/pipelines/chart"),
    *("/people/would", "/people/<id>/would", "/projects/would"),
    *("/pipelines/change", "/pipelines/side", "/webhooks/form", "/webhooks/tags", "/webhooks/<id>/test"),
}
"""Nothing is stored or started."""
UNASKED = {"pause", "export"}
"""Undone by the button that takes its place; or changes nothing."""
OPERATION = {
    "id": "o1",
    "name": "Ask",
    "summary": "May it?",
    "executionId": "e2",
    "executionIndex": 2,
    "pipelineName": "web",
    "stageKey": "Ask",
    "taskKey": "May it",
    "status": "ACTIVE",
    "approvers": ["ann"],
    "approverGroups": [],
    "quorum": 1,
    "answers": [],
    "_mayAnswer": True,
}
PIPELINE = {"id": "p1", "name": "web", "project": "default", "enabled": True, "state": "ENABLED", "version": "3"}
WEBHOOK = {"id": "w1", "name": "hook", "project": "default", "enabled": True, "pipeline": "web", "repository": "a/b"}
DEPLOYMENT = {
    "id": "l1",
    "name": "web",
    "workloadKind": "Deployment",
    "namespace": "apps",
    "endpoint": "cluster",
    "project": "default",
    "images": ["acme/web:1.4.0"],
    "executionId": "e1",
    "executionIndex": 1,
    "pipeline": "web",
    "apiVersion": "apps/v1",
    "lookAt": {"name": "cluster", "type": "k8s", "project": "default", "properties": {}},
}
EVENT = {
    "id": "d1",
    "imageName": "acme/web",
    "tag": "1.4.0",
    "verdict": "ignored: disabled",
    "state": "judged",
    "project": "default",
    "action": "enable-webhook",
    "actionLabel": "Enable the webhook",
    "executionId": "",
}
LETTER = {"id": "x1", "queue": "q", "type": "t", "reason": "r", "state": "kept", "headers": {}, "history": []}
THINGS: dict[str, dict[str, Any]] = {
    "executions": {"id": "e1", "name": "web", "index": 1, "project": "default", "status": "FAILED"},
    "registry-events": EVENT,
    "pipelines": PIPELINE,
    "registry-webhooks": WEBHOOK,
    "endpoints": {"id": "n1", "name": "hub", "type": "docker", "project": "default", "properties": {}},
    "variables": {"id": "v1", "name": "REGION", "type": "REGULAR", "project": "default", "value": "eu"},
    "schedules": {"id": "s1", "name": "nightly", "cron": "0 2 * * *", "timeZone": "UTC", "enabled": True},
    "projects": {"id": "j1", "name": "default", "following": True, "repository": "https://git.example.com/acme/config"},
    "users": {"id": "u1", "name": "bob", "serviceRole": "User", "enabled": True},
    "deployments": DEPLOYMENT,
    "dead-letters": LETTER,
    "user-operations": OPERATION,
}
BUTTONS = """pattern => {
  const sends = button => button.getAttribute('hx-post') || button.getAttribute('formaction')
    || button.form?.getAttribute('action') || '';
  // What is loaded into the page meanwhile counts for nothing.
  return [...document.querySelectorAll('main form button, main button[hx-post]')]
    .map((button, place) => [place, button.type === 'submit' || button.hasAttribute('hx-post') ? sends(button) : '',
                             button.value])
    .filter(([, address]) => new RegExp(pattern).test(new URL(address, location).pathname)); }"""


def rules() -> set[str]:
    return {route.rule for area in AREAS for route in area.ROUTES if route.method == "POST"}


def pattern(rule: str) -> str:
    return "^" + "/".join("[^/]+" if part.startswith("<") else part for part in rule.split("/")) + "$"


def filled(site: Site) -> None:
    site.documents |= THINGS
    site.pages |= {kind: Rows(documents=(document,), total=1) for kind, document in THINGS.items()}
    versions = tuple({**PIPELINE, "version": str(number)} for number in (3, 2, 1))
    site.pages["pipelines"] = Rows(documents=versions, total=3)
    sessions = [{"id": f"s{place}", "browserName": "Firefox", "current": not place} for place in range(2)]
    stamps = {"createdAt": "2026-01-02T03:04:05Z", "expiresAt": "2026-02-02T03:04:05Z"}
    site.pages["sessions"] = Rows(documents=tuple({**entry, **stamps} for entry in sessions), total=2)
    site.pages["api-tokens"] = Rows(documents=({"id": "t1", "name": "CI", "access": "read", **stamps},), total=1)


def test_each_route_that_changes_something_asks_saves_or_only_reads() -> None:
    assert rules() == {*ASKS, *SAVES, *READS, *PLANS}


@pytest.mark.parametrize("rule", ASKS)
def test_a_control_that_changes_something_opens_its_dialog_and_sends_nothing(page: Page, site: Site, rule: str) -> None:
    filled(site)
    if ASKS[rule] == "/executions/e2":
        tasks = {"May it": {"type": "UserOperation", "status": "WAITING", "_waiting": {"reason": "approval"}}}
        stages = {"Ask": {"status": "RUNNING", "taskOrder": ["May it"], "tasks": tasks}}
        running = {"id": "e2", "name": "web", "index": 2, "status": "WAITING", "project": "default"}
        site.documents["executions"] = {**running, "stageOrder": ["Ask"], "stages": stages}
    if ASKS[rule] == "/executions/e3":
        said = "Deployment apps/web exists: choose Apply to update it, or Continue on conflict to leave it as it is."
        task = {"type": "K8S", "status": "FAILED", "failureMessage": said, "output": {"failureCode": "object-exists"}}
        stages = {"Deploy": {"status": "FAILED", "taskOrder": ["Create"], "tasks": {"Create": task}}}
        failed = {**THINGS["executions"], "id": "e3", "_pipelineId": "p1", "stageOrder": ["Deploy"], "stages": stages}
        site.documents["executions"] = failed
    # What is loaded into the page meanwhile moves the buttons.
    page.route("**/first-steps/bar", lambda route: route.fulfill(body=""))
    page.goto(ASKS[rule])
    if rule.endswith("/chosen"):
        page.locator("[data-choose-all]").check()
    buttons = [button for button in page.evaluate(BUTTONS, pattern(rule)) if button[2] not in UNASKED]
    assert buttons, f"{ASKS[rule]} has no control that sends {rule}"
    dialog = page.locator("#confirm")
    for place, _, value in buttons:
        page.locator("main form button, main button[hx-post]").nth(place).click()
        expect(dialog, f"{rule} {value}").to_be_visible()
        title = dialog.locator("[data-part=title]").inner_text()
        assert title.endswith("?") and "{n}" not in title
        assert len(dialog.locator("[data-part=text]").inner_text()) > 20
        page.keyboard.press("Escape")
        expect(dialog).to_be_hidden()
    assert not [message for message in site.asked if isinstance(message, Act)]


def test_what_was_confirmed_is_sent_with_its_reason(page: Page, site: Site) -> None:
    filled(site)
    site.documents["executions"] = {**THINGS["executions"], "status": "RUNNING"}
    page.goto("/executions/e1")
    page.get_by_role("button", name="Cancel").click()
    page.get_by_label("Reason, shown on the run").fill("the wrong tag")
    page.locator("#confirm").get_by_role("button", name="Cancel the run").click()
    expect(page.locator(".toast")).to_contain_text("is being canceled")
    (command,) = [message for message in site.asked if isinstance(message, Act)]
    assert (command.verb, command.id, command.body) == ("cancel", "e1", {"reason": "the wrong tag"})


def test_back_is_what_the_keyboard_presses_first(page: Page, site: Site) -> None:
    filled(site)
    page.goto("/variables/v1")
    page.get_by_role("button", name="Delete this variable").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#confirm").get_by_role("button", name="Back")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#confirm")).to_be_hidden()
    assert not [message for message in site.asked if isinstance(message, Act)]
