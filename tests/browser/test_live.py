"""A run as a person sees it: signed in by the one-time link, list and run move without a reload; and a hasty hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Dialog, Locator, Page, expect

from tests.support.world import World, wait_for

from .conftest import ASKING, a_system, at_sign_in, happened, waiting
from .keyboard import answer, press, reach

pytestmark = pytest.mark.browser
FAILS = """
kind: PIPELINE
name: Nightly checks
project: default
enabled: true
stageOrder: [Check]
stages:
  Check:
    taskOrder: [Say, Fail]
    tasks:
      Say: {type: Log, input: {message: the last words}}
      Fail: {type: Condition, input: {condition: "1 == 2"}}
"""


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
    happened(page, lambda: asked == ["beforeunload"])

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


@pytest.fixture(scope="module")
def typist(world: World, chromium: Browser) -> Iterator[Page]:
    """Somebody without a pointer, who signs in by typing; whatever the console calls an error fails the module."""
    with at_sign_in(chromium, world.layout.url) as opened:
        errors: list[str] = []
        opened.on("pageerror", lambda error: errors.append(str(error)))
        reach(opened, opened.get_by_label("User name"))
        opened.keyboard.type("admin")
        reach(opened, opened.get_by_label("Password", exact=True))
        opened.keyboard.type(world.layout.password_file.read_text().strip())
        opened.keyboard.press("Enter")
        expect(opened.get_by_role("heading", name="Executions")).to_be_visible()
        yield opened
        assert not errors


def _to(page: Page, name: str) -> None:
    press(page, page.get_by_role("navigation", name="Main").get_by_role("link", name=name))
    expect(page.get_by_role("heading", level=1)).to_contain_text(name)


def test_all_by_keyboard_help_is_read_and_a_failure_found_and_its_log_read(world: World, typist: Page) -> None:
    world.client.import_yaml(FAILS, "apply")
    pipeline = world.client.by_name("pipelines", "default", "Nightly checks")
    id = str(world.client.post(f"/pipelines/{pipeline['id']}/executions", {})["executionId"])
    wait_for(lambda: world.get(f"/executions/{id}")["status"] == "FAILED", "the run to fail")
    help = typist.get_by_role("dialog", name="Keys")
    typist.keyboard.press("?")
    expect(help).to_be_visible()
    typist.keyboard.press("Escape")
    expect(help).to_be_hidden()
    keys = typist.get_by_role("button", name="Keys")
    press(typist, keys)
    expect(help).to_be_visible()
    typist.keyboard.press("Escape")
    expect(keys).to_be_focused()
    typist.keyboard.press("/")
    search = typist.get_by_role("searchbox", name="Search")
    expect(search).to_be_focused()
    typist.keyboard.type("Nightly")
    chips = typist.get_by_role("list", name="Filters in force")
    expect(chips).to_contain_text("Nightly")
    expect(search).to_be_focused()
    press(typist, typist.get_by_role("link", name="Nightly checks #1", exact=True))
    expect(typist.get_by_role("region", name="Task Check.Fail")).to_be_visible()
    press(typist, typist.locator("a.task").filter(has_text="Say"))
    log = typist.get_by_role("log", name="Log of Say")
    expect(log).to_contain_text("the last words")
    reach(typist, log)


def test_all_by_keyboard_a_pipeline_is_run_and_its_question_answered(world: World, typist: Page) -> None:
    world.client.import_yaml(ASKING.format(name="Typed"), "apply")
    _to(typist, "Pipelines")
    press(typist, typist.get_by_role("link", name="Typed", exact=True))
    answer(typist, typist.get_by_role("button", name="Run", exact=True), "Run")
    expect(typist.get_by_role("heading", name="Typed #1")).to_contain_text("waiting")
    _to(typist, "Approvals")
    card = typist.locator("section.card").filter(has_text="Typed #1")
    answer(typist, card.get_by_role("button", name="Approve"), "Approve", "as agreed")
    wait_for(lambda: _statuses(world, "Typed") == ["COMPLETED"], "the approved run to end")


def test_all_by_keyboard_a_run_is_cancelled_with_its_reason(world: World, typist: Page) -> None:
    id = waiting(world, "Typed")
    _to(typist, "Executions")
    press(typist, typist.get_by_role("link", name="Typed #2", exact=True))
    answer(typist, typist.get_by_role("button", name="Cancel", exact=True), "Cancel the run", "the wrong tag")
    expect(typist.locator("#live")).to_contain_text("Reason: the wrong tag")
    assert world.get(f"/executions/{id}")["status"] == "CANCELED"


def test_all_by_keyboard_a_list_is_filtered_the_theme_switched_and_a_pipeline_edited(
    world: World, typist: Page
) -> None:
    _to(typist, "Executions")
    reach(typist, typist.get_by_role("search").get_by_label("Status"))
    typist.keyboard.type("canceled")
    typist.keyboard.press("Enter")
    chips = typist.get_by_role("list", name="Filters in force")
    expect(chips).to_contain_text("canceled")
    press(typist, chips.get_by_role("link").first)
    expect(chips).to_have_count(0)
    ground = "getComputedStyle(document.body).backgroundColor"
    before = typist.evaluate(ground)
    press(typist, typist.get_by_role("button", name="Switch theme"))
    assert typist.evaluate(ground) != before
    _to(typist, "Pipelines")
    press(typist, typist.get_by_role("link", name="Nightly checks", exact=True))
    press(typist, typist.get_by_role("link", name="Edit", exact=True))
    reach(typist, typist.get_by_role("textbox", name="Pipeline as YAML"))
    typist.keyboard.press("Control+End")
    typist.keyboard.type("icon: rocket\n")
    # Tab leaves the text, and the whole page is gone round to its first button.
    press(typist, typist.get_by_role("button", name="Save", exact=True))
    expect(typist.get_by_role("heading", level=1)).to_contain_text("Nightly checks")
    expect(typist.get_by_role("link", name="Edit", exact=True)).to_be_visible()
    assert world.client.by_name("pipelines", "default", "Nightly checks")["icon"] == "rocket"


def _statuses(world: World, name: str) -> list[object]:
    return [run["status"] for run in world.client.documents(f"/executions?$filter=name eq '{name}'")]
