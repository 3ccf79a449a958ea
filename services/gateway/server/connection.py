"""One connection of the worker's loop: reads without waiting, until a whole request is there."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
from dataclasses import dataclass
from enum import Enum, auto
from http import HTTPStatus
from pathlib import Path

from services.gateway.request_bodies import MAX_BODY

from .framing import MAX_HEAD, RequestFrame
from .outlet import Outlet
from .request_store import RequestStore

RECEIVE_SIZE = 64 * 1024
FEW_BYTES = 128
MOST_READ = 4 * MAX_BODY
"""Of a body that is too large so much is still read, so that its sender gets the answer and not a broken connection."""
HEAD_WITHIN_S = 10.0
"""For a TLS handshake, and again for a head from its first byte on."""
REQUEST_WITHIN_S = 60.0
"""For a whole request from its first byte on."""
LINGER_S = 2.0
"""How long a connection that we ended waits for its peer to do so too."""
MESSAGES = {
    400: "The request is not valid HTTP.",
    408: "The request did not arrive in time.",
    413: "The body has too many chunks.",
    431: "The request's head is too large.",
    500: "Something went wrong inside the gateway; its log has the details.",
    503: "Too much is being sent at once; try again in a moment.",
}


class PeerGone(Exception):
    """The other side closed the connection, or it broke."""


class Phase(Enum):
    """What a connection waits for."""

    HANDSHAKE = auto()
    IDLE = auto()
    """The first byte of a request."""
    READING = auto()
    BUSY = auto()
    """A thread: it serves the request."""
    SENDING = auto()
    """The peer: it has not taken all of the answer."""
    CLOSING = auto()
    """The peer's end, after ours."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Where and how long this worker's connections wait, in seconds."""

    folder: Path
    keep_alive_s: float


class Connection:
    """A socket, and as much of its present request as has come. Only the loop calls it, but for `sock` while busy."""

    def __init__(
        self,
        sock: socket.socket,
        client: tuple[str, int],
        server: object,
        limits: Limits,
        at: float,
        phase: Phase = Phase.IDLE,
    ) -> None:
        self.sock = sock
        self.client = client
        self.server = server
        self.phase = phase
        self.deadline = at + HEAD_WITHIN_S
        self.watched = False
        """Does the loop listen to it?"""
        self._is_over = False
        self.store = RequestStore(limits.folder, MAX_HEAD + MAX_BODY)
        self.outlet = Outlet(sock)
        self._limits = limits
        self._frame = RequestFrame()
        self._rest = b""
        self._began_at = at
        self._drained = 0

    @property
    def complete(self) -> bool:
        """Is a whole request there?"""
        return self._frame.complete

    @property
    def is_last(self) -> bool:
        """Does nothing more come on it? Its answer said so, or the request's end is not known."""
        return self._is_over or self._frame.is_odd

    @property
    def refusal(self) -> int | None:
        """The status to answer without asking anybody; None for a request that can be served."""
        return self._frame.refusal

    @property
    def target(self) -> str:
        """What the request asks for, as its first line has it."""
        return self._frame.target

    def has_few_bytes(self) -> bool:
        """Is less waiting in the socket than a handshake's message has? Below TLS, without taking any."""
        try:
            return len(socket.socket.recv(self.sock, FEW_BYTES, socket.MSG_PEEK)) < FEW_BYTES
        except OSError:
            return True

    def speak_tls(self, sock: ssl.SSLSocket) -> None:
        """Use this socket from here on."""
        self.sock, self.outlet = sock, Outlet(sock)

    def end_handshake(self, at: float) -> None:
        """TLS is agreed on: the first request may come."""
        self.phase, self.deadline = Phase.IDLE, at + HEAD_WITHIN_S

    def begin_idle(self, at: float) -> None:
        """Wait for the next request; what has come of it already counts. Raises `OSError`."""
        self._frame = RequestFrame()
        self.store.clear()
        self.sock.setblocking(False)
        self.phase, self.deadline = Phase.IDLE, at + self._limits.keep_alive_s
        if self._rest:
            self._take(b"", at)

    def close(self) -> None:
        """Give the socket and what was kept back to the system."""
        self.store.clear()
        self.sock.close()

    @property
    def in_memory(self) -> int:
        """Bytes that it holds, of a request or an answer."""
        return self.store.in_memory + len(self.outlet)

    def begin_sending(self, at: float, *, is_last: bool) -> None:
        """The answer is made; what was not sent of it is the loop's."""
        self._is_over = self._is_over or is_last
        self.store.clear()
        self.phase, self.deadline = Phase.SENDING, at + self.outlet.sends_within_s()

    def receive(self, at: float) -> None:
        """Read what has come, without waiting. Raises `PeerGone`, and `OSError` when a body cannot be kept."""
        while not self.complete:
            data = self._receive()
            if data is None:
                return
            self._take(data, at)
            if not isinstance(self.sock, ssl.SSLSocket) or not self.sock.pending():
                return

    def discard(self) -> None:
        """Read and forget, while closing. Raises `PeerGone` at the peer's end, or when it sends too much."""
        data = self._receive()
        self._drained += len(data or b"")
        if self._drained > MOST_READ:
            raise PeerGone

    def begin_closing(self, at: float) -> None:
        """Say that nothing more comes, and wait for the peer to end. Raises `OSError`."""
        self.phase, self.deadline = Phase.CLOSING, at + LINGER_S
        self.store.clear()
        self._rest = b""
        self.sock.setblocking(False)
        self.sock.shutdown(socket.SHUT_WR)

    def answer(self, status: int) -> None:
        """Say in one sentence why the request is not served, if the peer takes it at once."""
        phrase = HTTPStatus(status).phrase
        body = json.dumps({"status": status, "error": phrase, "message": MESSAGES[status]})
        head = (
            f"HTTP/1.1 {status} {phrase}\r\nConnection: close\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        self._send_at_once((head + body).encode("latin1"))

    def _receive(self) -> bytes | None:
        """Some bytes, None when there are none now."""
        try:
            data = self.sock.recv(RECEIVE_SIZE)
        except (BlockingIOError, InterruptedError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return None
        except OSError as error:
            raise PeerGone from error
        if not data:
            raise PeerGone
        return data

    def _take(self, data: bytes, at: float) -> None:
        if self.phase is Phase.IDLE:
            self.phase, self._began_at = Phase.READING, at
            self.deadline = at + HEAD_WITHIN_S
        was_in_head = self._frame.in_head
        data = self._rest + data
        used = self._frame.feed(data)
        self.store.write(data[:used])
        self._rest = data[used:]
        if was_in_head and not self._frame.in_head:
            self._begin_body()
        if not self.complete and self.store.size > MOST_READ:
            self._cut()

    def _begin_body(self) -> None:
        self.deadline = self._began_at + REQUEST_WITHIN_S
        if self.complete:
            return
        if self._frame.declared > (MAX_BODY if self._frame.expects_continue else MOST_READ):
            self._cut()
        elif self._frame.expects_continue:
            self._send_at_once(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _cut(self) -> None:
        """Serve the request without the rest of its body, which is far too large to be kept."""
        self._is_over = True
        self._frame.end()

    def _send_at_once(self, data: bytes) -> None:
        with contextlib.suppress(OSError):
            self.sock.send(data)
