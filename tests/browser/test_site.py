"""The documentation as a site, served by the gateway under its own policy: search, pictures, and a walk by purpose."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import Browser, Page, expect
from werkzeug.serving import make_server

from services.gateway.app_context import EXTENSION
from tests.support.site import built_site
from tests.unit.gateway.site import Site

pytestmark = pytest.mark.browser
QUESTIONS = (
    ("my first deployment", "tutorial/first-deployment"),
    ("user role", "how-to/users-and-roles"),
    ("approval before production", "how-to/approvals"),
    ("several environments", "how-to/several-environments"),
    ("how do I roll back", "how-to/roll-back"),
    ("leaked hook URL", "how-to/rotate-keys-and-tokens"),
    ("rotate sealing key", "how-to/rotate-keys-and-tokens"),
    ("nginx event streams", "how-to/tls-behind-a-proxy"),
    ("TLS with Caddy or Traefik", "how-to/tls-behind-a-proxy"),
    ("ingress TLS", "how-to/tls-behind-a-proxy"),
    ("troubleshooting", "how-to/troubleshooting"),
    ("deploy from GitHub Actions", "how-to/github-actions-and-ghcr"),
    ("GitLab registry", "how-to/gitlab-registry"),
    ("pull from AWS ECR", "how-to/aws"),
    ("install without internet air-gapped", "how-to/air-gapped-and-proxies"),
    ("behind an HTTP proxy", "how-to/air-gapped-and-proxies"),
    ("uninstall", "how-to/uninstall"),
    ("back up and restore", "how-to/back-up-and-move"),
    ("import exports from Code Stream", "move-"),
    ("why was my push not deployed", "how-to/find-out-why-a-push-was-not-deployed"),
    ("cluster kubeconfig", "how-to/connect-a-cluster"),
    ("cron schedule", "how-to/schedule"),
    ("sign in with cs-cli", "how-to/sign-in-with-cli-clients"),
    ("install on Kubernetes with Helm", "how-to/install-on-kubernetes"),
)
"""What people ask, in the words that they type, and the page that answers."""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a gateway serves the site."""
    site = Site(tmp_path_factory.mktemp("home"))
    context = site.app.extensions[EXTENSION]
    settings = context.settings.model_copy(update={"site_folder": str(built_site())})
    site.app.extensions[EXTENSION] = replace(context, settings=settings)
    server = make_server("127.0.0.1", 0, site.app, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.fixture
def reader(chromium: Browser) -> Iterator[tuple[Page, list[str]]]:
    """A browser without a session, and what it complains of."""
    complaints: list[str] = []
    page = chromium.new_page()
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("response", lambda answer: complaints.append(answer.url) if answer.status >= 400 else None)
    yield page, complaints
    page.close()


def test_each_question_is_answered_by_the_first_or_second_result(address: str, reader: tuple[Page, list[str]]) -> None:
    page, complaints = reader
    page.goto(f"{address}/docs/index.html")
    page.keyboard.press("/")
    missed = {}
    for question, answer in QUESTIONS:
        found = search(page, question)
        if not any(answer in link for link in found[:2]):
            missed[question] = found[:4]
    assert missed == {}
    assert complaints == []


def test_the_start_page_leads_to_every_page_of_each_purpose(address: str, reader: tuple[Page, list[str]]) -> None:
    page, complaints = reader
    page.goto(f"{address}/docs/index.html")
    purposes = page.locator("article table tbody tr")
    assert purposes.count() >= 7
    for row in range(purposes.count()):
        links = purposes.nth(row).locator("a").evaluate_all("links => links.map(link => link.href)")
        assert len(links) >= 3
        for link in links:
            page.goto(link)
            assert page.locator("article h1").inner_text()
            broken = page.locator("article img").evaluate_all(
                "images => images.filter(image => image.complete && !image.naturalWidth).map(image => image.src)"
            )
            assert broken == []
        page.goto(f"{address}/docs/index.html")
    assert complaints == []


def search(page: Page, question: str) -> list[str]:
    """The addresses of the pages that the site's search finds, best first."""
    field, state = page.locator(".md-search__input"), page.locator(".md-search-result__meta")
    # Filled at once, a question is one search: typed, each letter is one, and a busy machine shows those of the first.
    for text, said in (("", "Type to start searching"), (question, "matching document")):
        field.fill(text)
        field.press("End")
        expect(state).to_contain_text(said, timeout=30_000)
    links: list[str] = page.locator(".md-search-result__item > a").evaluate_all("links => links.map(link => link.href)")
    return links
