"""A load balancer on loopback: each connection goes to the next gateway in turn that takes it."""

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Sequence
from contextlib import suppress

_CHUNK = 65_536
_CONNECT_LIMIT_S = 1.0


class Balancer:
    """Round robin over TCP, without stickiness. `only` sends what is new to one backend, `all` to each again."""

    def __init__(self, ports: Sequence[int], host: str = "127.0.0.1") -> None:
        self.ports = tuple(ports)
        self._in_use = self.ports
        self._turn = 0
        self._lock = threading.Lock()
        balancer = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                backend = balancer._connect()
                if backend is None:
                    return
                with backend:
                    back = threading.Thread(target=_pump, args=(backend, self.request), daemon=True)
                    back.start()
                    _pump(self.request, backend)
                    back.join()

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            block_on_close = False
            request_queue_size = 256

        self._server = Server((host, 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True, name="balancer").start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def only(self, port: int) -> None:
        self._in_use = (port,)

    def all(self) -> None:
        self._in_use = self.ports

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _connect(self) -> socket.socket | None:
        with self._lock:
            self._turn += 1
            turn, ports = self._turn, self._in_use
        for step in range(len(ports)):
            with suppress(OSError):
                backend = socket.create_connection(
                    ("127.0.0.1", ports[(turn + step) % len(ports)]), timeout=_CONNECT_LIMIT_S
                )
                backend.settimeout(None)
                return backend
        return None


def _pump(source: socket.socket, sink: socket.socket) -> None:
    """Copy until the source ends, and tell the sink that it has."""
    with suppress(OSError):
        while chunk := source.recv(_CHUNK):
            sink.sendall(chunk)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
