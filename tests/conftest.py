"""Real parts for the suite: each starts once a run, on free ports, and ends with it."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli import rabbitmq


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[rabbitmq.PrivateNode]:
    """A private RabbitMQ node for the whole run. Without RabbitMQ the run fails: the bus cannot be left out."""
    if not rabbitmq.is_installed():
        pytest.fail("RabbitMQ is not installed; `make test` installs it, or: apt-get install rabbitmq-server")
    node = rabbitmq.PrivateNode(tmp_path_factory.mktemp("rabbitmq"))
    node.start()
    try:
        yield node
    finally:
        node.stop()


@pytest.fixture(scope="session")
def amqp_url(broker: rabbitmq.PrivateNode) -> str:
    """The address of the run's broker."""
    return broker.amqp_url


@pytest.fixture
def vhost_url(broker: rabbitmq.PrivateNode) -> Iterator[str]:
    """An empty virtual host for one test."""
    name = f"test-{uuid.uuid4().hex[:12]}"
    url = broker.add_vhost(name)
    try:
        yield url
    finally:
        broker.remove_vhost(name)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PORTSIDE_HOME of its own."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("PORTSIDE_HOME", str(folder))
    return folder


def pytest_configure(config: pytest.Config) -> None:
    os.environ.setdefault("PYTHONWARNINGS", "error")
