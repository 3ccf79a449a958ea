"""A person at the pages: Debian's Chromium, a screenshot of what one sees, and what stands in a blind reader's way."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from cli import system
from tests.support import needs
from tests.support.world import World, a_world, wait_for

IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"
AXE = (Path(__file__).parent / "vendor" / "axe-4.14.1.min.js").read_text()
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WIDE, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
WAIT_MS = 60_000
"""Only a test that fails waits to the end of it."""
PAGES = (
    "/executions",
    "/activity",
    "/webhooks",
    "/webhooks/new",
    "/pipelines",
    "/pipelines/new?tab=head",
    "/pipelines/new?tab=input",
    "/pipelines/new?stage=Deploy&task=Apply",
    "/pipelines/import",
    "/pipelines/templates",
    "/pipelines/templates/push-to-kubernetes",
    "/live",
    "/projects",
    "/projects/new",
    "/people",
    "/people/new",
    "/people/roles",
    "/notices",
    "/queues",
    "/audit",
    "/health",
    "/endpoints",
    "/endpoints/new?type=docker",
    "/endpoints/new?type=k8s",
    "/variables",
    "/variables/new",
    "/approvals",
    "/tokens/new",
    "/settings",
    "/settings/providers/new",
    "/account",
    "/account/tokens/new",
    "/device",
)
"""What the navigation and the lists lead to."""
ASKING = """
kind: PIPELINE
name: {name}
project: default
enabled: true
stageOrder: [Ask]
stages:
  Ask:
    taskOrder: [May it]
    tasks:
      May it:
        type: UserOperation
        input: {{summary: "May it go on?", approvers: [admin]}}
"""
"""A pipeline that waits for an approval, as YAML."""
expect.set_options(timeout=WAIT_MS)


def a_system(folder: Path, *, define: bool, pace_s: float = 1.0) -> Iterator[World]:
    """Everything started as `make up` and the fakes beside it start it."""
    with a_world(folder, runners=1, define=define, pace_s=pace_s) as running:
        yield running


def happened(page: Page, holds: Callable[[], object]) -> None:
    """Wait for what the browser tells this process: it is heard only while the browser is asked something."""
    deadline = time.monotonic() + WAIT_MS / 1000
    while not holds():
        assert time.monotonic() < deadline, "it did not happen"
        page.wait_for_timeout(20)


def confirm(page: Page, word: str) -> None:
    """Press the button of the dialog that asks whether something is meant."""
    page.locator("#confirm").get_by_role("button", name=word, exact=True).click()


def waiting(world: World, name: str, approvers: str = "admin") -> str:
    """Start a pipeline that asks, and return the run's id once it waits."""
    world.client.import_yaml(ASKING.format(name=name).replace("[admin]", f"[{approvers}]"), "apply")
    pipeline = world.client.by_name("pipelines", "default", name)
    id = str(world.client.post(f"/pipelines/{pipeline['id']}/executions", {})["executionId"])
    wait_for(lambda: world.get(f"/executions/{id}")["status"] == "WAITING", f"{name} to wait")
    return id


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=needs.chromium(), args=ARGUMENTS)
        yield browser
        browser.close()


@contextmanager
def at_sign_in(chromium: Browser, base_url: str) -> Iterator[Page]:
    """Another person's browser, at the sign-in page."""
    context = chromium.new_context(viewport=WIDE)  # type: ignore[arg-type]
    opened = context.new_page()
    opened.set_default_timeout(WAIT_MS)
    opened.goto(f"{base_url}/sign-in")
    yield opened
    context.close()


@pytest.fixture(scope="module")
def page(world: World, chromium: Browser) -> Iterator[Page]:
    """Signed in by the one-time link; whatever the console calls an error fails the module."""
    context = chromium.new_context(viewport=WIDE)  # type: ignore[arg-type]
    opened = context.new_page()
    opened.set_default_timeout(WAIT_MS)
    errors: list[str] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.goto(system.sign_in_link(world.layout, world.environment))
    yield opened
    context.close()
    assert not errors


@pytest.fixture
def photograph(page: Page) -> Callable[..., None]:
    """A screenshot for the documentation; kept only when its pictures are made again."""

    def take(name: str, *, whole: bool = False) -> None:
        if os.environ.get("PORTSIDE_SCREENSHOTS"):
            IMAGES.mkdir(parents=True, exist_ok=True)
            expect(page.locator("#first-steps.htmx-request")).to_have_count(0)
            page.evaluate("whole => whole && scrollTo(0, 0)", whole)
            page.screenshot(path=IMAGES / f"{name}.png", full_page=whole)

    return take


def hindrances(page: Page) -> list[str]:
    """What axe calls serious or critical on the page that is open, in words."""
    page.evaluate(AXE)
    found: dict[str, Any] = page.evaluate("axe.run()")
    return [
        f"{one['id']}: {one['help']}: {'; '.join(' '.join(map(str, node['target'])) for node in one['nodes'][:4])}"
        for one in found["violations"]
        if one["impact"] in ("serious", "critical")
    ]
