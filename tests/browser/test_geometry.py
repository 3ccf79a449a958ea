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
