"""One whole Portside that serves HTTPS, for every test of this folder: they make what they need and clean up."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support import tls
from tests.support.world import World, a_world

from .things import PROJECT, Things


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Real processes, a demo Hub and a demo cluster, and what the demo defines."""
    certificate = tls.write_server(tmp_path_factory.mktemp("tls"))
    more = {"OUTGOING_LOCAL": "true", "LOG_LEVEL": "DEBUG"}
    with a_world(tmp_path_factory.mktemp("world"), runners=1, certificate=str(certificate), more=more) as running:
        yield running


@pytest.fixture(scope="session")
def things(world: World) -> Things:
    """Maker of objects in a project of their own."""
    world.client.post("/projects", {"name": PROJECT})
    return Things(world.client, world.layout.certificate, world.scene.kubernetes, world.hub_url)
