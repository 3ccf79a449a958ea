"""The application's pages in a real browser over made-up data: fixtures for tests that need no running system."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page
from werkzeug.serving import make_server

from services.gateway.sessions import COOKIE
from shared.process.clock import now
from tests.unit.gateway.site import Site, the_site


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
