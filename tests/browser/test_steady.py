"""Nothing moves under the pointer: what a page loads after it is shown takes a place that was kept for it."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, Route, expect

from tests.unit.gateway.site import Site

from .site import address, page, site

__all__ = ["address", "page", "site"]
pytestmark = pytest.mark.browser
TOP = "document.querySelector('main h1').getBoundingClientRect().top"


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("shown", ["/webhooks", "/endpoints/new?type=k8s", "/pipelines", "/executions"])
def test_the_bar_of_first_steps_moves_nothing(page: Page, site: Site, shown: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    held: list[Route] = []
    page.route("**/first-steps/bar", lambda route: held.append(route))
    with page.expect_request("**/first-steps/bar"):
        page.goto(shown)
    before = page.evaluate(TOP)
    with page.expect_response("**/first-steps/bar"):
        held[0].continue_()
    if shown == "/executions":
        expect(page.locator(".first-bar")).to_have_count(0)
    else:
        expect(page.locator(".first-bar")).to_be_visible()
    assert abs(page.evaluate(TOP) - before) <= 1
