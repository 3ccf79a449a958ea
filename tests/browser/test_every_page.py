"""Every page that the table of routes knows, with long names and many rows: no overflow in any width or theme."""

from __future__ import annotations

import re
from typing import Any, Literal

import pytest
from playwright.sync_api import Page

from services.gateway.pages import AREAS
from shared.bus import BrokerState, QueueState
from tests.unit.gateway.site import Site

from .conftest import AXE
from .site import LONG, address, execution, long_site, many, page, site
from .test_asking import OPERATION, THINGS, pattern

__all__ = ["address", "page", "site"]
pytestmark = pytest.mark.browser
WIDTHS = (2560, 1440, 390)
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
LISTS = (
    *("/executions", "/pipelines", "/activity", "/webhooks", "/variables", "/endpoints", "/projects", "/people"),
    *("/audit", "/queues", "/notices", "/live", "/approvals", "/account", "/settings", "/people/roles", "/health"),
)
FORMS = (
    *("/sign-in", "/account/tokens/new", "/device", "/tokens/new", "/pipelines/import", "/pipelines/templates"),
    *("/pipelines/templates/push-to-kubernetes", "/pipelines/new", "/endpoints/new?type=k8s", "/webhooks/new"),
    *("/variables/new", "/projects/new", "/people/new", "/settings/providers/new", "/pipelines/p1/schedules/new"),
)
THINGS_SHOWN = (
    *("/executions/e1?stage=Stage+3&task=Apply", "/activity/d1", "/activity/why?image=acme/web:1", "/endpoints/n1"),
    *("/pipelines/p1", "/pipelines/p1/edit", "/pipelines/p1/versions", "/pipelines/p1/schedules/s1", "/webhooks/w1"),
    *("/variables/v1", "/live/l1", "/projects/j1", "/people/u1", "/settings/providers/o1", "/queues/dead/x1"),
    *("/pipelines/p1/build",),
)
PAGES = (*LISTS, *FORMS, *THINGS_SHOWN)
PIECES = {
    *("/sign-in/with/<name>", "/sign-in/callback", "/", "/executions/live", "/first-steps", "/first-steps/bar"),
    *("/executions/<id>/live", "/executions/<id>/stage", "/executions/<id>/task", "/executions/<id>/log"),
    *("/executions/<id>/log.txt", "/approvals/live", "/approvals/count", "/approvals/<id>/change", "/activity/live"),
    *("/pipelines/<id>/export", "/pipelines/<id>/tags", "/webhooks/<id>/card", "/live/<id>/now", "/people/names"),
    *("/audit/export.<form>", "/notices/count", "/docs/api", "/docs", "/docs/", "/docs/<path:path>"),
}
"""Parts of a page, downloads, redirects, and the documentation's own site."""
TOO_WIDE = """() => [...document.querySelectorAll('main *')]
  .filter(node => node.checkVisibility() && node.getBoundingClientRect().right > innerWidth + 1)
  .slice(0, 3).map(node => node.tagName + '.' + node.className)"""
SCROLLED_TABLES = """() => [...document.querySelectorAll('main :has(> table)')]
  .filter(node => node.checkVisibility() && node.scrollWidth > node.clientWidth + 1)
  .map(node => node.querySelector('table').className)"""
"""On a phone a table becomes cards, which nobody scrolls sideways."""


def everything(site: Site) -> None:
    """500 rows of each list and one of each thing, all with names of 300 characters."""
    long_site(site)
    named: dict[str, Any] = {"name": LONG, "project": LONG, "description": LONG}
    for kind, document in THINGS.items():
        site.documents[kind] = {**document, **named}
    site.documents["executions"] = {
        **execution(12),
        **named,
        "status": "FAILED",
        "statusMessage": LONG,
        "input": {"DOCKER_IMAGE": f"acme/{LONG}", "DOCKER_TAG": LONG[:128]},
    }
    site.documents["registry-events"] |= {"imageName": f"acme/{LONG}", "tag": LONG[:128], "reason": LONG}
    site.documents["deployments"] |= {"images": [f"acme/{LONG}:{LONG[:128]}"], "namespace": LONG, "endpoint": LONG}
    site.documents["dead-letters"] |= {"reason": LONG, "queue": LONG, "type": LONG}
    site.documents["users"] |= {"email": f"{LONG}@example.com", "groups": [LONG], "projects": {LONG: "Member"}}
    site.documents["sign-in-providers"] = {"id": "o1", **named, "title": LONG, "issuer": f"https://{LONG}.example.com"}
    site.documents["settings"] = {"publicUrl": f"https://{LONG[:60]}.example.com", "hookUrl": LONG, "hooks": 500}
    site.documents["users"] |= {
        "projectRoles": ["", "Viewer", "Member", "Administrator"],
        "rows": [{"serviceRole": "User", "rights": ["READ", "READ", "EDIT", "RESTRICTED"]}] * 4,
        "words": {"READ": "read", "EDIT": "change definitions", "RESTRICTED": "change restricted objects and people"},
        "userName": LONG,
        "people": [],
        "names": [],
    }
    question = {
        "name": "q",
        "kind": "endpoint",
        "title": LONG,
        "help": LONG,
        "choices": [{"value": "1", "title": LONG}],
    }
    template = {"name": "t", "title": LONG, "description": LONG, "questions": [question]}
    site.documents["pipelines"] |= {"templates": [template] * 5, **template}
    site.pages["deployments"] = many(site.documents["deployments"])
    site.pages["user-operations"] = many({**OPERATION, "summary": LONG, "pipelineName": LONG, "approvers": [LONG]})
    site.pages["api-tokens"] = many({"name": LONG, "access": "read", "project": LONG, "webhooks": [LONG] * 12})
    site.pages["sessions"] = many({"browserName": LONG, "address": "2001:db8::1", "browser": LONG})
    site.pages["sign-in-providers"] = many(site.documents["sign-in-providers"], 3)
    queue = QueueState("config.hooks", LONG, 3, 2, 0, 1.0, 2.0, (1, 2, 3), 900.0)
    site.broker = BrokerState((queue, QueueState(f"{LONG}.retry.1", LONG, 3)), "4.1.0", LONG)


def test_each_page_of_the_route_table_is_measured() -> None:
    rules = {route.rule for area in AREAS for route in area.ROUTES if route.method == "GET"}
    measured = {rule for rule in rules for path in PAGES if re.fullmatch(pattern(rule), path.partition("?")[0])}
    assert rules - PIECES <= measured


def test_no_page_overflows_at_any_width_in_any_theme(page: Page, site: Site) -> None:
    """With 500 rows, twelve stages and names of 300 characters."""
    everything(site)
    page.route(re.compile(r":\d+/.+/(count|bar|live)$"), lambda route: route.abort())
    wide: dict[str, list[str]] = {}
    for path in PAGES:
        answer = page.goto(path, wait_until="domcontentloaded")
        if answer is None or answer.status != 200:
            wide[path] = [str(answer and answer.status)]
            continue
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            for scheme in SCHEMES:
                page.emulate_media(color_scheme=scheme)
                if page.evaluate("document.documentElement.scrollWidth") > width:
                    wide[f"{path} {width} {scheme}"] = page.evaluate(TOO_WIDE)
            if width == WIDTHS[-1] and (tables := page.evaluate(SCROLLED_TABLES)):
                wide[f"{path} scrolls"] = tables
    assert wide == {}, "\n".join(f"{where}: {nodes}" for where, nodes in wide.items())


@pytest.mark.outer
@pytest.mark.parametrize("scheme", SCHEMES)
def test_axe_finds_nothing_on_any_page(page: Page, site: Site, scheme: Literal["light", "dark"]) -> None:
    """Of any weight, not of the serious ones only."""
    everything(site)
    page.emulate_media(color_scheme=scheme)
    flaws: dict[str, list[str]] = {}
    for path in PAGES:
        page.goto(path, wait_until="load")
        page.evaluate(AXE)
        if violations := page.evaluate(VIOLATIONS):
            flaws[path] = violations
    assert flaws == {}, "\n".join(f"{path}: {violations}" for path, violations in flaws.items())


VIOLATIONS = """async () => (await axe.run()).violations.map(violation =>
  `${violation.id}: ${violation.nodes.length}: ${violation.nodes.slice(0, 2).map(node => node.html).join(' ')}`)"""
