"""Pages and their files are compressed for who takes it; data of the API and small answers are not."""

from __future__ import annotations

import gzip

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.unit.gateway.site import Site

GZIP = {"Accept-Encoding": "gzip, deflate"}


def get(client: FlaskClient, path: str, **headers: str) -> TestResponse:
    answer = client.get(path, headers=headers)
    with answer:
        answer.get_data()
    return answer


@pytest.mark.parametrize("path", ["/executions", "/static/portside.css", "/static/vendor/htmx-2.0.11.min.js"])
def test_a_page_and_its_files_are_compressed(ann: FlaskClient, path: str) -> None:
    plain, packed = get(ann, path), get(ann, path, **GZIP)
    assert "Content-Encoding" not in plain.headers and packed.headers["Content-Encoding"] == "gzip"
    assert plain.headers["Vary"] == packed.headers["Vary"] == "Accept-Encoding" or "Cookie" in packed.headers["Vary"]
    assert gzip.decompress(packed.data) == plain.data
    assert len(packed.data) < len(plain.data) / 2


def test_a_file_that_a_browser_has_is_not_sent_again(ann: FlaskClient) -> None:
    tag = get(ann, "/static/portside.css", **GZIP).headers["ETag"]
    again = get(ann, "/static/portside.css", **GZIP, **{"If-None-Match": tag})
    assert (again.status_code, again.data) == (304, b"")


def test_the_size_of_a_page_varies(ann: FlaskClient) -> None:
    assert len({len(get(ann, "/executions", **GZIP).data) for _ in range(12)}) > 2


def test_answers_of_the_api_are_sent_as_they_are(site: Site) -> None:
    answer = site.client().get("/codestream/api/pipelines", headers={**GZIP, **site.bearer})
    assert answer.status_code == 200 and "Content-Encoding" not in answer.headers
