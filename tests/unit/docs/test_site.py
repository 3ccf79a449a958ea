"""The site of docs/: complete, under the gateway's policy, and with a chapter for each page of the product."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from flask.testing import FlaskClient

from services.gateway.app_context import EXTENSION
from services.gateway.pages import AREAS
from services.gateway.pages.layout import ADMINISTRATION, NAVIGATION
from services.gateway.pages.site import HELP, chapter
from shared.grammar.checks import examine_pipeline
from shared.grammar.documents import load_yaml
from shared.grammar.task_schemas import TASK_SCHEMAS
from tests.support.site import built_site
from tests.unit.gateway.site import Site

# The build takes seconds.
pytestmark = pytest.mark.slow
DOCS = Path(__file__).resolve().parents[3] / "docs"
FENCE = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def examples(language: str) -> list[Any]:
    """Each fenced block of that language, with its page's path."""
    return [
        pytest.param(text, id=f"{page.relative_to(DOCS)}-{number}")
        for page in sorted(DOCS.rglob("*.md"))
        for number, (named, text) in enumerate(FENCE.findall(page.read_text(encoding="utf-8")))
        if named == language
    ]


@pytest.fixture(scope="module")
def folder() -> Path:
    return built_site()


@pytest.fixture
def reader(folder: Path, tmp_path: Path) -> FlaskClient:
    """Somebody who is not signed in, at a gateway that has the site."""
    site = Site(tmp_path)
    context = site.app.extensions[EXTENSION]
    settings = context.settings.model_copy(update={"site_folder": str(folder)})
    site.app.extensions[EXTENSION] = replace(context, settings=settings)
    return site.client()


def test_every_page_is_built_and_holds_no_script_of_its_own_and_nothing_from_elsewhere(folder: Path) -> None:
    for page in DOCS.rglob("*.md"):
        html = (folder / page.relative_to(DOCS)).with_suffix(".html").read_text(encoding="utf-8")
        assert "<script>" not in html and "<style" not in html and " onclick=" not in html
        assert re.findall(r"<(?:script|link|img)[^>]*(?:src|href)=\"?https?://(?!127\.0\.0\.1)", html) == [], page.name


def test_every_diagram_is_drawn_as_a_picture_of_the_site(folder: Path) -> None:
    page = (folder / "development" / "architecture.html").read_text(encoding="utf-8")
    pictures = re.findall(r'<img alt="(Diagram: [^"]+)" src="\.\./(images/diagrams/\w+\.svg)"', page)
    assert [alt for alt, _ in pictures] == ["Diagram: Processes", "Diagram: A push, through every queue and table"]
    for (_, name), words in zip(pictures, ("RabbitMQ", "manifest of the tag"), strict=True):
        assert words in (folder / name).read_text(encoding="utf-8")
    assert "mermaid" not in page
    drawn = {path.name for path in (DOCS / "images" / "diagrams").iterdir()}
    assert drawn == {Path(name).name for _, name in pictures}, "left over: run scripts/diagrams"


def test_the_search_knows_every_page(folder: Path) -> None:
    index = json.loads((folder / "search" / "search_index.json").read_text(encoding="utf-8"))
    known = {entry["location"].partition("#")[0] for entry in index["docs"]}
    pages = {str(page.relative_to(DOCS).with_suffix(".html")) for page in DOCS.rglob("*.md")}
    assert pages - known == set()


def test_the_gateway_serves_it_to_everybody_under_its_own_policy(reader: FlaskClient) -> None:
    assert reader.get("/docs").location == "/docs/index.html"
    for path in ("index.html", "how-to/roll-back.html", "images/concepts.svg", "search/search_index.json"):
        answer = reader.get(f"/docs/{path}")
        assert answer.data and answer.status_code == 200, path
        answer.close()
        assert answer.headers["Content-Security-Policy"].startswith(
            "default-src 'none'; script-src 'self'; style-src 'self'"
        )
        assert answer.headers["Cache-Control"] == "no-cache"
    whole = reader.get("/docs/index.html")
    again = reader.get("/docs/index.html", headers={"If-None-Match": whole.headers["ETag"]})
    whole.close()
    again.close()
    assert again.status_code == 304


@pytest.mark.parametrize("path", ["nothing.html", "../pyproject.toml", "%2e%2e/pyproject.toml", ".made-of/x"])
def test_what_is_not_of_the_site_is_not_served(reader: FlaskClient, path: str) -> None:
    assert reader.get(f"/docs/{path}").status_code == 404


def test_an_installation_without_the_site_says_how_to_build_it(tmp_path: Path) -> None:
    site = Site(tmp_path)
    context = site.app.extensions[EXTENSION]
    settings = context.settings.model_copy(update={"site_folder": str(tmp_path)})
    site.app.extensions[EXTENSION] = replace(context, settings=settings)
    answer = site.client().get("/docs/index.html")
    assert answer.status_code == 404 and "make site" in answer.get_data(as_text=True)


def test_every_page_of_the_product_has_a_chapter_that_exists(folder: Path) -> None:
    for address in HELP:
        assert (folder / chapter(address).removeprefix("/docs/")).is_file(), address
    listed = {address for _, entries in (*NAVIGATION, ADMINISTRATION) for _, address in entries}
    assert listed - set(HELP) == set()
    without = {
        route.rule
        for area in AREAS
        for route in area.ROUTES
        if route.method == "GET" and not route.public and chapter(route.rule) == "/docs/index.html"
    }
    # `/` leads on, and the first steps are a part of other pages.
    assert without <= {"/", "/first-steps", "/first-steps/bar"}


def test_the_help_link_of_a_page_leads_to_its_chapter(tmp_path: Path) -> None:
    ann = Site(tmp_path).browser()
    assert 'href="/docs/how-to/connect-a-registry.html"' in ann.get("/endpoints/new?type=docker").get_data(as_text=True)


@pytest.mark.parametrize("text", examples("yaml"))
def test_each_yaml_example_can_be_read_and_each_pipeline_saved(text: str) -> None:
    for tree in yaml.safe_load_all(text):
        if isinstance(tree, dict) and "stageOrder" in tree:
            tree = load_yaml(text)[0].tree
            assert examine_pipeline({"project": "default", **tree}, task_schemas=TASK_SCHEMAS).flaws == []
        assert tree


@pytest.mark.parametrize("text", examples("json"))
def test_each_json_example_can_be_read(text: str) -> None:
    assert json.loads(text)


@pytest.mark.parametrize("text", [*examples("nginx"), *examples("caddy")])
def test_the_braces_of_a_proxys_example_are_closed(text: str) -> None:
    assert text.count("{") == text.count("}") > 0
    assert all(
        line.strip().endswith((";", "{", "}")) for line in text.splitlines() if "server {" in text and line.strip()
    )
