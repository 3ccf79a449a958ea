"""One system of real processes, in which looks at registries come every second."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.world import World, a_world

PACE = {"LOOK_EVERY_S": "1", "MISSED_EVERY_S": "1", "MISSED_PATIENCE_S": "2"}


@pytest.fixture(scope="package")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One runner, hubsync, config and the gateway, with what the demo defines; a roll-out takes no time."""
    with a_world(tmp_path_factory.mktemp("world"), runners=1, pace_s=0.05, more=PACE) as running:
        yield running
