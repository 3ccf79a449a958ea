"""What operators do with the pages: cancel, approve, mend, import by dropping; and who can read them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from cli import demo, system
from tests.support.letters import publish, quarantine_hook
from tests.support.world import World, wait_for

from .conftest import ASKING, PAGES, PHONE, WIDE, a_system, confirm, happened, hindrances, waiting

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    yield from a_system(tmp_path_factory.mktemp("operate"), define=True)


def test_a_run_is_cancelled_in_the_list_with_a_reason_that_it_shows(world: World, page: Page) -> None:
    id = waiting(world, "Stop me")
    page.goto(f"{world.layout.url}/executions")
    row = page.get_by_role("row").filter(has_text="Stop me #1")
    expect(row).to_contain_text("waiting")
    row.get_by_role("button", name="Cancel").click()
    page.get_by_label("Reason, shown on the run").fill("the wrong tag")
    confirm(page, "Cancel the run")
    expect(row).to_contain_text("canceled")
    assert world.get(f"/executions/{id}")["status"] == "CANCELED"
    page.goto(f"{world.layout.url}/executions/{id}")
    expect(page.locator("#live")).to_contain_text("the wrong tag")


def test_a_question_is_approved_in_the_task_that_asks(world: World, page: Page) -> None:
    id = waiting(world, "Approve me")
    page.goto(f"{world.layout.url}/executions/{id}")
    expect(page.locator("form.doubt")).to_contain_text("May it go on?")
    page.get_by_role("button", name="Approve", exact=True).click()
    confirm(page, "Approve")
    expect(page.get_by_role("heading", name="Approve me #1")).to_contain_text("completed")
    page.get_by_role("button", name="Rerun", exact=True).click()
    confirm(page, "Rerun")
    expect(page.get_by_role("heading", name="Approve me #2")).to_be_visible()


def test_a_template_becomes_a_pipeline_by_its_questions_and_the_webhook_comes_next(world: World, page: Page) -> None:
    world.push("2.0.0")
    world.ended("2.0.0")
    page.goto(f"{world.layout.url}/pipelines")
    page.get_by_role("link", name="Templates").click()
    page.get_by_role("link", name="Push to Kubernetes").click()
    # What there is only one of is chosen.
    expect(page.locator("#q-registry")).to_have_value("acme-web")
    expect(page.locator("#q-cluster")).to_have_value("cluster")
    page.get_by_label("Namespace").fill("apps")
    page.get_by_label("Namespace").press("Tab")
    dialog = page.get_by_role("dialog")
    page.get_by_role("button", name="Create Endpoint").last.click()
    dialog.get_by_label("Name", exact=True).fill("other")
    dialog.get_by_label("Address of the cluster").fill(world.cluster_url)
    dialog.get_by_label("Token", exact=True).fill(demo.CLUSTER_TOKEN)
    dialog.get_by_role("button", name="Create", exact=True).click()
    expect(dialog).to_be_hidden()
    expect(page.locator("#q-cluster")).to_have_value("other")
    expect(page.get_by_label("Namespace")).to_have_value("apps")
    runs = page.get_by_label("Deployment that runs there now")
    expect(runs).to_contain_text("web: acme/web:2.0.0")
    runs.select_option(index=1)
    expect(page.get_by_label("Replicas")).to_be_hidden()
    page.get_by_label("Name of the pipeline").fill("Ship web")
    page.get_by_role("button", name="Create Pipeline").click()
    expect(page.get_by_role("heading", name="New Webhook for Docker")).to_be_visible()
    expect(page.locator("#w-pipeline")).to_have_value("Ship web")
    assert world.client.by_name("pipelines", "default", "Ship web")["enabled"] is True


def _held(page: Page, address: str) -> list[Route]:
    """The next request to this address waits in the list that is returned, until it is continued."""
    waiting: list[Route] = []
    page.route(address, lambda route: waiting.append(route), times=1)
    return waiting


def test_what_is_chosen_while_a_form_is_drawn_again_stays_and_is_asked_for(world: World, page: Page) -> None:
    page.goto(f"{world.layout.url}/pipelines/templates/push-to-kubernetes")
    slow = _held(page, "**/push-to-kubernetes/form")
    page.locator("#q-registry").select_option("acme-web")
    page.get_by_label("Name of the pipeline").fill("Ship fast")
    page.get_by_label("Namespace").fill("apps")
    page.locator("#q-cluster").evaluate("one => one.value = 'cluster'")
    happened(page, lambda: slow)
    slow[0].continue_()
    expect(page.get_by_label("Deployment that runs there now")).to_contain_text("acme/web:")
    expect(page.locator("#q-registry")).to_have_value("acme-web")
    expect(page.get_by_label("Name of the pipeline")).to_have_value("Ship fast")

    page.goto(f"{world.layout.url}/webhooks/new")
    slow = _held(page, "**/webhooks/form")
    page.locator("#w-endpoint").select_option("acme-web")
    page.locator("#w-pipeline").evaluate("one => one.value = 'Deploy web'")
    page.get_by_label("Enabled").set_checked(False)
    page.get_by_label("Except").fill("latest")
    happened(page, lambda: slow)
    slow[0].continue_()
    expect(page.locator("#webhook-form")).not_to_contain_text("Choose a pipeline to see")
    expect(page.locator("#w-pipeline")).to_have_value("Deploy web")
    expect(page.get_by_label("Except")).to_have_value("latest")
    expect(page.get_by_label("Enabled")).not_to_be_checked()

    page.goto(f"{world.layout.url}/endpoints/new?type=docker")
    page.get_by_label("Name", exact=True).fill("staging")
    page.locator("#endpoint-form [name=type]").select_option("k8s")
    expect(page.locator("#endpoint-form")).to_contain_text("Address of the cluster")
    expect(page.get_by_label("Name", exact=True)).to_have_value("staging")


def test_what_runs_in_the_cluster_is_read_back_and_an_earlier_image_is_deployed_again(world: World, page: Page) -> None:
    for tag in ("3.0.0", "3.0.1"):
        world.push(tag)
        world.ended(tag)
    page.goto(f"{world.layout.url}/live")
    row = page.get_by_role("row").filter(has_text="acme/web:3.0.1")
    expect(row).to_contain_text("the same")
    row.get_by_role("link", name="web", exact=True).click()
    earlier = page.get_by_role("row").filter(has_text="acme/web:3.0.0")
    earlier.get_by_role("button", name="Deploy this again").click()
    expect(page.locator("#confirm")).to_contain_text("acme/web:3.0.0")
    confirm(page, "Deploy")
    expect(page.get_by_role("heading", name="Deploy web")).to_contain_text("completed")
    assert (world.running_image() or "").startswith("acme/web:3.0.0@")


def test_a_dead_letter_is_read_and_requeued_or_discarded(world: World, page: Page) -> None:
    publish(world, "config.hooks", b"{not a message", "unreadable")
    wait_for(lambda: world.client.documents("/dead-letters", **{"$filter": "state eq 'kept'"}), "a dead letter")
    page.goto(f"{world.layout.url}/queues")
    row = page.get_by_role("row").filter(has_text="config.hooks").filter(has_text="Read")
    row.get_by_role("link", name="Read").click()
    expect(page.locator("main")).to_contain_text("{not a message")
    page.get_by_role("button", name="Requeue").click()
    confirm(page, "Requeue")
    expect(page.get_by_role("alert").first).to_contain_text("Nobody knows messages of type")
    page.get_by_role("row").filter(has_text="config.hooks").get_by_role("checkbox").check()
    page.get_by_role("button", name="Discard the chosen").click()
    confirm(page, "Discard")
    expect(page.locator("main")).to_contain_text("None kept")

    (delivery,) = world.push("2.0.2")["deliveries"]
    quarantine_hook(world, world.hub_state()["deliveries"][delivery["number"]]["url"], "2.0.3", "requeued-by-click")
    wait_for(lambda: world.client.documents("/dead-letters", **{"$filter": "state eq 'kept'"}), "a dead letter")
    page.goto(f"{world.layout.url}/queues")
    page.get_by_role("row").filter(has_text="requeued-by-click").get_by_role("checkbox").check()
    page.get_by_role("button", name="Requeue the chosen").click()
    confirm(page, "Requeue")
    expect(page.locator("main")).to_contain_text("None kept")
    page.goto(f"{world.layout.url}/activity")
    expect(page.get_by_role("row").filter(has_text="2.0.3")).to_be_visible()


def test_a_broken_pipeline_is_mended_at_the_line_that_is_marked(world: World, page: Page) -> None:
    pipeline = world.client.by_name("pipelines", "default", "Deploy web")
    page.goto(f"{world.layout.url}/pipelines/{pipeline['id']}/edit")
    _write(page, "input.DOCKER_TAG} != ", "input.DOCKER_TGA} != ")
    page.get_by_role("button", name="Save").click()
    marked = page.locator(".flaw-said")
    expect(marked).to_contain_text("DOCKER_TGA")
    expect(page.locator(".flaw-line")).to_contain_text("input.DOCKER_TGA")
    assert "DOCKER_TGA" not in str(world.get(pipeline["_link"]))
    _write(page, "input.DOCKER_TGA} != ", "input.DOCKER_TAG} != ")
    page.locator("#editor").get_by_role("button", name="Check").click()
    expect(page.get_by_text("No problems found")).to_be_visible()
    expect(marked).to_have_count(0)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("link", name="Export")).to_be_visible()


def _write(page: Page, old: str, new: str) -> None:
    """Type over the first occurrence, as a person would in the editor."""
    page.evaluate(
        """([old]) => { const editor = document.querySelector('.CodeMirror').CodeMirror;
             const at = editor.getValue().indexOf(old);
             editor.setSelection(editor.posFromIndex(at), editor.posFromIndex(at + old.length));
             editor.focus(); }""",
        [old],
    )
    page.keyboard.insert_text(new)
    # The editor takes up what was typed within a tenth of a second.
    page.wait_for_function(
        "text => document.querySelector('.CodeMirror').CodeMirror.getValue().includes(text)", arg=new
    )


def test_a_file_that_is_dropped_is_imported(world: World, page: Page) -> None:
    page.goto(f"{world.layout.url}/pipelines/import")
    transfer = page.evaluate_handle(
        """text => { const data = new DataTransfer();
             data.items.add(new File([text], 'one.yaml', {type: 'text/yaml'})); return data; }""",
        ASKING.format(name="Dropped"),
    )
    page.dispatch_event("[data-drop]", "drop", {"dataTransfer": transfer})
    expect(page.get_by_label("YAML", exact=True)).to_have_value(ASKING.format(name="Dropped"))
    page.get_by_role("button", name="Show the plan").click()
    expect(page.locator("main")).to_contain_text("would be created")
    page.get_by_role("button", name="Import", exact=True).click()
    confirm(page, "Import")
    page.get_by_role("link", name="Dropped").click()
    expect(page.get_by_role("heading", name="Dropped")).to_be_visible()


def test_a_stage_that_is_open_stays_open_while_the_list_moves(world: World, page: Page) -> None:
    world.push("1.4.0")
    world.ended("1.4.0")
    page.goto(f"{world.layout.url}/executions")
    page.get_by_title("Deploy: completed").first.click()
    expect(page.locator(".pop:visible")).to_contain_text("Apply")
    world.push("1.4.1")
    expect(page.get_by_role("row").filter(has_text="1.4.1")).to_contain_text("completed", timeout=60_000)
    expect(page.locator(".pop:visible")).to_contain_text("Apply")


@pytest.fixture(scope="module", params=["light", "dark"])
def reader(request: pytest.FixtureRequest, world: World, chromium: Browser) -> Iterator[Page]:
    """Somebody who reads with another's eyes: in the light, in the dark."""
    context = chromium.new_context(viewport=WIDE, color_scheme=request.param)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(system.sign_in_link(world.layout, world.environment))
    yield page
    context.close()


def test_axe_finds_nothing_serious_on_any_page(world: World, reader: Page, photograph: Callable[..., None]) -> None:
    run = world.executions()[0]
    pipeline = world.client.by_name("pipelines", "default", "Deploy web")
    event = world.events()[0]
    webhook = world.client.by_name("registry-webhooks", "default", "acme-web")
    shown = (f"/executions/{run['id']}", f"/pipelines/{pipeline['id']}", f"/pipelines/{pipeline['id']}/versions")
    found = {}
    for path in (*PAGES, *shown, f"/activity/{event['id']}", f"/webhooks/{webhook['id']}"):
        reader.goto(f"{world.layout.url}{path}")
        reader.wait_for_load_state()
        found[path] = hindrances(reader)
    assert not {path: said for path, said in found.items() if said}


def test_no_page_is_wider_than_a_phone(world: World, chromium: Browser) -> None:
    context = chromium.new_context(viewport=PHONE)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(system.sign_in_link(world.layout, world.environment))
    run = world.executions()[0]
    wide = []
    for path in (*PAGES, f"/executions/{run['id']}"):
        page.goto(f"{world.layout.url}{path}")
        if page.evaluate("document.documentElement.scrollWidth > window.innerWidth + 1"):
            wide.append(path)
    context.close()
    assert not wide


@pytest.mark.parametrize(("width", "height"), [(390, 844), (1440, 900), (2560, 1440)])
def test_the_sign_in_card_is_narrow_and_centred(world: World, chromium: Browser, width: int, height: int) -> None:
    page = chromium.new_context(viewport={"width": width, "height": height}).new_page()
    page.goto(f"{world.layout.url}/sign-in")
    card = page.locator(".sign-in").bounding_box()
    fields = [page.locator(f"input[name={name}]").bounding_box() for name in ("username", "password")]
    page.context.close()
    assert card is not None
    assert None not in fields
    assert card["width"] <= 420
    assert abs(card["x"] + card["width"] / 2 - width / 2) <= 8
    first, second = (box for box in fields if box is not None)
    assert second["y"] >= first["y"] + first["height"], "each field has a line of its own"


def test_everything_on_the_list_is_reached_by_the_keyboard(world: World, page: Page) -> None:
    page.goto(f"{world.layout.url}/executions")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    summary = page.locator(".stages summary").first
    summary.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".pop").locator("visible=true").first).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".pop").locator("visible=true")).to_have_count(0)
