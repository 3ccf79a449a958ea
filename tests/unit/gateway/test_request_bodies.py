"""Bodies for API and pages: decompressed within bounds, or refused by name, in the API's error shape."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from werkzeug.test import Client
from werkzeug.wrappers import Request, Response

from services.gateway.concurrency_limit import ConcurrencyLimit
from services.gateway.dispatcher import Dispatcher
from services.gateway.request_bodies import DROPPED, MAX_BODY

BOMB = gzip.compress(b" " * (MAX_BODY + 1), mtime=0)


@Request.application
def echo(request: Request) -> Response:
    return Response(request.get_data() + b"|" + request.headers.get("Content-Encoding", "none").encode())


@pytest.fixture
def client() -> Client:
    web = Dispatcher(hooks=None, web=echo, probes={}, crowd=ConcurrencyLimit(9))
    return Client(web, Response)


def test_a_gzip_body_arrives_plain(client: Client) -> None:
    answer = client.post("/x", data=gzip.compress(b"abc"), headers={"Content-Encoding": "gzip"})
    assert answer.data == b"abc|none"
    assert client.post("/x", data=b"abc").data == b"abc|none"


@pytest.mark.parametrize(
    ("body", "encoding", "status"),
    [(BOMB, "gzip", 413), (b"abc", "gzip", 400), (b"abc", "br", 415), (b"abc", "gzip, gzip", 415)],
)
def test_what_cannot_be_decompressed_is_refused_by_name(
    client: Client, body: bytes, encoding: str, status: int
) -> None:
    answer = client.post("/x", data=body, headers={"Content-Encoding": encoding})
    assert answer.status_code == status and json.loads(answer.data)["statusCode"] == status


def test_a_body_whose_end_was_thrown_away_is_never_served(client: Client) -> None:
    overrides: dict[str, Any] = {DROPPED: True}
    assert client.post("/x", data=b"abc", environ_overrides=overrides).status_code == 413
