"""A run as a person sees it: signed in by the one-time link, the list and the run move without a reload."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.support.world import World

from .conftest import a_system

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
    expect(_seen(page, "started")).to_be_visible()
    expect(_seen(page, "1.4.1")).to_be_visible()
    photograph("activity")
