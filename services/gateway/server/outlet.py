"""Where an answer is written to: the socket, and a queue for what its reader does not take at once.

An answer of known length is queued, so that its thread is free however slowly it is read; the loop sends the queue. A
stream has no end to wait for: it is written as it comes, and a reader who stops reading loses it.
"""

from __future__ import annotations

import socket
import ssl
from collections import deque

from gunicorn.http.wsgi import Response

SEND_WITHIN_S = 30.0
"""For each piece that a thread writes itself, and at least for what the loop sends."""
SLOWEST_BYTES_PER_S = 8 * 1024
PIECE = 256 * 1024
MOST_QUEUED = 1024 * 1024
"""Of one answer; a thread waits until the rest of it is no more than that."""
FULL = (BlockingIOError, InterruptedError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Outlet:
    """What gunicorn takes for a socket while one request is answered."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._queue: deque[memoryview] = deque()
        self._queued = 0
        self.queues = False
        """Is the answer's length known?"""

    def __len__(self) -> int:
        return self._queued

    def fileno(self) -> int:
        """The socket's own, for those who watch it."""
        return self._sock.fileno()

    def sendall(self, data: bytes) -> None:
        """Send, or queue what does not go at once. Raises `OSError`."""
        if self.queues:
            # By reference: what many are sent, such as a file of ours, is held once.
            self._queue.append(memoryview(data))
            self._queued += len(data)
            self.flush()
            self._wait_for_room()
        else:
            self._sock.settimeout(SEND_WITHIN_S)
            for start in range(0, len(data), PIECE):
                self._sock.sendall(data[start : start + PIECE])

    def flush(self) -> bool:
        """Send of the queue what goes without waiting; True when nothing is left. Raises `OSError`."""
        self._sock.setblocking(False)
        while self._queue:
            try:
                self._take(self._sock.send(self._queue[0][:PIECE]))
            except FULL:
                return False
        return True

    def sends_within_s(self) -> float:
        """How long the queue may take."""
        return SEND_WITHIN_S + self._queued / SLOWEST_BYTES_PER_S

    def _wait_for_room(self) -> None:
        while self._queued > MOST_QUEUED:
            self._sock.settimeout(SEND_WITHIN_S)
            piece = self._queue[0][:PIECE]
            self._sock.sendall(piece)
            self._take(len(piece))

    def _take(self, sent: int) -> None:
        """Forget what was sent, all of it from the first piece."""
        self._queued -= sent
        if sent < len(self._queue[0]):
            self._queue[0] = self._queue[0][sent:]
        else:
            self._queue.popleft()


class QueuedResponse(Response):  # type: ignore[misc]
    """gunicorn's response, written to an `Outlet`."""

    def process_headers(self, headers: list[tuple[str, str]]) -> None:
        super().process_headers(headers)
        self.sock.queues = self.response_length is not None
