"""One system of real processes for all rows; a row that needs another brings its own.

Each file here is a row of the table of what dies and what must hold; what is killed comes back by itself, as under any
supervisor, and each test leaves the system whole.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.world import World, a_world

LEASE_S = 5.0
"""A quarter of the usual, so that the suite waits less."""


@pytest.fixture
def world(whole: World) -> World:
    """As the test before left it, once all that it killed is back."""
    whole.active_config()
    whole.documents("/projects")
    return whole


@pytest.fixture(scope="package")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Two configs (one stands by), two runners, hubsync and the gateway, with what the demo defines."""
    with a_world(tmp_path_factory.mktemp("world"), standby=True, more={"LEASE_S": str(LEASE_S)}) as running:
        yield running
