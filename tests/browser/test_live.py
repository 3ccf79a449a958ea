"""A run as a person sees it: signed in by the one-time link, the list and the run move without a reload."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect, sync_playwright

from cli import system
from tests.support import needs
from tests.support.world import World, a_world

pytestmark = pytest.mark.browser
IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with a_world(tmp_path_factory.mktemp("browser"), runners=1) as running:
        yield running


@pytest.fixture(scope="module")
def page(world: World) -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=needs.chromium(), args=ARGUMENTS)
        opened = browser.new_page(viewport={"width": 1280, "height": 800})
        opened.set_default_timeout(20_000)
        opened.goto(system.sign_in_link(world.layout, world.told))
        yield opened
        browser.close()


def _seen(page: Page, text: str) -> Locator:
    """The first visible piece of the page's own content that says so; filters list the same words unseen."""
    return page.locator("main").get_by_text(text).locator("visible=true").first


expect.set_options(timeout=15_000)


def _photograph(page: Page, name: str) -> None:
    """Kept only when the documentation's pictures are made again."""
    if os.environ.get("PORTSIDE_SCREENSHOTS"):
        IMAGES.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=IMAGES / f"{name}.png")


def test_a_push_appears_in_the_list_and_completes_without_a_reload(world: World, page: Page) -> None:
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
    _photograph(page, "executions")


def test_a_run_is_followed_stage_by_stage_without_a_reload(world: World, page: Page) -> None:
    world.push("1.5.0")
    link = world.execution_of("1.5.0")["_link"]
    page.goto(f"{world.layout.url}/executions/{link.rpartition('/')[2]}")
    page.evaluate("window.notReloaded = true")
    for name in ("Check", "Deploy", "Report", "Apply"):
        expect(_seen(page, name)).to_be_visible()
    world.ended("1.5.0")
    expect(_seen(page, "Execution Completed")).to_be_visible()
    assert page.evaluate("window.notReloaded") is True
    _photograph(page, "execution")


def test_a_roll_out_that_fails_says_why_on_its_page(world: World, page: Page) -> None:
    world.push("broken")
    execution = world.ended("broken")
    assert execution["status"] == "FAILED"
    page.goto(f"{world.layout.url}/executions/{execution['id']}")
    expect(_seen(page, "ImagePullBackOff")).to_be_visible()
    _photograph(page, "failed")


def test_activity_gives_every_push_its_verdict(world: World, page: Page) -> None:
    page.goto(f"{world.layout.url}/activity")
    expect(_seen(page, "started")).to_be_visible()
    expect(_seen(page, "1.4.1")).to_be_visible()
    _photograph(page, "activity")
