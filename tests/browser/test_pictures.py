"""Each how-to about a page shows that page: the pictures, made of a system with sample data when they are asked for.

PORTSIDE_SCREENSHOTS=1 .venv/bin/python -m pytest tests/browser/test_pictures.py
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests import support
from tests.support.world import World

from .conftest import a_system, waiting

pytestmark = pytest.mark.browser
EXPORT = (Path(support.__file__).parent / "exported" / "chat-8-1.yaml").read_text()
PLACES = {
    "page-approvals": ("/approvals", "May it go on?"),
    "page-templates": ("/pipelines/templates", "Push to Kubernetes"),
    "page-live": ("/live", "acme/web"),
    "page-why": ("/activity/why?image=acme/web:1.4.0", "Deploy web"),
    "page-webhooks": ("/webhooks", "acme/web"),
    "page-endpoints": ("/endpoints", "cluster"),
    "page-cluster": ("/endpoints/new?type=k8s", "Address of the cluster"),
    "page-people": ("/people", "admin"),
    "page-settings": ("/settings", "Public address"),
    "page-health": ("/health", "RabbitMQ"),
    "page-account": ("/account", "admin"),
    "page-api": ("/docs/api", "The API of Portside"),
}
"""By picture: the page, and what it shows once it is there."""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    yield from a_system(tmp_path_factory.mktemp("pictures"), define=True)


@pytest.fixture(scope="module")
def pushed(world: World) -> World:
    """With a push that was deployed, and a question that waits."""
    world.push("1.4.0")
    world.ended("1.4.0")
    waiting(world, "Ship web")
    return world


@pytest.mark.parametrize("picture", PLACES)
def test_a_page_is_shown_by_its_how_to(
    pushed: World, page: Page, photograph: Callable[..., None], picture: str
) -> None:
    address, text = PLACES[picture]
    page.goto(pushed.layout.url + address)
    expect(page.locator("main").get_by_text(text).locator("visible=true").first).to_be_visible()
    photograph(picture)


def test_the_lines_for_a_build_are_shown_by_their_how_to(
    pushed: World, page: Page, photograph: Callable[..., None]
) -> None:
    pipeline = pushed.client.by_name("pipelines", "default", "Deploy web")
    page.goto(f"{pushed.layout.url}/pipelines/{pipeline['id']}/build")
    expect(page.get_by_role("heading", name="GitHub Actions")).to_be_visible()
    photograph("page-builds")


def test_the_source_of_a_project_is_shown_by_its_how_to(
    pushed: World, page: Page, photograph: Callable[..., None]
) -> None:
    project = next(row for row in pushed.client.documents("/projects") if row["name"] == "default")
    page.goto(f"{pushed.layout.url}/projects/{project['id']}")
    page.get_by_label("Git endpoint").fill("config")
    page.get_by_label("Folder").fill("portside")
    page.locator("#source").scroll_into_view_if_needed()
    photograph("page-source")


def test_notifications_are_shown_by_their_how_to(pushed: World, page: Page, photograph: Callable[..., None]) -> None:
    pipeline = pushed.client.by_name("pipelines", "default", "Deploy web")
    page.goto(f"{pushed.layout.url}/pipelines/{pipeline['id']}/edit?tab=notifications")
    page.get_by_role("button", name="+ Slack").click()
    expect(page.locator("#notification-form")).to_contain_text("Endpoint")
    photograph("page-notifications")


def test_a_schedule_is_shown_by_its_how_to(pushed: World, page: Page, photograph: Callable[..., None]) -> None:
    pipeline = pushed.client.by_name("pipelines", "default", "Deploy web")
    page.goto(f"{pushed.layout.url}/pipelines/{pipeline['id']}/schedules/new")
    expect(page.get_by_role("heading", name="Schedule").first).to_be_visible()
    photograph("page-schedule")


def test_an_import_is_shown_by_its_how_to(pushed: World, page: Page, photograph: Callable[..., None]) -> None:
    page.goto(f"{pushed.layout.url}/pipelines/import")
    page.get_by_label("YAML", exact=True).fill(EXPORT.replace("project: Shop", "project: default"))
    page.get_by_role("button", name="Show the plan").click()
    expect(page.get_by_role("heading", name="Will not run")).to_be_visible()
    expect(page.get_by_role("heading", name="Needs a secret")).to_be_visible()
    expect(page.locator("#will-not-run")).to_contain_text("tasks of type Blueprint do not run here")
    page.locator("#will-not-run").scroll_into_view_if_needed()
    photograph("page-import")
