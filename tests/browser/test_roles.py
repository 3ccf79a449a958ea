"""Buttons are drawn for who may press them: a viewer and an executor sign in by clicks and look at every page."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.world import World

from .conftest import PAGES, WAIT_MS, WIDE, a_system, confirm, hindrances, waiting

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
PASSWORD = "a long enough password"
READING = {
    *("Filter", "Say why", "YAML", "Versions", "From a build", "Export"),
    *(
        "Who may do what",
        "What changed",
        "Answered",
        "Open the run",
        "Show the payload",
        "Download",
        "Compact rows",
    ),
    # A token acts as its owner, so that everybody may have one.
    *("Generate", "Close"),
    # Signing the command in, as oneself.
    "Next",
    # A tag of the registry, offered beside the form: it only fills the form in.
    "1.4.0",
    # My account.
    *("Change Password", "New Token", "Create Token", "Revoke", "End", "End All Others", "Back"),
}
RUNNING = {
    *("Run", "Dry run", "Rerun", "Rerun from failed", "Pause", "Cancel", "Run anyway"),
    *("Test", "Deploy this again", "Approve", "Reject"),
}
OFFERED = """() => [...document.querySelectorAll('main :is(button, a.button)')]
  .filter(one => !one.disabled && one.checkVisibility())
  .map(one => { const shown = one.cloneNode(true);
    shown.querySelectorAll('.unseen').forEach(other => other.remove()); return shown.textContent.trim(); })"""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    for world in a_system(tmp_path_factory.mktemp("roles"), define=True):
        for name, role in (("vera", "Viewer"), ("emil", "Executor")):
            email = f"{name}@example.com"
            world.client.post(
                "/users", {"name": name, "email": email, "serviceRole": role, "password": PASSWORD, "enabled": True}
            )
        world.push("1.4.0")
        world.ended("1.4.0")
        world.client.post("/variables", {"project": "default", "name": "REGION", "type": "REGULAR", "value": "eu"})
        waiting(world, "Ask admin")
        waiting(world, "Ask all", approvers="")
        yield world


def _signed_in(world: World, chromium: Browser, name: str) -> Page:
    page = chromium.new_context(viewport=WIDE).new_page()  # type: ignore[arg-type]
    page.set_default_timeout(WAIT_MS)
    page.goto(world.layout.url)
    page.get_by_label("User name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Executions")).to_be_visible()
    return page


def _addresses(world: World) -> list[str]:
    """Every page, also those of single things."""
    of = {
        "/pipelines": "pipelines",
        "/endpoints": "endpoints",
        "/variables": "variables",
        "/webhooks": "registry-webhooks",
        "/executions": "executions",
        "/activity": "registry-events",
        "/live": "deployments",
        "/projects": "projects",
    }
    single = [f"{page}/{one['id']}" for page, kind in of.items() for one in world.documents(f"/{kind}")]
    pipelines = [address for address in single if address.startswith("/pipelines/")]
    return [*PAGES, *single, *(f"{one}/{part}" for one in pipelines for part in ("edit", "versions", "schedules/new"))]


def _offered(world: World, page: Page) -> dict[str, set[str]]:
    """The words on all buttons that can be pressed, by page."""
    found = {}
    for address in _addresses(world):
        page.goto(f"{world.layout.url}{address}")
        page.wait_for_load_state()
        found[address] = set(page.evaluate(OFFERED)) - READING - {""}
    return {address: words for address, words in found.items() if words}


def test_a_viewer_reads_everything_and_is_offered_nothing_to_press(world: World, chromium: Browser) -> None:
    page = _signed_in(world, chromium, "vera")
    assert _offered(world, page) == {}
    endpoint = world.client.by_name("endpoints", "default", "acme-web")
    page.goto(f"{world.layout.url}/endpoints/{endpoint['id']}")
    expect(page.get_by_text("Read-only: only members of project")).to_be_visible()
    expect(page.get_by_label("Name", exact=True)).to_be_disabled()
    assert not hindrances(page)
    page.goto(f"{world.layout.url}/webhooks/new")
    expect(page.get_by_role("heading", level=1)).to_have_text("You have read-only access.")
    expect(page.get_by_text("Ask admin")).to_be_visible()
    page.context.close()


def test_an_executor_is_offered_what_runs_and_each_does_what_it_says(world: World, chromium: Browser) -> None:
    page = _signed_in(world, chromium, "emil")
    offered = _offered(world, page)
    assert {address: words - RUNNING for address, words in offered.items() if words - RUNNING} == {}
    assert set().union(*offered.values()) >= {"Run", "Rerun", "Cancel", "Test", "Deploy this again", "Approve"}
    page.goto(f"{world.layout.url}/approvals")
    expect(page.get_by_role("button", name="Approve")).to_have_count(1)
    page.get_by_role("button", name="Approve").click()
    confirm(page, "Approve")
    expect(page.get_by_role("button", name="Approve")).to_have_count(0)
    expect(page.get_by_text("You are not an approver.")).to_be_visible()
    page.goto(f"{world.layout.url}/webhooks")
    page.get_by_role("button", name="Test").click()
    expect(page.locator(".hops li")).to_have_count(4)
    page.goto(f"{world.layout.url}/live")
    page.get_by_role("link", name="web", exact=True).click()
    page.get_by_role("button", name="Deploy this again").first.click()
    confirm(page, "Deploy")
    expect(page.get_by_role("heading", name="Deploy web")).to_contain_text("completed")
    page.context.close()


def test_a_push_that_is_run_again_leads_to_its_run(world: World, chromium: Browser) -> None:
    page = _signed_in(world, chromium, "emil")
    page.goto(f"{world.layout.url}/activity")
    page.get_by_role("row").filter(has_text="1.4.0").get_by_role("button", name="Rerun").last.click()
    confirm(page, "Rerun")
    expect(page.get_by_role("heading", name="Deploy web")).to_contain_text("completed")
    page.get_by_role("link", name="acme/web:1.4.0", exact=True).click()
    page.get_by_role("link", name="an earlier event").click()
    page.context.close()
