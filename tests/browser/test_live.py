"""A run as a person sees it: signed in by the one-time link, list and run move without a reload; and a hasty hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Dialog, Locator, Page, expect

from tests.support.world import World, wait_for

from .conftest import ASKING, a_system

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    yield from a_system(tmp_path_factory.mktemp("browser"), define=True)


def _seen(page: Page, text: str) -> Locator:
    """The first visible piece of the page's own content that says so; filters list the same words unseen."""
    return page.locator("main").get_by_text(text).locator("visible=true").first


def test_a_push_appears_in_the_list_and_completes_without_a_reload(
    world: World, page: Page, photograph: Callable[..., None]
) -> None:
    page.goto(f"{world.layout.url}/executions")
    page.evaluate("window.notReloaded = true")
    world.push("1.4.0")
    expect(_seen(page, "Deploy web")).to_be_visible()
    world.ended("1.4.0")
    expect(_seen(page, "completed")).to_be_visible()
    world.push("1.4.1")
    world.ended("1.4.1")
    expect(_seen(page, "1.4.1")).to_be_visible()
    assert page.evaluate("window.notReloaded") is True
    photograph("executions")


def test_a_run_is_followed_stage_by_stage_without_a_reload(
    world: World, page: Page, photograph: Callable[..., None]
) -> None:
    world.push("1.5.0")
    link = world.execution_of("1.5.0")["_link"]
    page.goto(f"{world.layout.url}/executions/{link.rpartition('/')[2]}")
    page.evaluate("window.notReloaded = true")
    for name in ("Check", "Deploy", "Report", "Apply"):
        expect(_seen(page, name)).to_be_visible()
    world.ended("1.5.0")
    expect(_seen(page, "Execution Completed")).to_be_visible()
    assert page.evaluate("window.notReloaded") is True
    photograph("execution")


def test_a_roll_out_that_fails_says_why_on_its_page(world: World, page: Page, photograph: Callable[..., None]) -> None:
    world.push("broken")
    execution = world.ended("broken")
    assert execution["status"] == "FAILED"
    page.goto(f"{world.layout.url}/executions/{execution['id']}")
    expect(_seen(page, "ImagePullBackOff")).to_be_visible()
    photograph("failed")


def test_activity_gives_every_push_its_verdict(world: World, page: Page, photograph: Callable[..., None]) -> None:
    page.goto(f"{world.layout.url}/activity")
    expect(_seen(page, "completed")).to_be_visible()
    expect(_seen(page, "1.4.1")).to_be_visible()
    photograph("activity")


def _asking(world: World) -> str:
    """A pipeline that asks, by its id."""
    world.client.import_yaml(ASKING.format(name="Ask"), "apply")
    return str(world.client.by_name("pipelines", "default", "Ask")["id"])


def _runs(world: World) -> list[dict[str, object]]:
    return list(world.client.get("/executions?$filter=name eq 'Ask'")["documents"].values())


def test_a_double_click_starts_one_run(world: World, page: Page) -> None:
    page.goto(f"{world.layout.url}/pipelines/{_asking(world)}")
    page.get_by_role("button", name="Run", exact=True).click()
    page.locator("#confirm").get_by_role("button", name="Run", exact=True).dblclick()
    expect(page.get_by_role("heading", name="Ask #1")).to_contain_text("waiting")
    assert len(_runs(world)) == 1


def test_a_message_to_an_approval_outlives_redraws_and_enter_decides_nothing(world: World, page: Page) -> None:
    pipeline = _asking(world)
    page.goto(f"{world.layout.url}/approvals")
    page.get_by_role("button", name="Reject").first.click()
    message = page.get_by_label("Reason, shown on the run")
    message.fill("wait for ann")
    message.press("Enter")
    known = len(_runs(world))
    id = str(world.client.post(f"/pipelines/{pipeline}/executions", {})["executionId"])
    wait_for(lambda: world.get(f"/executions/{id}")["status"] == "WAITING", "a second question")
    page.wait_for_timeout(1_000)
    expect(message).to_have_value("wait for ann\n")
    assert {run["status"] for run in _runs(world)} == {"WAITING"} and len(_runs(world)) == known + 1
    page.locator("#confirm").get_by_role("button", name="Reject").click()
    wait_for(lambda: "FAILED" in {run["status"] for run in _runs(world)}, "the answer to count")


def test_what_was_written_outlives_its_session_and_a_step_back(world: World, page: Page) -> None:
    address = f"{world.layout.url}/pipelines/{_asking(world)}"
    page.goto(f"{address}/edit")
    page.locator(".CodeMirror").click()
    page.keyboard.press("Control+End")
    page.keyboard.type("icon: rocket\n")
    asked: list[str] = []

    def dismiss(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    page.once("dialog", dismiss)
    page.get_by_role("link", name="Cancel").click()
    wait_for(lambda: asked == ["beforeunload"], "the question whether to leave")

    cookies = page.context.cookies()
    page.context.clear_cookies()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("Your session has ended")
    page.context.add_cookies(cookies)  # type: ignore[arg-type]
    page.get_by_role("button", name="Save").click()
    expect(page).to_have_url(address)
    assert world.client.by_name("pipelines", "default", "Ask")["icon"] == "rocket"


def test_of_two_tabs_the_later_is_told_before_it_writes_over_the_other(world: World, page: Page) -> None:
    address = f"{world.layout.url}/pipelines/{_asking(world)}"
    other = page.context.new_page()
    for tab in (page, other):
        tab.goto(f"{address}/edit")
        tab.locator(".CodeMirror").click()
        tab.keyboard.press("Control+End")
        tab.keyboard.type("icon: one\n" if tab is page else "icon: two\n")
    page.get_by_role("button", name="Save").click()
    expect(page).to_have_url(address)
    other.get_by_role("button", name="Save").click()
    expect(other.get_by_role("alert")).to_contain_text("admin saved Ask after this form was opened.")
    assert world.client.by_name("pipelines", "default", "Ask")["icon"] == "one"
    other.get_by_role("button", name="Save").click()
    expect(other).to_have_url(address)
    assert world.client.by_name("pipelines", "default", "Ask")["icon"] == "two"
    other.close()

    endpoint = world.client.by_name("endpoints", "default", "acme-web")
    page.goto(f"{world.layout.url}/endpoints/{endpoint['id']}")
    world.client.patch(f"/endpoints/{endpoint['id']}", {"description": "changed meanwhile"})
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("admin saved acme-web after this form was opened.")
    page.reload()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Endpoints")).to_be_visible()
