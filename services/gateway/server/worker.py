"""gunicorn's worker with a loop in front of its threads: a thread begins with a complete request.

The problem: a thread that reads from a socket waits as long as the other side likes. Some hundred connections that send
half a request, or a byte a second, or no TLS handshake, then hold every thread, and no hook is served.

So one loop reads all connections without waiting: TLS handshakes (their arithmetic in two threads of its own, which
never wait either), heads and bodies, each with a deadline and bounds on size, in memory and beyond that in a file. A
request that is complete goes to a thread of the pool, which answers it (`answering`). Of the answer the loop sends what
its reader does not take at once (`outlet`), so that a slow reader holds no thread either. Then the connection waits for
its next request.

Sign-ins have a few threads of their own: a thread for each of a flood would hold up all others of the process.

A client with too many connections loses its own oldest ones (`connection_book`). Built on gunicorn's `Worker` and its
parser; `tests/unit/gateway/test_server_parts.py` names the parts of gunicorn that have to stay as they are.
"""

from __future__ import annotations

import contextlib
import os
import resource
import selectors
import socket
import ssl
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any, cast

from gunicorn.workers.base import Worker
from gunicorn.workers.gthread import PollableMethodQueue

from services.gateway.settings import GatewaySettings
from shared.process.addresses import is_within, normal_text
from shared.process.clock import monotonic
from shared.process.logging import get_logger

from .answering import answer
from .connection import Connection, Limits, PeerGone, Phase
from .connection_book import ConnectionBook
from .tls import ServerCertificate

ACCEPTED_AT_ONCE = 64
HANDSHAKE_THREADS = 2
SIGN_IN_THREADS = 8
"""Sign-ins wait for these without a thread: however many strangers send, hooks and pages share the interpreter with
eight. Twice as many as the strangers whose password config checks at once, so that nobody else waits for theirs."""
TURN_S = 0.5
"""How often deadlines are looked at."""
STOP_IDLE_S = 2.0
"""How long a stopping worker still takes requests on kept connections."""
MEMORY_FOR_PEERS = 32 * 1024 * 1024
DISK_FOR_PEERS = 256 * 1024 * 1024
"""Bytes of requests that are not complete and of answers that are not read, in one worker."""
REPORT_DROPS_EVERY_S = 60.0
MOST_FILES = 65_536
FILES_BESIDE = 256
"""File descriptors for everything but connections."""


class LoopWorker(Worker):  # type: ignore[misc]
    """One process; the loop runs in its main thread."""

    alive: bool

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._settings: GatewaySettings = self.app.settings
        self._accepting = False
        self._drops: Counter[str] = Counter()
        self._drops_reported_at = monotonic()
        self._swept_at = 0.0

    def init_process(self) -> None:
        settings = self._settings
        self._limits = Limits(settings.folder / "requests", float(self.cfg.keepalive))
        self._book: ConnectionBook[Connection] = ConnectionBook(
            limit=max(1, min(settings.connections, _raise_file_limit() - FILES_BESIDE)),
            per_address=settings.connections_per_address,
            is_exempt=lambda address: is_within(address, settings.trusted_proxies),
        )
        self._certificate = (
            ServerCertificate(settings.tls_certfile, settings.tls_keyfile) if settings.tls_certfile else None
        )
        self._poller = selectors.DefaultSelector()
        self._calls = PollableMethodQueue()
        self._calls.init()
        self._threads = ThreadPoolExecutor(self.cfg.threads, thread_name_prefix="request")
        self._sign_ins = ThreadPoolExecutor(SIGN_IN_THREADS, thread_name_prefix="sign-in")
        self._handshakes = ThreadPoolExecutor(HANDSHAKE_THREADS, thread_name_prefix="handshake")
        super().init_process()

    def handle_exit(self, sig: Any, frame: Any) -> None:
        """SIGTERM: end the streams, which would hold the worker back."""
        if (application := getattr(self, "wsgi", None)) is not None:
            application.stop()
        super().handle_exit(sig, frame)

    # The loop

    def run(self) -> None:
        """Until the process is to stop; then requests in hand are finished."""
        self._poller.register(self._calls.fileno(), selectors.EVENT_READ, self._calls.run_callbacks)
        self._poller.register(self.PIPE[0], selectors.EVENT_READ, _drain)
        self._accept_from_now_on(True)
        while self.alive and self.ppid == os.getppid():
            self._turn()
        self.alive = False
        self._accept_from_now_on(False)
        idle_until, end = monotonic() + STOP_IDLE_S, monotonic() + self.cfg.graceful_timeout
        while len(self._book) and monotonic() < end:
            if monotonic() > idle_until:
                self._drop_all(self._book.waiting)
            self._turn()
        self._threads.shutdown(wait=False)
        self._sign_ins.shutdown(wait=False)
        self._handshakes.shutdown(wait=False)
        for listener in self.sockets:
            listener.close()

    def _turn(self) -> None:
        self.notify()
        for key, _ in self._poller.select(TURN_S):
            key.data(key.fileobj)
        at = monotonic()
        if at - self._swept_at > TURN_S:
            self._swept_at = at
            self._sweep(at)

    def _sweep(self, at: float) -> None:
        """End what is past its deadline; keep what waits within its bounds; accept again where that had failed."""
        for connection in self._book.waiting:
            if connection.deadline < at:
                self._expire(connection)
        self._drop_all(over_budget(self._book.waiting))
        self._accept_from_now_on(self.alive)
        self._report_drops(at)

    def _expire(self, connection: Connection) -> None:
        if connection.phase is Phase.READING:
            self._refuse(connection, 408)
        else:
            self._drop(connection)

    def _drop_all(self, connections: Iterable[Connection]) -> None:
        for connection in connections:
            self._drop(connection)

    def _report_drops(self, at: float) -> None:
        if self._drops and at - self._drops_reported_at > REPORT_DROPS_EVERY_S:
            ((address, most),) = self._drops.most_common(1)
            get_logger().warning("connections.dropped", count=self._drops.total(), address=address, of_address=most)
            self._drops.clear()
            self._drops_reported_at = at

    # Connecting

    def _accept_from_now_on(self, accepting: bool) -> None:
        if accepting == self._accepting:
            return
        self._accepting = accepting
        for listener in self.sockets:
            listener.setblocking(False)
            if accepting:
                self._poller.register(listener, selectors.EVENT_READ, self._accept)
            else:
                self._poller.unregister(listener)

    def _accept(self, listener: Any) -> None:
        for _ in range(ACCEPTED_AT_ONCE):
            try:
                sock, client = listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                # No descriptor or memory is left: the next sweep tries again.
                get_logger().warning("connections.not-accepted", reason=error.strerror)
                self._accept_from_now_on(False)
                return
            self._open(sock, client, listener.getsockname())

    def _open(self, sock: socket.socket, client: tuple[str, int], server: object) -> None:
        sock.setblocking(False)
        phase = Phase.IDLE if self._certificate is None else Phase.HANDSHAKE
        connection = Connection(sock, client, server, self._limits, monotonic(), phase)
        victim = self._book.add(connection, normal_text(str(client[0])))
        if victim is not None:
            self._drops[self._book.address_of(victim)] += 1
            self._drop(victim)
        if victim is connection:
            return
        if connection.phase is Phase.HANDSHAKE:
            self._watch(connection)
        else:
            self._receive(connection)

    def _step_handshake(self, connection: Connection) -> None:
        self._unwatch(connection)
        has_few_bytes = connection.has_few_bytes()
        sock = self._with_tls(connection)
        if sock is None or has_few_bytes:
            # Nothing to compute yet: not worth a thread, however many drip their handshakes.
            self._after_handshake_step(connection, _handshake_step(sock) if sock else None)
            return
        self._book.busy(connection)
        step = self._handshakes.submit(_handshake_step, sock)
        step.add_done_callback(lambda done: self._calls.defer(self._after_handshake_thread, connection, done))

    def _with_tls(self, connection: Connection) -> ssl.SSLSocket | None:
        """Its socket, speaking TLS from its first byte on; None when the peer is gone."""
        if isinstance(connection.sock, ssl.SSLSocket) or self._certificate is None:
            return cast("ssl.SSLSocket", connection.sock)
        context = self._certificate.context(monotonic())
        try:
            sock = context.wrap_socket(connection.sock, server_side=True, do_handshake_on_connect=False)
        except OSError:
            return None
        connection.speak_tls(sock)
        return sock

    def _after_handshake_thread(self, connection: Connection, step: Future[int | None]) -> None:
        self._book.wait(connection)
        self._after_handshake_step(connection, None if step.cancelled() else step.result())

    def _after_handshake_step(self, connection: Connection, waits_for: int | None) -> None:
        if waits_for is None:
            self._drop(connection)
        elif waits_for:
            self._watch(connection, waits_for)
        else:
            connection.end_handshake(monotonic())
            self._receive(connection)

    # Reading

    def _watch(self, connection: Connection, events: int = selectors.EVENT_READ) -> None:
        if not connection.watched:
            connection.watched = True
            self._poller.register(connection.sock, events, partial(self._on_event, connection))

    def _unwatch(self, connection: Connection) -> None:
        if connection.watched:
            connection.watched = False
            self._poller.unregister(connection.sock)

    def _on_event(self, connection: Connection, _sock: Any) -> None:
        # It may have been dropped for another event of the same turn.
        if connection.watched:
            _ON_EVENT[connection.phase](self, connection)

    def _receive(self, connection: Connection) -> None:
        try:
            connection.receive(monotonic())
        except PeerGone:
            self._drop(connection)
        except OSError as error:
            get_logger().error("request.not-kept", reason=error.strerror)
            self._refuse(connection, 503)
        else:
            self._advance(connection)

    def _advance(self, connection: Connection) -> None:
        if connection.refusal is not None:
            self._refuse(connection, connection.refusal)
        elif connection.complete:
            self._serve(connection)
        else:
            self._watch(connection)

    def _refuse(self, connection: Connection, status: int) -> None:
        connection.answer(status)
        self._close(connection)

    def _close(self, connection: Connection) -> None:
        """Close in order: what was answered arrives, whatever the peer still sends."""
        try:
            connection.begin_closing(monotonic())
        except OSError:
            self._drop(connection)
        else:
            self._watch(connection)

    def _discard(self, connection: Connection) -> None:
        try:
            connection.discard()
        except PeerGone:
            self._drop(connection)

    def _drop(self, connection: Connection) -> None:
        self._unwatch(connection)
        self._book.remove(connection)
        connection.close()

    # Serving

    def _serve(self, connection: Connection) -> None:
        self._unwatch(connection)
        self._book.busy(connection)
        connection.phase = Phase.BUSY
        threads = self._sign_ins if self.wsgi.is_sign_in(connection.target) else self._threads
        served = threads.submit(self._answer, connection)
        served.add_done_callback(lambda done: self._calls.defer(self._after_request, connection, done))

    def _answer(self, connection: Connection) -> bool:
        return answer(connection, self.wsgi, self.cfg, keep_open=self.alive and not connection.is_last)

    def _after_request(self, connection: Connection, served: Future[bool]) -> None:
        self._book.wait(connection)
        if served.cancelled() or served.exception() is not None:
            self._drop(connection)
            return
        connection.begin_sending(monotonic(), is_last=not served.result())
        self._send(connection)

    def _send(self, connection: Connection) -> None:
        """Send the answer's rest as far as it goes; then on to the next request, or to the end."""
        try:
            is_sent = connection.outlet.flush()
        except OSError:
            self._drop(connection)
            return
        if not is_sent:
            self._watch(connection, selectors.EVENT_WRITE)
            return
        self._unwatch(connection)
        if connection.is_last:
            self._close(connection)
        else:
            self._await_next(connection)

    def _await_next(self, connection: Connection) -> None:
        try:
            connection.begin_idle(monotonic())
        except OSError:
            self._drop(connection)
            return
        if connection.complete or connection.refusal is not None:
            self._advance(connection)
        else:
            # TLS may hold decrypted bytes of which the poller knows nothing.
            self._receive(connection)


_ON_EVENT: dict[Phase, Callable[[LoopWorker, Connection], None]] = {
    Phase.HANDSHAKE: LoopWorker._step_handshake,
    Phase.IDLE: LoopWorker._receive,
    Phase.READING: LoopWorker._receive,
    Phase.SENDING: LoopWorker._send,
    Phase.CLOSING: LoopWorker._discard,
}


def over_budget(connections: Iterable[Connection]) -> list[Connection]:
    """Those that have waited longest, as many as it takes for what the others hold to fit into memory and on disk."""
    held = [connection for connection in connections if connection.in_memory or connection.store.on_disk]
    memory = sum(connection.in_memory for connection in held) - MEMORY_FOR_PEERS
    disk = sum(connection.store.on_disk for connection in held) - DISK_FOR_PEERS
    victims = []
    for connection in held:
        if memory <= 0 and disk <= 0:
            break
        memory -= connection.in_memory
        disk -= connection.store.on_disk
        victims.append(connection)
    return victims


def _handshake_step(sock: ssl.SSLSocket) -> int | None:
    """As much of a handshake as goes without waiting: events to wait for, 0 when it is done, None when it failed."""
    try:
        sock.do_handshake()
    except ssl.SSLWantReadError:
        return selectors.EVENT_READ
    except ssl.SSLWantWriteError:
        return selectors.EVENT_WRITE
    except (OSError, ValueError):
        return None
    return 0


def _drain(pipe: int) -> None:
    with contextlib.suppress(OSError):
        os.read(pipe, 4096)


def _raise_file_limit() -> int:
    """As many file descriptors as this process may have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = hard if hard != resource.RLIM_INFINITY else max(soft, MOST_FILES)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
