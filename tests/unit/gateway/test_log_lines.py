"""A task's log as a page shows it: numbers, colours, paging from its end, search and download."""

from __future__ import annotations

from html import unescape
from typing import Any

import pytest
from flask.testing import FlaskClient

from services.gateway.pages.log_lines import LINES, coloured, matching, read
from shared.contracts.catalog import Page

from .site import Site

TASK = {"type": "SSH", "status": "COMPLETED", "_tries": 2}
EXECUTION = {
    "id": "e1",
    "name": "Deploy <web>",
    "index": 3,
    "project": "default",
    "status": "COMPLETED",
    "stageOrder": ["Build"],
    "stages": {"Build": {"status": "COMPLETED", "taskOrder": ["Run"], "tasks": {"Run": TASK}}},
}
ADDRESS = "/executions/e1/log?stage=Build&task=Run"


def chunk(first: int, *lines: str) -> dict[str, Any]:
    return {"firstLine": first, "lines": list(lines), "at": 1_700_000_000_000_000}


@pytest.fixture
def site(site: Site) -> Site:
    site.documents["executions"] = EXECUTION
    site.pages["logs"] = Page(documents=(chunk(1_000, "one", "two <b>"),), total=1)
    return site


def test_lines_are_numbered_from_one_and_an_overlap_is_shown_once() -> None:
    lines = read([chunk(0, "a", "b"), chunk(1, "b", "c"), chunk(9, "z")])
    assert [(line.number, line.text) for line in lines] == [(1, "a"), (2, "b"), (3, "c"), (10, "z")]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("plain", (("", "plain"),)),
        ("\x1b[31mred\x1b[0m and not", (("ansi-red", "red"), ("", " and not"))),
        (
            "\x1b[1;32mgood\x1b[22m still\x1b[39m no",
            (("ansi-green strong", "good"), ("ansi-green", " still"), ("", " no")),
        ),
        ("\x1b[38;5;208morange\x1b[m", (("", "orange"),)),
        ("\x1b[2K\x1b[1Gprogress\x07", (("", "progress"),)),
        ("\x1b]0;title\x07text", (("", "text"),)),
        ("\x1b[94m\x1b[mx", (("", "x"),)),
        ("", ()),
    ],
)
def test_a_terminals_colours_become_classes_and_its_other_sequences_vanish(
    text: str, parts: tuple[tuple[str, str], ...]
) -> None:
    assert coloured(text) == parts


def test_a_search_finds_what_is_said_whatever_its_colour() -> None:
    lines = read([chunk(0, "fine", "\x1b[31mErr\x1b[0mor: no")])
    assert [line.number for line in matching(lines, "ERROR")] == [2]


def test_a_log_is_opened_at_its_end_and_offers_what_is_before(site: Site, ann: FlaskClient) -> None:
    page = ann.get("/executions/e1?stage=Build&task=Run").text
    asked = [message.options for message in site.asked if getattr(message, "kind", "") == "logs"]
    assert {"stage": "Build", "task": "Run", "try": 2, "last": str(LINES)} in asked
    assert 'id="L1002"' in page and "two &lt;b&gt;" in page and "1,000 earlier lines" in page
    assert f"{ADDRESS}&before=1000" in unescape(page)
    ann.get(f"{ADDRESS}&before=1000")
    assert site.asked[-1].options["before"] == "1000"


def test_a_link_to_a_line_shows_what_is_around_it_and_marks_it(site: Site, ann: FlaskClient) -> None:
    page = ann.get("/executions/e1?stage=Build&task=Run&line=1001").text
    asked = [message.options.get("before") for message in site.asked if getattr(message, "kind", "") == "logs"]
    assert str(1_001 + LINES // 2) in asked
    assert 'class="line linked" id="L1001"' in page


def test_lines_that_hold_a_text_are_found_in_the_whole_log(site: Site, ann: FlaskClient) -> None:
    found = ann.get(f"{ADDRESS}&q=TWO").text
    assert "L1002" in found and "L1001" not in found and "earlier" not in found
    assert "last" not in site.asked[-1].options
    assert "No line holds" in ann.get(f"{ADDRESS}&q=three").text


def test_newer_lines_are_asked_for_while_a_task_is_at_work(site: Site, ann: FlaskClient) -> None:
    running = {**EXECUTION, "stages": {"Build": {"tasks": {"Run": {**TASK, "status": "RUNNING"}}}}}
    site.documents["executions"] = running
    newer = ann.get(f"{ADDRESS}&after=1001").text
    assert "L1002" in newer and "L1001" not in newer and "after=1002" in newer and "earlier" not in newer


def test_all_of_a_log_is_taken_away_as_a_file(site: Site, ann: FlaskClient) -> None:
    site.texts["logs"] = "one\ntwo <b>"
    answer = ann.get("/executions/e1/log.txt?stage=Build&task=Run")
    assert answer.text == "one\ntwo <b>" and answer.mimetype == "text/plain"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="deploy-web-3-build-run.log"'


def test_a_page_of_a_long_log_stays_light(site: Site, ann: FlaskClient) -> None:
    site.pages["logs"] = Page(documents=(chunk(0, *(f"{'x' * 120} {place}" for place in range(10_000))),), total=1)
    page = ann.get("/executions/e1?stage=Build&task=Run").text
    assert page.count('class="line"') == LINES and len(page) < 150_000
