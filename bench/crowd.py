"""People who watch a page move, and something that moves."""

from __future__ import annotations

import selectors
import socket
import threading
import time
from types import TracebackType
from urllib.parse import urlsplit

import pika

from shared.bus import wire
from shared.contracts.runs import ExecutionChanged
from shared.contracts.topics import EXECUTION_CHANGED
from shared.process.ids import new_id

from .watch import EXCHANGE

CHANGES_PER_S = 20
PEOPLE = 20
GONE_S = 5.0
"""A stream looks after each frame whether it is still read; with this many that is every few seconds."""


class Viewers:
    """This many open streams of one page, read by one thread. One refused for want of room is none."""

    def __init__(self, base_url: str, path: str, cookies: str, count: int) -> None:
        target = urlsplit(base_url)
        self._address = (target.hostname or "", target.port or 80)
        headers = {"Host": target.netloc, "Cookie": cookies, "Accept": "text/event-stream"}
        lines = [f"GET {path}?person=%d HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        self._head = "".join(f"{line}\r\n" for line in (*lines, "")).encode()
        self._count = count
        self._streams: list[socket.socket] = []
        self._selector = selectors.DefaultSelector()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self.bytes = 0

    def __enter__(self) -> Viewers:
        for number in range(self._count):
            stream = socket.create_connection(self._address, timeout=10)
            # Streams with the same address share a picture, as the tabs of one person do.
            stream.sendall(self._head % (number % PEOPLE))
            if b" 200 " not in stream.recv(1 << 16).partition(b"\r\n")[0]:
                stream.close()
                continue
            stream.setblocking(False)
            self._selector.register(stream, selectors.EVENT_READ)
            self._streams.append(stream)
        self._thread.start()
        time.sleep(2)
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join(5)
        for stream in self._streams:
            stream.close()
        self._selector.close()
        time.sleep(GONE_S)

    @property
    def watching(self) -> int:
        """How many were let in."""
        return len(self._streams)

    def _read(self) -> None:
        while not self._stop.is_set():
            for key, _ in self._selector.select(timeout=0.1):
                stream = key.fileobj
                assert isinstance(stream, socket.socket)
                try:
                    said = stream.recv(1 << 16)
                except OSError:
                    said = b""
                self.bytes += len(said)
                if not said:
                    self._selector.unregister(stream)


class News:
    """Changes of executions, as config would broadcast them while many run."""

    def __init__(self, amqp_url: str) -> None:
        self._url = amqp_url
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._tell, daemon=True)

    def __enter__(self) -> News:
        self._thread.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join(5)

    def _tell(self) -> None:
        connection = pika.BlockingConnection(pika.URLParameters(self._url))
        channel = connection.channel()
        while not self._stop.wait(1 / CHANGES_PER_S):
            change = ExecutionChanged(
                execution_id=new_id(), revision=1, project="default", pipeline="Watched", index=1, status="RUNNING"
            )
            parcel = wire.pack(EXECUTION_CHANGED, change, source="bench", subject=change.execution_id, persistent=False)
            channel.basic_publish(EXCHANGE, EXECUTION_CHANGED.name, parcel.body, parcel.properties)
        connection.close()
