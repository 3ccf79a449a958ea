"""docs/how-to/sign-on.md followed with a certified server from an empty system: in, and out within a minute."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.patience import PATIENCE_S
from tests.support.real_oidc import CLIENT, SCOPES, SECRET, RealProvider, a_real_provider
from tests.support.world import World, wait_for

from .conftest import a_system, at_sign_in

pytestmark = [pytest.mark.browser, pytest.mark.oidc, pytest.mark.outer, pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    yield from a_system(tmp_path_factory.mktemp("real-provider"), define=False)


@pytest.fixture(scope="module")
def provider(world: World) -> Iterator[RealProvider]:
    with a_real_provider(world.layout.public_url) as running:
        yield running


@pytest.fixture
def ann(world: World, chromium: Browser) -> Iterator[Page]:
    """Ann's browser, at the sign-in page."""
    with at_sign_in(chromium, world.layout.public_url) as opened:
        yield opened


def _come_in(page: Page) -> None:
    page.get_by_role("link", name="Sign in with Acme SSO").click()
    page.locator("[name=login]").fill("ann")
    page.locator("[name=password]").fill("whatever the directory wants")
    page.get_by_role("button", name="Sign-in").click()
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", name="Executions")).to_be_visible()


def test_a_provider_is_set_up_as_the_how_to_says(world: World, page: Page, provider: RealProvider) -> None:
    page.get_by_role("navigation").get_by_role("link", name="Settings").click()
    page.get_by_role("link", name="New Provider").click()
    expect(page.get_by_text(f"{world.layout.public_url}/sign-in/callback")).to_be_visible()
    page.get_by_label("Name", exact=True).fill("acme")
    page.get_by_label("Title").fill("Acme SSO")
    page.get_by_label("Issuer").fill(provider.issuer)
    page.get_by_label("Client ID").fill(CLIENT)
    page.get_by_label("Client secret").fill(SECRET)
    page.get_by_text("Advanced").click()
    page.get_by_label("Scopes").fill(SCOPES)
    page.get_by_label("It may be on the runner's own machine").check()
    page.get_by_label("Claim of rule 1").fill("groups")
    page.get_by_label("Value of rule 1").fill("devs")
    page.get_by_label("Service role of rule 1").select_option("Viewer")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("link", name="Acme SSO")).to_be_visible()


def test_somebody_comes_in_by_groups_that_only_userinfo_holds_and_leaves_there_too(
    world: World, ann: Page, provider: RealProvider
) -> None:
    _come_in(ann)
    user = world.get("/users/ann")
    assert (user["serviceRole"], user["provider"], user["email"]) == ("Viewer", "acme", "ann@example.com")
    ann.get_by_role("button", name="Sign out").click()
    ann.get_by_role("button", name="Yes, sign me out").click()
    expect(ann.get_by_role("link", name="Sign in with Acme SSO")).to_be_visible()
    assert ann.url.startswith(f"{world.layout.public_url}/sign-in")


def test_whom_the_provider_disables_is_out_within_a_minute(world: World, ann: Page, provider: RealProvider) -> None:
    _come_in(ann)
    provider.disable()
    wait_for(lambda: _is_out(ann, world), "Ann to be out", 60 + PATIENCE_S)
    assert ("system", "ended by acme") in [(row["user"], row["action"]) for row in world.documents("/audit")]


def _is_out(page: Page, world: World) -> bool:
    page.goto(f"{world.layout.public_url}/account")
    return page.url.startswith(f"{world.layout.public_url}/sign-in")
