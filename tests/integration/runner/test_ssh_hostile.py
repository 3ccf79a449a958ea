"""SSH servers that send more than anybody asked for: bounded in size and time, whoever runs them."""

from __future__ import annotations

import os
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import paramiko
import pytest

from services.runner.clients import ssh
from services.runner.clients.ssh_transport import MAX_PACKET_BYTES
from shared.outbound.guard import Reach
from tests.support import processes
from tests.support.outbound import LOOPBACK
from tests.support.patience import PATIENCE_S

PIECE = bytes(64 * 1024)
MOST_SENT = 256 * 1024 * 1024
"""So much a server of these sends at most."""
MOST_GROWTH = 64 * 1024 * 1024


@contextmanager
def server(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """Serves one connection; its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            with suppress(OSError, EOFError, paramiko.SSHException):
                connection, _ = listener.accept()
                with connection:
                    serve(connection)

        threading.Thread(target=accept, daemon=True).start()
        yield listener.getsockname()[1]


def endless(connection: socket.socket, start: bytes) -> None:
    connection.sendall(start)
    for _ in range(MOST_SENT // len(PIECE)):
        connection.sendall(PIECE)


def connect(port: int) -> paramiko.SSHClient:
    login = ssh.Login("127.0.0.1", "ann", port, password="secret")
    return ssh.connect(login, LOOPBACK.guard, Reach(), lambda _key: None)


@contextmanager
def unharmed() -> Iterator[None]:
    """The block ends soon and takes little memory."""
    began, held = time.monotonic(), processes.resident_bytes(os.getpid())
    yield
    assert time.monotonic() - began < PATIENCE_S
    assert processes.resident_bytes(os.getpid()) - held < MOST_GROWTH


@pytest.mark.parametrize(
    ("start", "reason"),
    [
        (b"SSH-2.0-", "greeting is longer"),
        (b"SSH-2.0-hostile\r\n" + struct.pack(">I", 2**30 + 4) + bytes(4), "announces a packet of 1,073,741,8"),
    ],
    ids=["greeting", "packet"],
)
def test_a_greeting_and_a_packet_are_bounded(start: bytes, reason: str) -> None:
    with server(lambda connection: endless(connection, start)) as port, unharmed():
        with pytest.raises(ssh.SshProblem, match=reason) as caught:
            connect(port)
    assert caught.value.code == "unreachable"


class _Host(paramiko.ServerInterface):  # type: ignore[misc]
    """Lets everybody in and does nothing."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        """To run something."""

    def check_auth_password(self, username: str, password: str) -> int:
        return int(paramiko.common.AUTH_SUCCESSFUL)

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return int(paramiko.common.OPEN_SUCCEEDED)

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        self.asked.set()
        return True


def session(send: Callable[[paramiko.Channel], Any]) -> Callable[[socket.socket], None]:
    """A server that lets the client in, and sends as soon as it is asked to run something."""
    key = paramiko.ECDSAKey.generate()

    def serve(connection: socket.socket) -> None:
        with paramiko.Transport(connection) as transport:
            transport.add_server_key(key)
            host = _Host()
            transport.start_server(server=host)
            channel = transport.accept(PATIENCE_S)
            assert host.asked.wait(PATIENCE_S)
            time.sleep(0.1)
            # The client's window and packet size count for nothing.
            channel.out_window_size = channel.out_max_packet_size = 2**31 - 1
            send(channel)
            transport.join(PATIENCE_S)

    return serve


def flood(send: Callable[[bytes], None], piece: bytes) -> None:
    for _ in range(MOST_SENT // len(piece)):
        send(piece)


@pytest.mark.parametrize(
    ("send", "reason"),
    [
        (lambda channel: flood(channel.sendall, PIECE[: 32 * 1024]), "more than 1 MiB|sends more than"),
        (lambda channel: flood(channel.sendall_stderr, PIECE[: 32 * 1024]), "sends more than"),
        (lambda channel: channel.send(bytes(2 * MAX_PACKET_BYTES)), "announces a packet of 5"),
    ],
    ids=["output", "errors", "packet"],
)
def test_what_a_command_prints_is_bounded_whatever_window_it_was_given(
    send: Callable[[paramiko.Channel], None], reason: str
) -> None:
    with server(session(send)) as port, connect(port) as client, unharmed():
        with pytest.raises((ssh.SshProblem, paramiko.SSHException, EOFError, OSError), match=reason):
            ssh.run(client, "true")
