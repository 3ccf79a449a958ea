"""Real parts for the suite: each starts once a run, on free ports, and ends with it."""

from __future__ import annotations

import gc
import os
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import settings

from cli import ports, rabbitmq
from tests.support import needs, postgres

# Between two edits a tenth of the usual examples finds nearly all; `make test` looks for the rest. No example has a
# deadline: how long it takes is the machine's affair.
settings.register_profile("whole", deadline=None)
settings.register_profile("quick", max_examples=10, deadline=None)
settings.load_profile("quick")

# Tracebacks as Python writes them: drawing them takes half a second each.
_plain = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
structlog.configure(processors=[*structlog.get_config()["processors"][:-1], _plain])


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
        node.kill()  # Nobody reads its disk again, and to stop in order takes a node six seconds.


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


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A private PostgreSQL server for the whole run."""
    with postgres.server() as url:
        yield url


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PORTSIDE_HOME of its own."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("PORTSIDE_HOME", str(folder))
    return folder


def pytest_configure() -> None:
    """Each process of pytest-xdist chooses its ports from a range of its own: it binds them seconds later."""
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw3").removeprefix("gw")) % 4
    ports.QUIET_PORTS = range(10_000 + 2_500 * number, 10_000 + 2_500 * (number + 1))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--outer", action="store_true", help="run the outer ring as well")
    parser.addoption("--every-part", action="store_true", help="refuse to start while a part is missing")


BEGIN_FIRST = "tests/system/test_readme.py"
"""Of all files it takes longest but for one that begins early anyway; begun late, it keeps two idle workers waiting."""


def pytest_collection(session: pytest.Session) -> None:
    """Importing and collecting makes half a million objects that all stay: looking for garbage among them is vain."""
    gc.disable()


def pytest_collection_finish(session: pytest.Session) -> None:
    """From here on the collector looks only at what tests make, and more rarely: a tenth less CPU for the unit ring."""
    gc.freeze()
    gc.set_threshold(10_000)
    gc.enable()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the outer ring, and what needs a part that is missing: the summary says which, and how to bring it."""
    items.sort(key=lambda item: not item.nodeid.startswith(BEGIN_FIRST))
    if not config.getoption("--outer"):
        outer = [item for item in items if item.get_closest_marker("outer")]
        config.hook.pytest_deselected(items=outer)
        items[:] = [item for item in items if item not in outer]
    every_part = config.getoption("--every-part")
    # Looking for a part may take a program's start: only for what these tests need.
    marked = {mark.name for item in items for mark in item.iter_markers()}
    looked_for = [need for need in needs.ALL if every_part or need.marker in marked]
    missing = {need.marker: need for need in looked_for if not need.is_there()}
    if missing and every_part:
        raise pytest.UsageError(*(f"{need.marker} is missing: {need.how}" for need in missing.values()))
    for item in items:
        for marker, need in missing.items():
            if item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=f"{needs.PREFIX}{marker}: {need.how}"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The last lines name what was left out, with the one line that would bring it."""
    left_out: Counter[str] = Counter()
    for report in terminalreporter.stats.get("skipped", []):
        reason = str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr)
        _, found, need = reason.partition(needs.PREFIX)
        if found:
            left_out[need] += 1
    for need, count in sorted(left_out.items()):
        terminalreporter.write_line(f"left out: {count} tests need {need}")
