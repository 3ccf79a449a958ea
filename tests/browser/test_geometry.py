"""Where things stand on a page, measured in a real browser; the pages are the application's, their data made up."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from shared.contracts.catalog import Page as Rows
from tests.unit.gateway.site import Site

from .site import address, page, site

__all__ = ["address", "page", "site"]

pytestmark = pytest.mark.browser
TASK = {"type": "K8S", "status": "COMPLETED"}


def execution(stages: int) -> dict[str, object]:
    names = [f"Stage {place}" for place in range(stages)]
    return {
        "id": "e1",
        "name": "web",
        "index": 7,
        "project": "default",
        "status": "COMPLETED",
        "stageOrder": names,
        "stages": {name: {"status": "COMPLETED", "taskOrder": ["Apply"], "tasks": {"Apply": TASK}} for name in names},
    }


def test_the_sign_in_card_is_narrow_and_centred(page: Page) -> None:
    page.goto("/sign-in")
    box = page.locator(".sign-in").bounding_box()
    assert box is not None and box["width"] <= 420
    assert abs(box["x"] + box["width"] / 2 - 720) < 2
    field, button = page.locator("[name=password]").bounding_box(), page.locator(".sign-in button").bounding_box()
    assert field is not None and button is not None and button["y"] > field["y"] + field["height"]


@pytest.mark.parametrize("width", [1280, 1440, 2560])
def test_twelve_stages_do_not_widen_the_list_of_executions(page: Page, site: Site, width: int) -> None:
    site.pages["executions"] = Rows(documents=(execution(12),), total=1)
    page.set_viewport_size({"width": width, "height": 900})
    page.goto("/executions")
    assert page.locator(".stages > li").count() == 12
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_chosen_task_comes_into_view_and_is_marked(page: Page, site: Site) -> None:
    site.documents["executions"] = execution(12)
    page.set_viewport_size({"width": 1280, "height": 500})
    page.goto("/executions/e1")
    page.locator("a.task").last.click()
    page.locator("#task h2").first.wait_for()
    page.wait_for_function("document.querySelector('#task').getBoundingClientRect().top < innerHeight - 100")
    page.wait_for_function("document.querySelectorAll('a.task[aria-current]').length === 1")


LONG = "n" * 300


def many(document: dict[str, object], shown: int = 50) -> Rows:
    """A full page of 500 rows."""
    return Rows(documents=tuple({**document, "id": f"x{place}"} for place in range(shown)), total=500)


def long_site(site: Site) -> None:
    """500 rows of each list, with names of 300 characters and twelve stages."""
    named = {"name": LONG, "project": LONG, "description": LONG, "enabled": True, "state": "ENABLED"}
    site.pages["executions"] = many({**execution(12), "name": LONG, "statusMessage": LONG, "status": "FAILED"}, 25)
    site.pages["pipelines"] = many({**named, "stageOrder": [f"Stage {place}" for place in range(12)]})
    site.pages["registry-events"] = many(
        {
            **named,
            "imageName": f"acme/{LONG}",
            "tag": LONG[:128],
            "verdict": "started",
            "reason": LONG,
            "webhookId": "w",
        }
    )
    site.pages["registry-webhooks"] = many({**named, "repository": LONG, "tagNamePattern": LONG, "pipeline": LONG}, 30)
    site.pages["variables"] = many({**named, "type": "REGULAR", "value": LONG})
    site.pages["endpoints"] = many({**named, "type": "docker", "properties": {"repoURL": LONG}})
    site.pages["projects"] = many({"name": LONG, "description": LONG})
    site.pages["users"] = many({"name": LONG, "email": f"{LONG}@example.com", "serviceRole": "User", "enabled": True})
    site.pages["audit"] = many({"user": LONG, "action": "patch", "objectKind": "pipelines", "name": LONG})
    site.pages["dead-letters"] = many({"queue": LONG, "type": LONG, "reason": LONG, "subject": LONG, "state": "kept"})


@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (1440, "dark"), (2560, "light")])
def test_no_list_overflows_with_500_rows_and_names_of_300_characters(
    page: Page, site: Site, width: int, scheme: str
) -> None:
    long_site(site)
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    wide = {}
    for path in LISTS:
        page.goto(path, wait_until="domcontentloaded")
        if (found := page.evaluate("document.documentElement.scrollWidth")) > width:
            wide[path] = found
    assert wide == {}


LISTS = (
    *("/executions", "/pipelines", "/activity", "/webhooks", "/variables", "/endpoints", "/projects", "/people"),
    *("/audit", "/queues"),
)


def test_a_log_opens_at_its_end_and_earlier_lines_come_as_one_scrolls_up(page: Page, site: Site) -> None:
    site.documents["executions"] = {**execution(1), "stages": {"Stage 0": {"tasks": {"Apply": TASK}}}}

    def lines(first: int) -> Rows:
        return Rows(documents=({"firstLine": first, "lines": [f"line {first + n}" for n in range(400)], "at": 1e15},))

    site.post.answers["catalog.find"] = lambda ask: lines(int(ask.options.get("before") or 1_000) - 400)
    page.goto("/executions/e1?stage=Stage+0&task=Apply")
    log = page.locator("#log")
    page.wait_for_function(
        "(log => log.scrollTop + log.clientHeight >= log.scrollHeight - 2)(document.querySelector('#log'))"
    )
    assert log.locator(".line").count() == 400
    page.locator("#L700").scroll_into_view_if_needed()
    log.evaluate("log => log.scrollTop = 0")
    page.locator("#L599").wait_for(state="attached")
    # What was read stays where it was, below what came.
    assert page.locator("#L601").bounding_box()["y"] > 0  # type: ignore[index]
    assert log.evaluate("log => log.scrollTop") > 1_000
    page.get_by_label("Wrap").uncheck()
    assert log.evaluate("log => getComputedStyle(log.querySelector('.line')).whiteSpace").startswith("pre")
    page.goto("/executions/e1?stage=Stage+0&task=Apply&line=700")
    page.wait_for_function("document.querySelector('.linked').checkVisibility()")
