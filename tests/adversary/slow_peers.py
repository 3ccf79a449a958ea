"""A stranger with many connections that never finish anything, as a process of its own, from an address of its own.

`python -m tests.adversary.slow_peers KIND HOST PORT COUNT SECONDS` prints how many connections it has once they are
nearly all, or after ten seconds, and works until its time is over or it is ended. Bounded in count and time; loopback
only.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import ssl
import sys
import time
from collections.abc import Callable, Iterator

SOURCE = "127.0.0.2"
DRIP_EVERY_S = 1.0
NEARLY_ALL = 0.9
READY_WITHIN_S = 10.0
HEAD = b"POST /pipelines/api/docker-hub-webhooks?secureToken=none HTTP/1.1\r\nHost: a\r\n"
PATIENT = (BlockingIOError, InterruptedError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


def half_heads(_place: int) -> Iterator[bytes]:
    """Sixty bytes of a head, and no more."""
    yield b"POST /x HTTP/1.1\r\nHost: a\r\nX-A:"
    while True:
        yield b""


def dripping_heads(place: int) -> Iterator[bytes]:
    """A head that grows by one byte a second."""
    yield HEAD + b"X-%d: " % place
    while True:
        yield b"a"


def dripping_bodies(_place: int) -> Iterator[bytes]:
    """A body that grows by one byte a second."""
    yield HEAD + b"Content-Type: application/json\r\nContent-Length: 100000\r\n\r\n{"
    while True:
        yield b" "


def silence(_place: int) -> Iterator[bytes]:
    """Not a byte: over TLS a handshake that never begins."""
    while True:
        yield b""


def half_handshakes(_place: int) -> Iterator[bytes]:
    """The first bytes of a TLS handshake, one a second."""
    hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"r" * 500
    for byte in hello:
        yield bytes([byte])
    while True:
        yield b""


def slow_readers(_place: int) -> Iterator[bytes]:
    """Whole requests for the largest answer that anybody gets, which nobody reads."""
    yield b"GET /openapi.json HTTP/1.1\r\nHost: a\r\n\r\n" * 8
    while True:
        yield b""


KINDS: dict[str, Callable[[int], Iterator[bytes]]] = {
    "half-heads": half_heads,
    "dripping-heads": dripping_heads,
    "dripping-bodies": dripping_bodies,
    "silence": silence,
    "half-handshakes": half_handshakes,
    "slow-readers": slow_readers,
}


def connect(host: str, port: int) -> socket.socket:
    """A connection from the stranger's address that takes as little as it may."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    sock.bind((SOURCE, 0))
    sock.settimeout(2)
    sock.connect((host, port))
    sock.setblocking(False)
    return sock


def attack(kind: str, host: str, port: int, count: int, seconds: float) -> None:
    """Keep this many connections; whichever is closed is opened again."""
    # A stranger works on a machine of his own.
    os.nice(10)
    began = time.monotonic()
    until = began + seconds
    poller = selectors.DefaultSelector()
    is_ready, opened = False, 0
    while time.monotonic() < until:
        turn = time.monotonic()
        while len(poller.get_map()) < count and time.monotonic() < min(until, turn + 1):
            with contextlib.suppress(OSError):
                poller.register(connect(host, port), selectors.EVENT_READ, KINDS[kind](opened))
            opened += 1
        held = len(poller.get_map())
        if not is_ready and (held >= NEARLY_ALL * count or turn - began > READY_WITHIN_S):
            is_ready = True
            print(held, flush=True)
        for key in list(poller.get_map().values()):
            _drip(poller, key, reads=kind != "slow-readers")
        time.sleep(max(0.05, DRIP_EVERY_S - (time.monotonic() - turn)))


def _drip(poller: selectors.BaseSelector, key: selectors.SelectorKey, *, reads: bool) -> None:
    sock = key.fileobj
    assert isinstance(sock, socket.socket)
    try:
        sock.send(next(key.data))
        if reads:
            with contextlib.suppress(*PATIENT):
                if not sock.recv(1024):
                    raise ConnectionResetError
    except PATIENT:
        return
    except OSError:
        poller.unregister(sock)
        sock.close()


if __name__ == "__main__":
    attack(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5]))
