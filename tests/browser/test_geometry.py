"""Where things stand on a page, measured in a real browser; the pages are the application's, their data made up."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page
from werkzeug.serving import make_server

from services.gateway.sessions import COOKIE
from shared.contracts.catalog import Page as Rows
from shared.process.clock import now
from tests.unit.gateway.site import Site, the_site

pytestmark = pytest.mark.browser
TASK = {"type": "K8S", "status": "COMPLETED"}


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    server = make_server("127.0.0.1", 0, the_site().reset().app, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.fixture
def site() -> Site:
    return the_site().reset()


@pytest.fixture
def page(address: str, site: Site, chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context(viewport={"width": 1440, "height": 900}, base_url=address)
    token = site.sessions.issue(site.signed_in, now()).token
    context.add_cookies([{"name": COOKIE, "value": token, "url": address}])
    yield context.new_page()
    context.close()


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
