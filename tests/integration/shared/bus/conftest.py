"""Two processes' worth of post on one broker."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pika
import pytest

from shared.bus import Bus
from shared.contracts.topics import Service
from tests.support.patience import PATIENCE_S
from tests.support.patience import until as until


@pytest.fixture
def open_bus(vhost_url: str) -> Iterator[Callable[[Service], Bus]]:
    """Opens a bus as some service, ready, and closes it after the test."""
    opened: list[Bus] = []

    def open_one(service: Service) -> Bus:
        bus = Bus(vhost_url, service=service, instance=f"t{len(opened)}")
        opened.append(bus)
        bus.open()
        assert bus.wait_connected(PATIENCE_S), bus.trouble
        return bus

    yield open_one
    for bus in opened:
        bus.close()


@pytest.fixture
def config(open_bus: Callable[[Service], Bus]) -> Bus:
    return open_bus(Service.CONFIG)


@pytest.fixture
def runner(open_bus: Callable[[Service], Bus]) -> Bus:
    return open_bus(Service.RUNNER)


@pytest.fixture
def gateway(open_bus: Callable[[Service], Bus]) -> Bus:
    return open_bus(Service.GATEWAY)


@pytest.fixture
def raw(vhost_url: str) -> Iterator[Any]:
    """A bare channel, to look behind the post's back."""
    connection = pika.BlockingConnection(pika.URLParameters(vhost_url))
    yield connection.channel()
    if connection.is_open:
        connection.close()


def depth(raw: Any, queue: str) -> int:
    """How many messages are ready in a queue."""
    count: int = raw.queue_declare(queue, passive=True).method.message_count
    return count
