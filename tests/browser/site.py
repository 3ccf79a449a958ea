"""The application's pages in a real browser over made-up data: fixtures for tests that need no running system."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page
from werkzeug.serving import make_server

from services.gateway.sessions import COOKIE
from shared.contracts.catalog import Page as Rows
from shared.process.clock import now
from tests.unit.gateway.site import Site, the_site

TASK = {"type": "K8S", "status": "COMPLETED"}
LONG = "n" * 300


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    server = make_server("127.0.0.1", 0, the_site().reset().app, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.fixture
def site() -> Site:
    return the_site().reset()


@pytest.fixture
def page(address: str, site: Site, chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context(viewport={"width": 1440, "height": 900}, base_url=address)
    token = site.sessions.issue(site.signed_in, now()).token
    context.add_cookies([{"name": f"{COOKIE}_{urlsplit(address).port}", "value": token, "url": address}])
    yield context.new_page()
    context.close()


def execution(stages: int) -> dict[str, object]:
    names = [f"Stage {place}" for place in range(stages)]
    return {
        "id": "e1",
        "name": "web",
        "index": 7,
        "project": "default",
        "status": "COMPLETED",
        "stageOrder": names,
        "stages": {name: {"status": "COMPLETED", "taskOrder": ["Apply"], "tasks": {"Apply": TASK}} for name in names},
    }


def many(document: dict[str, object], shown: int = 50) -> Rows:
    """A full page of 500 rows."""
    stamp = {"_createTimeInMicros": 1_700_000_000_000_000}
    rows = ({**stamp, **document, "id": f"x{place}", **_named(document, place)} for place in range(shown))
    return Rows(documents=tuple(rows), total=500)


def _named(document: dict[str, object], place: int) -> dict[str, object]:
    """Names differ, as they do in a project."""
    return {key: f"{place:03}{document[key]}"[:300] for key in ("name", "pipelineName") if key in document}


def long_site(site: Site) -> None:
    """500 rows of each list, with names of 300 characters and twelve stages."""
    named = {"name": LONG, "project": LONG, "description": LONG, "enabled": True, "state": "ENABLED"}
    site.pages["executions"] = many({**execution(12), "name": LONG, "statusMessage": LONG, "status": "FAILED"}, 25)
    site.pages["pipelines"] = many({**named, "stageOrder": [f"Stage {place}" for place in range(12)]})
    site.pages["registry-events"] = many(
        {
            **named,
            "imageName": f"acme/{LONG}",
            "tag": LONG[:128],
            "verdict": "started",
            "reason": LONG,
            "webhookId": "w",
        }
    )
    site.pages["registry-webhooks"] = many({**named, "repository": LONG, "tagNamePattern": LONG, "pipeline": LONG}, 30)
    site.pages["variables"] = many({**named, "type": "REGULAR", "value": LONG})
    site.pages["endpoints"] = many({**named, "type": "docker", "properties": {"repoURL": LONG}})
    site.pages["projects"] = many({"name": LONG, "description": LONG})
    site.pages["users"] = many({"name": LONG, "email": f"{LONG}@example.com", "serviceRole": "User", "enabled": True})
    site.pages["audit"] = many({"user": LONG, "action": "patch", "objectKind": "pipelines", "name": LONG})
    site.pages["notices"] = many({"about": "hook", "message": LONG, "nextStep": LONG, "page": "/webhooks", "until": ""})
    site.pages["dead-letters"] = many({"queue": LONG, "type": LONG, "reason": LONG, "subject": LONG, "state": "kept"})
