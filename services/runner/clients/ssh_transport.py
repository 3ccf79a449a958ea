"""paramiko's transport with bounds on what the other side sends: it trusts a server's packet lengths and windows.

Greeting and packets are read into memory as the server announces them, and data of a channel is kept although nobody
has allowed the server to send so much (paramiko 5.1: `Packetizer.read_message`, `Channel._feed`). A server past a bound
loses the connection. How long anything may take is up to the caller. The private parts of paramiko used here are in the
table of `docs/development/library-internals.md`.
"""

from __future__ import annotations

from typing import Any

import paramiko
from paramiko.common import MSG_CHANNEL_DATA, MSG_CHANNEL_EXTENDED_DATA
from paramiko.packet import Packetizer

MAX_PACKET_BYTES = 256 * 1024
"""What OpenSSH takes at most; RFC 4253 (6.1) asks for 35,000."""
MAX_GREETING_BYTES = 64 * 1024
"""The version's line and those before it (RFC 4253, 4.2)."""


class _GreetingSocket:
    """The connection as paramiko reads it: bounds what comes before the first packet."""

    def __init__(self, sock: Any) -> None:
        self._socket = sock
        self._greeted: int | None = 0
        """Bytes of the greeting so far; None once packets come."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._socket, name)

    def end_greeting(self) -> None:
        self._greeted = None

    def recv(self, size: int) -> bytes:
        """Up to so many bytes. Raises `SSHException` for an endless greeting, else what the socket raises."""
        data = bytes(self._socket.recv(size))
        if self._greeted is not None:
            self._greeted += len(data)
            if self._greeted > MAX_GREETING_BYTES:
                raise paramiko.SSHException(f"its greeting is longer than {MAX_GREETING_BYTES:,} bytes")
        return data


class BoundedPacketizer(Packetizer):  # type: ignore[misc]
    """Reads no packet and no greeting that is longer than the bounds."""

    def __init__(self, sock: Any) -> None:
        self._connection = _GreetingSocket(sock)
        super().__init__(self._connection)

    def read_all(self, n: int, check_rekey: bool = False) -> bytes:
        """So many bytes of a packet. Raises `SSHException`."""
        self._connection.end_greeting()
        if n > MAX_PACKET_BYTES:
            raise paramiko.SSHException(f"it announces a packet of {n:,} bytes; {MAX_PACKET_BYTES:,} are the most")
        return bytes(super().read_all(n, check_rekey))


def _fed(channel: paramiko.Channel, message: paramiko.Message) -> None:
    channel._feed(message)
    _demand_window(channel)


def _fed_extended(channel: paramiko.Channel, message: paramiko.Message) -> None:
    channel._feed_extended(message)
    _demand_window(channel)


def _demand_window(channel: paramiko.Channel) -> None:
    unread = len(channel.in_buffer) + len(channel.in_stderr_buffer)
    if unread > channel.in_window_size:
        raise paramiko.SSHException(f"it sends more than the {channel.in_window_size:,} bytes that it may")


class BoundedTransport(paramiko.Transport):  # type: ignore[misc]
    """For `SSHClient.connect(transport_factory=…)`."""

    _channel_handler_table = {  # noqa: RUF012 - paramiko's own table has this form
        **paramiko.Transport._channel_handler_table,
        MSG_CHANNEL_DATA: _fed,
        MSG_CHANNEL_EXTENDED_DATA: _fed_extended,
    }

    def __init__(self, sock: Any, **options: Any) -> None:
        super().__init__(sock, packetizer_class=BoundedPacketizer, **options)
