"""Where things stand on a page, measured in a real browser; the pages are the application's, their data made up."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from shared.contracts.catalog import Act, Get
from shared.contracts.catalog import Page as Rows
from tests.unit.gateway.site import Site

from .site import TASK, address, execution, long_site, many, page, site

__all__ = ["address", "page", "site"]

pytestmark = pytest.mark.browser


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


@pytest.mark.parametrize("width", [390, 1440])
def test_the_focus_stays_in_view_when_a_task_is_chosen_by_keyboard(page: Page, site: Site, width: int) -> None:
    site.documents["executions"] = execution(12)
    page.set_viewport_size({"width": width, "height": 500})
    page.goto("/executions/e1")
    page.locator("a.task").nth(3).focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**stage=Stage+3**")
    page.wait_for_function(
        "(box => box.height > 0 && box.top >= 0 && box.bottom <= innerHeight"
        " && box.left >= 0 && box.right <= innerWidth)"
        "(document.activeElement.getBoundingClientRect())"
    )
    expect(page.locator("#task-title")).to_be_focused()


def test_a_run_opens_with_the_stage_of_its_failure_in_view(page: Page, site: Site) -> None:
    site.documents["executions"] = failed_at_the_end()
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto("/executions/e1")
    card = page.locator("a.task[aria-current=true]")
    expect(card).to_have_count(1)
    box = card.bounding_box()
    assert box is not None and box["x"] > 0 and box["x"] + box["width"] <= 1440


@pytest.mark.parametrize("width", [390, 1440])
def test_where_the_time_went_is_not_wider_than_the_window(page: Page, site: Site, width: int) -> None:
    site.documents["executions"] = failed_at_the_end("A stage whose name goes on, and on, and on once more ")
    page.set_viewport_size({"width": width, "height": 900})
    page.goto("/executions/e1")
    page.locator("#times .track").first.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def failed_at_the_end(name: str = "Stage ") -> dict[str, Any]:
    """A run of twelve stages, of which the last failed."""
    at = 1_790_000_000_000_000
    ended = {"_durationInMicros": 1_000, "_startTimeInMicros": at, "_startTime": at, "_endTime": at + 1_000}
    run = execution(12)
    stages = {
        f"{name}{place}": {
            "status": "FAILED" if place == 11 else "COMPLETED",
            "tasks": {"Check whether it may": {**TASK, **ended, "status": "FAILED" if place == 11 else "COMPLETED"}},
        }
        for place in range(12)
    }
    return {**run, **ended, "status": "FAILED", "stages": stages, "stageOrder": list(stages)}


LISTS = (
    *("/executions", "/pipelines", "/activity", "/webhooks", "/variables", "/endpoints", "/projects", "/people"),
    *("/audit", "/queues", "/notices"),
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


MOST_BYTES = 150 * 1024
WEIGHED = (*LISTS, "/executions/e1", "/pipelines/new", "/webhooks/new", "/endpoints/new?type=k8s", "/sign-in")


def test_a_page_weighs_at_most_150_kb_when_nothing_is_cached(page: Page, site: Site, chromium: Browser) -> None:
    long_site(site)
    site.documents["executions"] = execution(12)
    weights: dict[str, int] = {}
    page.goto("/sign-in")
    base = page.url.removesuffix("/sign-in")
    for path in WEIGHED:
        context = chromium.new_context(base_url=base, storage_state=page.context.storage_state())
        opened = context.new_page()
        opened.goto(path, wait_until="load")
        weights[path] = opened.evaluate(TRANSFERRED)
        context.close()
    assert {path: weight for path, weight in weights.items() if not 5_000 < weight <= MOST_BYTES} == {}


TRANSFERRED = """() => [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]
  .filter(entry => ['navigation', 'link', 'script', 'css', 'img', 'other'].includes(entry.initiatorType))
  .reduce((sum, entry) => sum + entry.encodedBodySize, 0)"""


def test_the_editor_fills_the_window_and_the_page_does_not_scroll(page: Page, site: Site) -> None:
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto("/pipelines/new")
    page.locator(".CodeMirror-scroll").wait_for()
    assert page.evaluate("document.documentElement.scrollHeight") <= 900
    editor, side = page.locator(".editor").bounding_box(), page.locator("#side").bounding_box()
    assert editor is not None and side is not None
    assert editor["height"] > 500 and abs(editor["y"] + editor["height"] - side["y"] - side["height"]) < 2


def test_compact_rows_are_lower_and_remembered(page: Page, site: Site) -> None:
    site.pages["executions"] = many({**execution(3), "status": "FAILED", "statusMessage": "It failed."}, 25)
    # Asked in the page, since news may exchange the table between two questions.
    height = "document.querySelector('table.list').getBoundingClientRect().height"
    page.goto("/executions")
    roomy = page.evaluate(height)
    page.get_by_role("button", name="Compact rows").click()
    page.reload()
    assert 0 < page.evaluate(height) < 0.7 * roomy


def test_on_a_phone_the_box_of_a_push_is_before_its_first_line(page: Page, site: Site) -> None:
    site.pages["registry-events"] = many(
        {"imageName": "acme/web", "tag": "1", "verdict": "started", "webhookId": "w"}, 2
    )
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto("/activity")
    row = page.locator("table.pushes tbody tr").first
    box, time, image = (row.locator(name).bounding_box() for name in (".choose input", "time", ".image"))
    assert box is not None and time is not None and image is not None
    assert box["x"] < time["x"] and abs(box["y"] - time["y"]) < 10
    assert image["y"] > box["y"] + box["height"]


def test_on_a_phone_the_navigation_shows_where_one_is_when_a_count_has_moved_it(page: Page, site: Site) -> None:
    site.pages["user-operations"] = many({"name": "May it", "_mayAnswer": True}, 3)
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto("/health")
    page.locator("#approvals-count .count").wait_for()
    page.wait_for_function("document.querySelector('nav [aria-current]').getBoundingClientRect().right <= innerWidth")


def test_all_by_keyboard_rows_are_chosen_and_acted_on(page: Page, site: Site) -> None:
    """From the first Tab: to the content, to the boxes, through the dialog, with no pointer."""
    site.pages["executions"] = many({**execution(1), "status": "RUNNING", "project": "default"}, 3)
    page.goto("/executions")
    keys = page.keyboard
    keys.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    keys.press("Enter")
    reach(page, "document.activeElement.matches('[data-choose-all]')")
    keys.press("Space")
    page.locator(".chosen[data-some]").wait_for()
    reach(page, "document.activeElement.closest('.chosen') && document.activeElement.value === 'cancel'")
    keys.press("Enter")
    dialog = page.locator("#confirm")
    dialog.wait_for()
    assert dialog.locator("h2").inner_text() == "Cancel 3 executions?"
    keys.type("the wrong tag")
    reach(page, "document.activeElement.dataset.part === 'do'")
    keys.press("Enter")
    page.locator(".toast").wait_for()
    sent = [(ask.verb, ask.id, ask.body) for ask in site.asked if isinstance(ask, Act)]
    assert sent == [("cancel", f"x{place}", {"reason": "the wrong tag"}) for place in range(3)]


@pytest.mark.parametrize(
    ("path", "name"),
    [("/pipelines/new", "Save"), ("/webhooks/new", "Save"), ("/variables/new", "Save"), ("/endpoints/new", "Create")],
)
def test_all_by_keyboard_a_form_is_reached_and_sent(page: Page, site: Site, path: str, name: str) -> None:
    """Tab leads to the button that stores, through every field and out of the editor's text, never into a trap."""
    page.goto(path)
    reach(page, f"document.activeElement.tagName === 'BUTTON' && document.activeElement.innerText === {name!r}")


def reach(page: Page, condition: str, most: int = 150) -> None:
    """Press Tab until the condition holds."""
    for _ in range(most):
        if page.evaluate(f"Boolean({condition})"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{most} times Tab do not lead to where {condition}")


def test_groups_and_projects_of_a_rule_are_found_as_one_types(page: Page, site: Site) -> None:
    """The last part between commas is completed; what stands before it stays."""
    site.documents["users"] = {"names": ["release managers"]}
    page.goto("/settings/providers/new")
    for label, of in (("Groups of rule 1", "groups"), ("Projects of rule 1", "projects")):
        field = page.get_by_label(label)
        field.press_sequentially("ops, rel")
        option = page.locator(f"datalist[id='{field.get_attribute('list')}'] option")
        expect(option).to_have_attribute("value", "ops, release managers")
        asks = [ask.options for ask in site.asked if isinstance(ask, Get) and "suggest" in ask.options]
        assert asks[-1] == {"suggest": "rel", "of": of}


def test_whom_new_notifications_go_to_is_picked_among_people_and_groups(page: Page, site: Site) -> None:
    site.documents["users"] = {"names": ["ann", "release managers"]}
    site.documents["settings"] = {"publicUrl": "https://cd.example.com", "notifyTo": "ops@example.com"}
    page.goto("/settings")
    page.get_by_placeholder("Find people and groups").fill("release managers")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Mail goes to", exact=True)).to_have_value("ops@example.com, release managers")
