"""The newcomer's eight steps, by clicks alone: from an empty Portside to a push that deploys itself, and off again."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from string import Template
from typing import Any

import pytest
import requests
from playwright.sync_api import Locator, Page, expect

from cli import demo
from tests.support.world import World, wait_for

from .conftest import a_system, confirm

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
DOCS = Path(__file__).resolve().parents[2] / "docs"
MANIFEST = (Path(__file__).parent / "web.yaml").read_text()
Photograph = Callable[..., None]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    # On a busy machine a page looks less often: the run is long enough to be seen while it goes on.
    yield from a_system(tmp_path_factory.mktemp("walk"), define=False, pace_s=3.0)


@pytest.fixture(scope="module")
def told() -> dict[str, str]:
    """What the tutorial repeats of this run: the payload, the hook's request, the hook URL."""
    return {}


def _step(page: Page, title: str) -> Locator:
    return page.get_by_role("listitem").filter(has=page.get_by_role("heading", name=title))


def _go(page: Page, name: str) -> None:
    page.get_by_role("navigation").get_by_role("link", name=name).click()


def _text(page: Page) -> str:
    """The pipeline's YAML as the editor shows it."""
    return str(page.evaluate("document.querySelector('.CodeMirror').CodeMirror.getValue()"))


def _text_has(page: Page, *pieces: str) -> None:
    wait_for(lambda: all(piece in _text(page) for piece in pieces), f"{pieces} in the YAML")


def _text_lacks(page: Page, piece: str) -> None:
    wait_for(lambda: piece not in _text(page), f"no {piece} in the YAML")


def test_an_empty_portside_shows_the_eight_steps_each_with_its_button(page: Page, photograph: Photograph) -> None:
    expect(page.get_by_role("heading", name="Your first deployment")).to_be_visible()
    titles = ["Endpoint", "Inputs", "Webhook", "Task", "Push", "Activity", "Execution", "Stage"]
    assert page.locator(".steps h3").all_inner_texts() == titles
    photograph("first-use")


def test_step_1_the_endpoint_is_tried_and_made(world: World, page: Page, photograph: Photograph) -> None:
    page.get_by_role("link", name="New Endpoint").click()
    expect(page.get_by_label("Project")).to_have_value("default")
    expect(page.get_by_role("combobox", name="Type", exact=True)).to_have_value("docker")
    expect(page.get_by_label("Server type")).to_have_value("DockerHub")
    page.get_by_label("Name", exact=True).fill("acme-web")
    page.get_by_label("Repository URL").fill("https://hub.docker.com/r/acme/web")
    page.get_by_label("User name").fill(demo.HUB_USER)
    page.get_by_label("Password or access token").fill("not the password")
    expect(page.get_by_text("With two-factor authentication: an access token.")).to_be_visible()
    page.get_by_text("Advanced").click()
    page.get_by_label("Address of the Hub's API").fill(world.hub_url)
    page.get_by_label("Address of the registry").fill(world.hub_url)
    page.get_by_role("button", name="Validate").click()
    expect(page.locator("#tried .problem")).to_contain_text("user name and password")
    page.get_by_label("Password or access token").fill(demo.HUB_PASSWORD)
    page.get_by_role("button", name="Validate").click()
    expect(page.locator("#tried .good")).to_contain_text("acme/web")
    photograph("step-1-endpoint", whole=True)
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.get_by_role("link", name="acme-web")).to_be_visible()


def test_a_certificate_is_asked_for_only_where_there_is_one(page: Page) -> None:
    page.get_by_role("link", name="acme-web").click()
    page.get_by_label("Repository URL").fill("http://127.0.0.1:1/acme/web")
    page.get_by_label("Server type").select_option("OCI")
    page.get_by_label("Address of the registry").fill("")
    page.get_by_label("Address of the Hub's API").fill("")
    page.get_by_role("button", name="Accept certificate").click()
    expect(page.get_by_role("alert")).to_contain_text("https://")
    page.get_by_role("link", name="Cancel").click()


def test_step_2_docker_inputs_are_injected_removed_made_mandatory_and_starred(
    page: Page, photograph: Photograph
) -> None:
    _go(page, "Executions")
    _step(page, "Inputs").get_by_role("link", name="New Pipeline").click()
    page.get_by_label("Name", exact=True).fill("Deploy web")
    page.get_by_label("Name", exact=True).press("Tab")
    _text_has(page, "name: Deploy web")
    page.get_by_role("button", name="Input", exact=True).click()
    expect(page.get_by_label("Docker", exact=True)).to_be_checked()
    for choice, name in (
        ("Git", "GIT_COMMIT_ID"),
        ("Gerrit", "GERRIT_CHANGE_ID"),
        ("None", ""),
        ("Docker", "DOCKER_TAG"),
    ):
        page.get_by_label(choice, exact=True).check()
        _text_has(page, f"{name}:")
        expect(page.get_by_label(choice, exact=True)).to_be_checked()
    _text_lacks(page, "GERRIT")
    page.get_by_role("button", name="Remove DOCKER_PUSHED_AT").click()
    _text_lacks(page, "DOCKER_PUSHED_AT")
    page.get_by_label("DOCKER_TAG is mandatory", exact=True).check()
    _text_has(page, "mandatory: true")
    page.locator('.star:has([aria-label="Star NAMESPACE"])').click()
    _text_has(page, "starred:")
    namespace = page.get_by_label("Value of NAMESPACE")
    namespace.fill("")
    namespace.press("Tab")
    _text_has(page, "NAMESPACE: ''")
    page.get_by_label("Name of a new input").fill("REPLICAS")
    page.get_by_label("Name of a new input").press("Tab")
    page.get_by_label("Value of REPLICAS").fill("2")
    page.get_by_label("Value of REPLICAS").press("Tab")
    _text_has(page, "REPLICAS: '2'")
    photograph("step-2-inputs")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("link", name="Export")).to_be_visible()


def test_step_3_the_webhook_is_made_with_an_endpoint_a_token_and_a_tag_without_leaving(
    world: World, page: Page, photograph: Photograph, told: dict[str, str]
) -> None:
    requests.post(f"{world.hub_url}/_fake/push", json={"repository": "acme/web", "tag": "dev"}, timeout=30)
    requests.post(f"{world.hub_url}/_fake/push", json={"repository": "acme/web", "tag": "1.3.9"}, timeout=30)
    _go(page, "Executions")
    _step(page, "Webhook").get_by_role("link", name="New Webhook for Docker").click()
    expect(page.get_by_label("Name", exact=True)).to_have_value("acme-web")
    expect(page.get_by_role("combobox", name="Endpoint", exact=True)).to_have_value("acme-web")
    expect(page.get_by_role("combobox", name="Pipeline", exact=True)).to_have_value("Deploy web")
    dialog = page.get_by_role("dialog")
    page.get_by_role("button", name="Create Endpoint").click()
    dialog.get_by_label("Name", exact=True).fill("acme-api")
    dialog.get_by_label("Repository URL").fill("acme/api")
    dialog.get_by_role("button", name="Create", exact=True).click()
    expect(dialog).to_be_hidden()
    expect(page.get_by_label("Name", exact=True)).to_have_value("acme-api")
    page.get_by_role("combobox", name="Endpoint", exact=True).select_option("acme-web")
    expect(page.get_by_label("Name", exact=True)).to_have_value("acme-web")
    _generate_token(page, dialog, photograph)
    page.get_by_label("Tag", exact=True).press_sequentially("semver:>=1")
    tags = page.get_by_role("table", name="The repository's last tags")
    expect(tags.get_by_role("row").filter(has_text="1.3.9").locator(".done")).to_contain_text("1.3.9 matches")
    expect(tags.get_by_role("row").filter(has_text="dev").locator(".skipped")).to_contain_text("not run")
    page.get_by_role("button", name="Save").click()
    # NAMESPACE is mandatory and has no default: the browser itself stays at the field.
    expect(page.get_by_role("textbox", name="NAMESPACE", exact=True)).to_be_focused()
    page.get_by_role("textbox", name="NAMESPACE", exact=True).fill("apps")
    photograph("step-3-webhook", whole=True)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="acme-web is saved")).to_be_visible()
    expect(page.locator(".hook")).to_contain_text("enabled")
    told["hook_url"] = page.locator("#hook-url").inner_text()
    assert "secureToken=" in told["hook_url"]
    photograph("step-3-saved")
    page.get_by_role("link", name="All webhooks").click()

    def in_step() -> bool:
        page.reload()
        return page.locator(".hook").get_by_text("registered at Docker Hub").is_visible()

    wait_for(in_step, "the hook at the Hub")
    calls = requests.get(f"{world.hub_url}/_fake/calls", timeout=30).json()["calls"]
    made = [call for call in calls if call["method"] == "POST" and "/webhook_pipeline" in call["path"]]
    told["hook_request"] = f"POST {made[-1]['path']}\n{json.dumps(json.loads(made[-1]['body']), indent=2)}"
    assert told["hook_url"] in told["hook_request"]


def _generate_token(page: Page, dialog: Locator, photograph: Photograph) -> None:
    page.get_by_role("button", name="Generate Token").click()
    expect(dialog.get_by_label("E-mail")).not_to_have_value("")
    dialog.get_by_role("button", name="Generate").click()
    expect(dialog).to_contain_text("Valid until")
    photograph("step-3-token")
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_contain_text("neither copied nor kept")
    dialog.get_by_label("Name").fill("HOOK_TOKEN")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_contain_text("${var.HOOK_TOKEN}")
    dialog.get_by_role("button", name="Copy").click()
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_be_hidden()
    expect(page.get_by_label("API token", exact=True)).not_to_have_value("")


def test_step_4_the_task_applies_a_local_file_on_a_cluster_and_the_yaml_follows(
    world: World, page: Page, photograph: Photograph, tmp_path: Path
) -> None:
    _go(page, "Executions")
    _step(page, "Task").get_by_role("link", name="Edit the task").click()
    page.get_by_role("button", name="Apply K8S").click()
    page.get_by_role("button", name="Create Endpoint").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name", exact=True).fill("prod")
    dialog.get_by_label("Address of the cluster").fill(world.cluster_url)
    dialog.get_by_label("Token", exact=True).fill(demo.CLUSTER_TOKEN)
    dialog.get_by_role("button", name="Validate").click()
    expect(dialog.locator("#tried .good")).to_be_visible()
    dialog.get_by_role("button", name="Create", exact=True).click()
    expect(dialog).to_be_hidden()
    _text_has(page, "kubernetesServer: prod")
    for action in ("GET", "CREATE", "DELETE", "ROLLBACK", "APPLY"):
        page.get_by_label("Action").select_option(action)
        _text_has(page, f"action: {action}")
    page.get_by_label("Source Control").check()
    expect(page.get_by_label("File path")).to_be_visible()
    _text_lacks(page, "kind: Deployment")
    page.get_by_label("Local Definition").check()
    file = tmp_path / "web.yaml"
    file.write_text(MANIFEST)
    page.get_by_label("Local YAML file").set_input_files(file)
    _text_has(page, "kind: Deployment", "name: web", "replicas: ${input.REPLICAS}")
    photograph("step-4-task")
    page.get_by_role("button", name="Check").click()
    expect(page.get_by_text("No problems found")).to_be_visible()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("link", name="Export")).to_be_visible()


def test_step_5_to_7_a_push_is_seen_and_its_run_turns_running_then_completed_without_a_reload(
    world: World, page: Page, photograph: Photograph, told: dict[str, str]
) -> None:
    _go(page, "Executions")
    expect(_step(page, "Push")).to_contain_text("docker push acme/web")
    page.evaluate("window.notReloaded = true")
    seen = page.evaluate_handle(
        """() => { const seen = new Set(); const look = () => {
             const found = document.querySelector('#live table .status');
             if (found) seen.add(found.innerText.trim()); };
           const live = document.getElementById('live');
           new MutationObserver(look).observe(live, {childList: true, subtree: true}); return seen; }"""
    )
    world.push("1.4.0")
    row = page.get_by_role("row").filter(has_text="Deploy web #1")
    expect(row).to_contain_text("acme/web:1.4.0")
    expect(row).to_contain_text("completed", timeout=60_000)
    assert page.evaluate("window.notReloaded") is True
    assert {"running", "completed"} <= set(seen.evaluate("seen => [...seen]"))
    photograph("step-7-executions")
    state = requests.get(f"{world.hub_url}/_fake/state", timeout=30).json()
    told["payload"] = json.dumps(_shortened(json.loads(state["deliveries"][-1]["body"])), indent=2, ensure_ascii=False)
    _go(page, "Activity")
    expect(page.get_by_role("row").filter(has_text="1.4.0")).to_contain_text("completed")
    photograph("step-6-activity")
    page.get_by_role("link", name="Deploy web #1").click()
    expect(page.get_by_role("heading", name="Deploy web #1")).to_be_visible()


def test_step_8_a_stage_opens_its_tasks_and_a_task_its_log(page: Page, photograph: Photograph, world: World) -> None:
    _go(page, "Executions")
    page.get_by_title("Deploy: completed").click()
    tasks = page.locator(".pop").filter(has_text="Apply")
    expect(tasks).to_be_visible()
    photograph("step-8-stage")
    tasks.get_by_role("link", name="Apply").click()
    panel = page.get_by_role("region", name="Task Deploy.Apply")
    expect(panel).to_contain_text("What changed in the cluster")
    expect(page.get_by_role("log")).to_contain_text("Deployment apps/web applied")
    expect(panel).to_contain_text("APPLY")
    photograph("step-8-task", whole=True)
    assert str(world.running_image()).startswith("acme/web:1.4.0@sha256:")
    _go(page, "Executions")
    expect(page.get_by_role("heading", name="Your first deployment")).to_be_hidden()


def test_a_disabled_webhook_keeps_a_dummy_push_and_starts_nothing(world: World, page: Page) -> None:
    _go(page, "Webhooks for Docker")
    page.get_by_role("button", name="Disable acme-web").click()
    confirm(page, "Disable")
    expect(page.locator(".hook")).to_contain_text("disabled")
    world.push("1.4.1")
    _go(page, "Activity")
    row = page.get_by_role("row").filter(has_text="1.4.1")
    expect(row).to_contain_text("disabled")
    assert not world.executions(index=2)
    _go(page, "Webhooks for Docker")
    page.get_by_role("button", name="Enable acme-web").click()
    confirm(page, "Enable")
    expect(page.locator(".hook")).to_contain_text("enabled")


def test_the_tutorial_is_this_walk(told: dict[str, str]) -> None:
    """Written anew from its text and this run's facts when asked; always of the same text."""
    text = (Path(__file__).parent / "first-deployment.md").read_text()
    tutorial = DOCS / "tutorial" / "first-deployment.md"
    indented = {name: re.sub("^", "    ", value, flags=re.M) for name, value in told.items()}
    if os.environ.get("PORTSIDE_SCREENSHOTS"):
        tutorial.write_text(Template(text).substitute(indented))
    written = tutorial.read_text()
    for piece in re.split(r"\$[a-z_]+", text):
        assert piece.replace("$$", "$") in written, "make the tutorial again: PORTSIDE_SCREENSHOTS=1"
    for picture in re.findall(r"\(\.\./images/([\w-]+\.png)\)", text):
        assert (DOCS / "images" / picture).exists(), picture


def _shortened(payload: dict[str, Any]) -> dict[str, Any]:
    """Without the long texts of the repository, which nothing depends on."""
    payload["repository"] = {
        name: value if len(str(value)) < 60 else "…" for name, value in payload["repository"].items()
    }
    return payload
