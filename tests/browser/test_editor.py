"""The pipeline editor in a real browser: it completes, undoes, is as high as the window, and has its forms."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from services.gateway.pages.pipeline_template import template
from shared.contracts.catalog import Inspected
from shared.contracts.catalog import Page as Rows
from tests.unit.gateway.site import Site

from .site import address, page, site

__all__ = ["address", "page", "site"]
pytestmark = pytest.mark.browser
TEXT = "document.querySelector('.CodeMirror').CodeMirror"


def opened(page: Page, site: Site, query: str = "") -> None:
    site.documents["pipelines"] = {"id": "p1", "name": "web", "project": "default"}
    site.texts["pipelines"] = template("default", "web", "Docker")
    site.pages["variables"] = Rows(documents=({"name": "REGION", "project": "default"},), total=1)
    page.goto(f"/pipelines/p1/edit{query}")
    page.locator(".CodeMirror").wait_for()


NEW_LINE = """([editor, line]) => {
  editor = eval(editor);
  const at = editor.getValue().split('\\n').findIndex((row) => row.includes(line));
  editor.focus();
  editor.setCursor({line: at, ch: editor.getLine(at).length});
  editor.execCommand('newlineAndIndent');
}"""


def typed_after(page: Page, line: str, text: str) -> None:
    """Type at the end of a new line below the first that holds `line`."""
    page.evaluate(NEW_LINE, [TEXT, line])
    page.keyboard.type(text)


def test_a_reference_is_completed_with_the_names_of_the_text(page: Page, site: Site) -> None:
    opened(page, site)
    typed_after(page, "message:", "url: ${input.")
    hints = page.locator(".CodeMirror-hint")
    expect(hints).to_have_text(["input.DOCKER_IMAGE", "input.DOCKER_TAG", "input.NAMESPACE"])
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert "url: ${input.DOCKER_TAG}" in page.evaluate(f"{TEXT}.getValue()")
    page.keyboard.type(" ${Dep")
    page.keyboard.press("Control+Space")
    expect(hints.first).to_have_text("Deploy.Apply.output")
    page.keyboard.press("Escape")
    page.keyboard.type("} ${var.")
    expect(hints).to_have_text(["var.REGION"])


def test_a_tasks_fields_and_their_choices_are_completed(page: Page, site: Site) -> None:
    opened(page, site)
    typed_after(page, "action: APPLY", "continueOn")
    page.keyboard.press("Control+Space")
    expect(page.locator(".CodeMirror-hint")).to_contain_text(["continueOnConflict"])
    page.keyboard.press("Enter")
    assert "continueOnConflict: " in page.evaluate(f"{TEXT}.getValue()")


def test_what_a_form_wrote_is_undone_with_a_button_and_the_form_follows(page: Page, site: Site) -> None:
    opened(page, site, "?tab=notifications")
    undo = page.get_by_role("button", name="Undo")
    expect(undo).to_be_disabled()
    page.get_by_role("button", name="+ Slack").click()
    expect(page.get_by_role("group", name="slack")).to_be_visible()
    page.get_by_role("group", name="slack").get_by_label("Text").fill("${name} failed")
    page.get_by_role("group", name="slack").get_by_label("Text").blur()
    page.wait_for_function(f"{TEXT}.getValue().includes('text: ${{name}} failed')")
    undo.click()
    undo.click()
    expect(page.get_by_text("No notifications yet")).to_be_visible()
    assert "slack" not in page.evaluate(f"{TEXT}.getValue()")
    page.get_by_role("button", name="Redo").click()
    expect(page.get_by_role("group", name="slack")).to_be_visible()


def test_the_editor_reaches_the_foot_of_the_window(page: Page, site: Site) -> None:
    page.set_viewport_size({"width": 1440, "height": 1000})
    opened(page, site)
    box = page.locator(".CodeMirror").bounding_box()
    assert box is not None and box["height"] > 600 and 940 < box["y"] + box["height"] < 1000


def test_schedules_are_a_tab_of_the_pipeline_that_is_stored(page: Page, site: Site) -> None:
    opened(page, site)
    schedule = {"id": "s1", "name": "nightly", "cron": "0 2 * * *", "timeZone": "UTC", "enabled": False}
    site.pages["schedules"] = Rows(documents=(schedule,), total=1)
    page.get_by_role("button", name="Schedules").click()
    expect(page.get_by_role("link", name="nightly")).to_have_attribute("href", "/pipelines/p1/schedules/s1")
    page.goto("/pipelines/new")
    page.get_by_role("button", name="Schedules").click()
    expect(page.locator("#side")).to_contain_text("Save the pipeline first")


def test_a_stage_and_a_task_are_added_with_their_buttons(page: Page, site: Site) -> None:
    opened(page, site)
    page.get_by_role("button", name="+ Stage").click()
    expect(page.locator(".small-board h2")).to_have_text(["Deploy", "Report", "Stage 1"])
    page.get_by_role("button", name="+ Task in Report").click()
    expect(page.locator(".small-board .column").nth(1).locator(".task")).to_have_count(2)


def test_the_value_of_a_chart_that_holds_the_image_is_filled_in(page: Page, site: Site) -> None:
    values = {"image": {"repository": "${input.DOCKER_IMAGE}", "tag": "${input.DOCKER_TAG}"}}
    place = {"path": "image", "current": "nginx:1", "rendered": True, "values": values, "filledIn": values}
    chart = {"name": "web", "version": "0.3.0", "values": "image: {}\n", "schema": "", "problem": "", "images": [place]}
    opened(page, site, "?tab=tasks&stage=Deploy&task=Apply")
    site.post.answers["outside.inspect"] = lambda _: Inspected(document=chart)
    page.get_by_label("Helm chart", exact=True).check()
    page.get_by_label("Chart", exact=True).fill("charts/web")
    page.get_by_role("button", name="Show the chart's values").click()
    page.get_by_role("button", name="Use").click()
    expect(page.get_by_label("Values", exact=True)).to_have_value(re.compile(r"tag: ..input\.DOCKER_TAG"))
    page.wait_for_function(f"/values:\\s+image:/.test({TEXT}.getValue())")
    look = next(ask for ask in site.asked if getattr(ask, "what", "") == "chart")
    assert look.options["chart"] == "charts/web"
