"""Webhooks as a person keeps them: every field of the form, a test of every hop, why an image was not deployed."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from cli import demo
from tests.support.world import World, wait_for

from .conftest import a_system, hindrances

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
WRITTEN = (
    *("name", "project", "description", "enabled", "mode", "endpoint", "pipeline", "repoName", "input", "refreshToken"),
    *("imageNameRegExPattern", "tagNamePattern", "exclude", "gatherSeconds", "platforms", "sourceNetworks", "signed"),
)
HOPS = ("Address reachable", "Token good", "Matched", "Would run")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    yield from a_system(tmp_path_factory.mktemp("webhooks"), define=True)


def webhook(world: World) -> dict[str, object]:
    return world.client.by_name("registry-webhooks", "default", demo.WEBHOOK)


def card(page: Page, world: World) -> None:
    """The list of webhooks."""
    page.goto(f"{world.layout.url}/webhooks")


def form(page: Page, world: World) -> None:
    card(page, world)
    page.get_by_role("heading", name=demo.WEBHOOK).get_by_role("link").click()
    expect(page.get_by_role("button", name="Save")).to_be_visible()


def save(page: Page) -> None:
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Webhooks for Docker")).to_be_visible()


def test_every_advanced_field_is_filled_in_kept_and_shown_again(world: World, page: Page) -> None:
    form(page, world)
    if not page.get_by_label("Description").is_visible():
        page.get_by_text("Advanced", exact=True).click()
    page.get_by_label("Description").fill("the shop's web")
    page.get_by_label("Quiet period, in seconds").fill("1.5")
    page.get_by_label("Source networks").fill("127.0.0.1 10.0.0.0/8")
    page.get_by_label("Wanted platforms").fill("amd64")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("'amd64' is not a platform")
    expect(page.get_by_role("alert")).to_be_in_viewport()
    page.get_by_label("Wanted platforms").fill("linux/amd64")
    save(page)
    kept = webhook(world)
    assert (kept["gatherSeconds"], kept["platforms"]) == (1.5, ["linux/amd64"])
    assert kept["sourceNetworks"] == ["127.0.0.1/32", "10.0.0.0/8"]
    form(page, world)
    expect(page.get_by_label("Quiet period, in seconds")).to_have_value("1.5")
    expect(page.get_by_label("Source networks")).to_have_value("127.0.0.1/32, 10.0.0.0/8")
    expect(page.get_by_label("Description")).to_have_value("the shop's web")
    assert not hindrances(page)
    save(page)
    now = webhook(world)
    assert {name: now[name] for name in WRITTEN} == {name: kept[name] for name in WRITTEN}


def test_the_token_that_is_kept_as_a_variable_is_named_and_the_webhook_acts_by_it(world: World, page: Page) -> None:
    form(page, world)
    dialog = page.get_by_role("dialog")
    page.get_by_role("button", name="Generate Token").click()
    dialog.get_by_role("button", name="Generate").click()
    expect(dialog).to_contain_text("Valid until")
    dialog.get_by_label("Name").fill("HOOK_TOKEN")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_contain_text("${var.HOOK_TOKEN}")
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_be_hidden()
    expect(page.get_by_label("API token", exact=True)).to_have_value("${var.HOOK_TOKEN}")
    save(page)
    assert (webhook(world)["refreshToken"], webhook(world)["missing"]) == ("${var.HOOK_TOKEN}", [])
    page.get_by_role("heading", name=demo.WEBHOOK).get_by_role("link").click()
    page.get_by_label("API token", exact=True).fill("${var.NOBODYS}")
    save(page)
    expect(page.locator(".hook .problem")).to_contain_text("There is no variable NOBODYS in project default")
    page.get_by_role("heading", name=demo.WEBHOOK).get_by_role("link").click()
    page.get_by_label("API token", exact=True).fill("${var.HOOK_TOKEN}")
    save(page)
    expect(page.locator(".hook .problem")).to_have_count(0)


def test_a_test_goes_the_whole_way_tells_each_hop_and_runs_nothing(world: World, page: Page) -> None:
    before = len(world.executions())
    card(page, world)
    hops = page.locator(".hops li")
    page.get_by_label("Tag to test with").fill("1.4.0")
    page.get_by_role("button", name=f"Test {demo.WEBHOOK}").click()
    expect(hops).to_have_count(len(HOPS))
    for hop, said in zip(HOPS, hops.all(), strict=True):
        expect(said).to_contain_text(f"{hop}: yes")
    expect(page.locator(".hook .good")).to_contain_text("would run")
    world.client.patch(f"/registry-webhooks/{webhook(world)['id']}", {"tagNamePattern": "semver:^2"})
    page.get_by_role("button", name=f"Test {demo.WEBHOOK}").click()
    expect(page.locator(".hook .problem")).to_contain_text("1.4.0 does not match semver:^2")
    expect(hops.nth(2)).to_contain_text("change the tag pattern")
    expect(hops.nth(3)).to_contain_text("Not tried")
    assert not hindrances(page)
    page.get_by_role("link", name="The test's event").click()
    expect(page.get_by_text("as a test")).to_be_visible()
    assert len(world.executions()) == before


def test_a_test_that_the_source_networks_refuse_says_so(world: World, page: Page) -> None:
    id = webhook(world)["id"]
    world.client.patch(f"/registry-webhooks/{id}", {"sourceNetworks": ["192.0.2.0/24"], "tagNamePattern": ""})

    def refused() -> bool:
        card(page, world)
        page.get_by_role("button", name=f"Test {demo.WEBHOOK}").click()
        expect(page.locator(".hops li").nth(1)).to_be_visible()
        return "does not accept calls from 127.0.0.1" in page.locator(".hops").inner_text()

    wait_for(refused, "the gateway to hear of the networks")
    expect(page.locator(".hops li").nth(1)).to_contain_text("add that address to the source networks")
    world.client.patch(f"/registry-webhooks/{id}", {"sourceNetworks": []})


def test_why_an_image_was_not_deployed_is_asked_above_the_list(world: World, page: Page) -> None:
    page.goto(f"{world.layout.url}/activity")
    page.get_by_text("Why was this image not deployed?").click()
    asking = page.get_by_role("form", name="Why was this image not deployed?")
    asking.get_by_label("Image").fill(f"{demo.REPOSITORY}:7.7.7")
    asking.get_by_role("button", name="Say why").click()
    answer = page.get_by_role("region", name="The answer")
    expect(answer).to_contain_text(f"No delivery of {demo.REPOSITORY}:7.7.7 was received")
    answer.get_by_role("link", name="The webhook").click()
    expect(page).to_have_url(re.compile(r"/webhooks/[0-9a-f-]+$"))
    page.wait_for_load_state()
    world.client.patch(f"/registry-webhooks/{webhook(world)['id']}", {"enabled": False})
    world.push("7.7.8")
    wait_for(lambda: world.events(tag="7.7.8"), "the push in Activity")
    page.goto(f"{world.layout.url}/activity/why?image={demo.REPOSITORY}:7.7.8")
    expect(answer).to_contain_text("ignored: disabled")
    assert not hindrances(page)
    answer.get_by_role("link", name="The event").click()
    expect(page.get_by_role("button", name="Enable the webhook")).to_be_visible()
