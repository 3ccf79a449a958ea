"""A server on loopback that answers as a test writes it, byte for byte."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

Answer = Callable[[socket.socket, str], None]
"""Answers one request, whose head it is given; the connection is closed afterwards."""


@dataclass
class HostileServer:
    """Where it is, and the heads of the requests that came."""

    host: str
    port: int
    heads: list[str] = field(default_factory=list)
    closed: threading.Event = field(default_factory=threading.Event)
    """A client has closed a connection before its answer was whole, or its request."""

    @property
    def url(self) -> str:
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"


@contextmanager
def hostile_server(answer: Answer, host: str = "127.0.0.1") -> Iterator[HostileServer]:
    """Serve until the block ends."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.bind((host, 0))
    listener.listen(64)
    server = HostileServer(host, listener.getsockname()[1])

    def serve(connection: socket.socket) -> None:
        with connection:
            head = b""
            with suppress(OSError):
                while b"\r\n\r\n" not in head and (piece := connection.recv(65536)):
                    head += piece
            if b"\r\n\r\n" not in head:
                server.closed.set()
                return
            server.heads.append(head.decode("latin-1"))
            try:
                answer(connection, server.heads[-1])
            except OSError:
                server.closed.set()

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=serve, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield server
    finally:
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def reply(status: str = "200 OK", body: bytes = b"", **headers: str) -> Answer:
    """An ordinary answer; names of headers are written with `_` for `-`."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {text}" for name, text in headers.items()]
    raw = "\r\n".join([*lines, "", ""]).encode() + body
    return lambda connection, head: connection.sendall(raw)


def drip(every_s: float = 0.05, head: bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n") -> Answer:
    """A byte at a time, for ever."""

    def answer(connection: socket.socket, _head: str) -> None:
        connection.sendall(head)
        while True:
            connection.sendall(b"x")
            threading.Event().wait(every_s)

    return answer


def flood(head: bytes, total: int, piece: bytes = b"\0" * 65536) -> Answer:
    """This many bytes after the head, as fast as they are taken."""

    def answer(connection: socket.socket, _head: str) -> None:
        connection.sendall(head)
        for _ in range(total // len(piece)):
            connection.sendall(piece)

    return answer
