"""A receiver of HTTP on loopback, and what sends to it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from services.runner.notifications.notifier import Notifier
from shared.outbound.http import HttpClient
from tests.support.outbound import LOOPBACK
from tests.support.web import Web, web_server

from .sample import Keys


@pytest.fixture
def web() -> Iterator[Web]:
    with web_server() as kept:
        yield kept


@pytest.fixture(scope="module")
def outgoing() -> Iterator[HttpClient]:
    """Of all tests: each new session reads the system's certificates."""
    yield LOOPBACK
    LOOPBACK.close()


@pytest.fixture
def notifier(keys: Keys, outgoing: HttpClient) -> Notifier:
    return Notifier(outgoing, keys[1], keys[0])
