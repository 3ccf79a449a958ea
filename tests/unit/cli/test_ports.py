"""A port that was found free is not taken by an outgoing connection before its server binds it."""

from __future__ import annotations

import socket

from cli.ports import QUIET_PORTS, free_port


def test_a_free_port_is_none_that_outgoing_connections_get() -> None:
    assert all(free_port() in QUIET_PORTS for _ in range(50))


def test_a_preferred_port_in_use_gives_way_to_another() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        taken = listener.getsockname()[1]
        assert free_port(taken) in QUIET_PORTS
    assert free_port(taken) == taken
