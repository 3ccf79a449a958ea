"""The rendered reference names all that the document has, and leads nowhere that is not there."""

from __future__ import annotations

import re

import pytest

from services.gateway.api import openapi

from .site import Site, the_site


@pytest.fixture(scope="module")
def page() -> str:
    answer = the_site().reset().client().get("/docs/api")
    assert answer.status_code == 200
    return answer.get_data(as_text=True)


def test_it_needs_no_session_and_nothing_from_elsewhere(site: Site, page: str) -> None:
    policy = site.client().get("/docs/api").headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy
    assert re.findall(r'(?:src|href)="(?!/|#)([^"]*)"', page) == []
    assert "<style" not in page and " style=" not in page


def test_every_operation_and_every_object_stands_on_it(page: str) -> None:
    document = openapi.document()
    operations = [one for path in document["paths"].values() for key, one in path.items() if key != "servers"]
    ids = set(re.findall(r' id="([^"]+)"', page))
    assert {one["operationId"] for one in operations} <= ids
    assert {name for name, one in document["components"]["schemas"].items() if one.get("properties")} <= ids


def test_no_link_on_it_is_broken(page: str) -> None:
    ids = set(re.findall(r' id="([^"]+)"', page))
    assert set(re.findall(r'href="#([^"]+)"', page)) <= ids
