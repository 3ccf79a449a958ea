"""Errors that have a chapter lead to it, on pages and in answers of the API; each chapter exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from services.gateway.api.wire import error_body
from services.gateway.chapters import CHAPTERS, chapter_of, of_trial
from shared.contracts.problems import Code, Flaw, Problem, refuse

from .site import Site

DOCS = Path(__file__).resolve().parents[3] / "docs"


def anchors(page: str) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", (DOCS / page).with_suffix(".md").read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\s-]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("chapter", sorted(CHAPTERS))
def test_every_chapter_exists_with_its_place(chapter: str) -> None:
    page, _, anchor = chapter.partition("#")
    assert (DOCS / page).with_suffix(".md").is_file()
    assert not anchor or anchor in anchors(page)


@pytest.mark.parametrize(
    ("problem", "chapter"),
    [
        (Problem(code=Code.FORBIDDEN, message="no"), "/docs/how-to/users-and-roles.html"),
        (Problem(code=Code.TIMEOUT, message="late"), "/docs/how-to/troubleshooting.html#the-system"),
        (
            Problem(code=Code.INVALID, message="x", flaws=(Flaw(message="url is missing", path="properties.url"),)),
            "/docs/reference/endpoints.html",
        ),
        (
            Problem(
                code=Code.INVALID,
                message="x",
                flaws=(Flaw(message="${input.TAGG} names no input", path="stages.A.tasks.B.input.yaml"),),
            ),
            "/docs/reference/expressions.html#what-can-be-named",
        ),
        (
            Problem(code=Code.INVALID, message="x", details={"code": "certificate-changed"}),
            "/docs/how-to/connect-a-registry.html#a-private-certificate",
        ),
        (Problem(code=Code.NOT_FOUND, message="There is no pipeline x."), ""),
    ],
)
def test_a_problem_leads_to_its_chapter(problem: Problem, chapter: str) -> None:
    assert chapter_of(problem) == chapter
    _, body = error_body(problem, path="/codestream/api/x", at=0, request_id="r")
    assert body.get("documentation", "") == chapter


def test_the_error_of_a_page_has_the_link(site: Site, ann: FlaskClient) -> None:
    site.refusal = refuse(Code.FORBIDDEN, "ann may not read pipelines")
    page = ann.get("/pipelines").text
    assert '<a href="/docs/how-to/users-and-roles.html">Read more in the documentation</a>' in page


def test_an_endpoint_tried_in_vain_has_one() -> None:
    assert of_trial("unreachable") == "/docs/how-to/air-gapped-and-proxies.html#behind-an-http-proxy"
    assert of_trial("ok") == of_trial("") == ""
