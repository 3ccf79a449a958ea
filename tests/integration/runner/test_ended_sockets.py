"""A cancel or a deadline closes the socket of every kind of outgoing call at once: no garbage collection is needed."""

from __future__ import annotations

import gc
import os
import socket
import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress

import pytest

from services.runner.clients import certificates, git, smtp, ssh
from services.runner.clients.registry import Registry, RegistryAccount
from services.runner.task_protocol import OpenEndpoint
from services.runner.tasks.k8s.cluster import ClusterConnection
from shared.outbound.cancel_scope import CancelScope, Ended
from shared.outbound.guard import Guard, Reach
from shared.outbound.http import HttpClient, OutboundError, RequestLimits
from shared.outbound.tls import SYSTEM
from tests.support.outbound import LOOPBACK

CLOSED_WITHIN_S = READ_WITHIN_S = 20.0
"""On a machine that is short of everything. The collector is off, so no patience closes what the code forgot."""


class MutePeer:
    """Sends what it is given once somebody has connected, and nothing more."""

    def __init__(self, listener: socket.socket, greeting: bytes, *, waits: bool) -> None:
        self.port: int = listener.getsockname()[1]
        self.is_waiting = threading.Event()
        """The caller has nothing left to do but to wait for the rest."""
        self.closed = threading.Event()
        self._listener, self._greeting, self._waits = listener, greeting, waits
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with suppress(OSError), self._listener.accept()[0] as connection:
            if self._waits:
                connection.recv(65536)
            connection.sendall(self._greeting)
            self.is_waiting.set()
            with suppress(OSError):
                while connection.recv(65536):
                    pass
            self.closed.set()


@contextmanager
def mute_peer(greeting: bytes, *, waits: bool) -> Iterator[MutePeer]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield MutePeer(listener, greeting, waits=waits)


@pytest.fixture(autouse=True)
def _no_collector() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


def sockets_towards(port: int) -> int:
    """How many descriptors of this process are connected to that port."""
    count = 0
    for descriptor in map(int, os.listdir("/dev/fd")):
        with suppress(OSError):
            if stat.S_ISSOCK(os.fstat(descriptor).st_mode):
                with socket.socket(fileno=os.dup(descriptor)) as copy:
                    count += copy.family == socket.AF_INET and copy.getpeername()[1] == port
    return count


def all_closed_within(port: int, seconds: float) -> bool:
    until = time.monotonic() + seconds
    while sockets_towards(port):
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


def cluster(port: int) -> ClusterConnection:
    properties = {"kubernetesURL": f"http://127.0.0.1:{port}", "token": "t0ken", "authType": "token"}
    return ClusterConnection(OpenEndpoint("prod", "k8s", properties), LOOPBACK.guard)


def pod_log(port: int) -> None:
    with closing(cluster(port)) as connection:
        connection.pod_log("apps", "web", "web", previous=False, lines=10)


def version(port: int) -> None:
    with closing(cluster(port)) as connection:
        connection.version()


def registry(port: int) -> None:
    account = RegistryAccount(f"127.0.0.1:{port}", "acme", "password", plain_http=True)
    Registry(account, LOOPBACK).resolve("acme/web", "1.0")


def git_url(url: str) -> None:
    git.branches(LOOPBACK, OpenEndpoint("source", "git", {"repoURL": url, "hostKey": ""}), lambda _line: None)


def ssh_login(port: int) -> None:
    login = ssh.Login("127.0.0.1", "ann", port, password="secret")
    ssh.connect(login, LOOPBACK.guard, Reach(), lambda _key: None)


def mail(method: str) -> Callable[[int], None]:
    def send(port: int) -> None:
        properties = {"outboundHost": "127.0.0.1", "outboundPort": str(port), "encryptionMethod": method}
        with smtp.session(OpenEndpoint("mail", "email", properties), LOOPBACK.guard):
            pass

    return send


def certificate(port: int) -> None:
    host, connect = certificates.dial(f"https://127.0.0.1:{port}", LOOPBACK.guard, Reach())
    certificates.read_certificates(host, connect, SYSTEM)


HALF_A_HEAD = b"HTTP/1.1 200 OK\r\nX-A: "
HALF_A_BODY = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
HALF_A_CHUNK = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nhalf"
HALF_A_LIST = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/x-git-upload-pack-advertisement\r\n\r\n001e# service=git-upload"
)
HALF_A_HANDSHAKE = b"\x16\x03\x03\x40\x00\x02"
CALLS: dict[str, tuple[Callable[[int], object], bytes, bool]] = {
    "HTTP, no answer": (lambda port: LOOPBACK.request("GET", f"http://127.0.0.1:{port}/"), b"", True),
    "HTTP, half a body": (lambda port: LOOPBACK.request("GET", f"http://127.0.0.1:{port}/"), HALF_A_BODY, True),
    "HTTP, half a chunk": (lambda port: LOOPBACK.request("GET", f"http://127.0.0.1:{port}/"), HALF_A_CHUNK, True),
    "TLS, half a handshake": (
        lambda port: LOOPBACK.request("GET", f"https://127.0.0.1:{port}/"), HALF_A_HANDSHAKE, True),
    "a certificate": (certificate, HALF_A_HANDSHAKE, True),
    "a registry": (registry, HALF_A_HEAD, True),
    "Kubernetes": (version, HALF_A_BODY, True),
    "a pod's log": (pod_log, HALF_A_CHUNK, True),
    "Git over HTTP": (lambda port: git_url(f"http://127.0.0.1:{port}/acme/web.git"), HALF_A_LIST, True),
    "Git over SSH": (lambda port: git_url(f"ssh://ann@127.0.0.1:{port}/acme/web.git"), b"SSH-2.0-mute\r\n", False),
    "SSH, no greeting": (ssh_login, b"", True),
    "SSH, no key exchange": (ssh_login, b"SSH-2.0-mute\r\n", True),
    "SMTP, no greeting": (mail("TLS"), b"", False),
    "SMTP, half a greeting": (mail("NONE"), b"220-mail.example.com\r\n", False),
    "SMTP, half a handshake": (mail("SSL"), HALF_A_HANDSHAKE, True),
}  # fmt: skip


@pytest.mark.parametrize("reason", [Ended.CANCELLED, Ended.DEADLINE])
@pytest.mark.parametrize("kind", CALLS)
def test_the_socket_is_closed_on_both_sides(kind: str, reason: Ended) -> None:
    call, greeting, waits = CALLS[kind]
    kept, over = list[Exception](), threading.Event()  # What is kept holds every frame that it came through.
    scope = CancelScope()

    def work() -> None:
        with scope:
            try:
                call(peer.port)
            except Exception as error:
                kept.append(error)
        over.set()

    with mute_peer(greeting, waits=waits) as peer:
        threading.Thread(target=work, daemon=True).start()
        assert peer.is_waiting.wait(READ_WITHIN_S)
        scope.cancel(reason)
        assert peer.closed.wait(CLOSED_WITHIN_S)
        assert over.wait(READ_WITHIN_S)
        assert kept
        assert all_closed_within(peer.port, CLOSED_WITHIN_S)


def test_a_client_that_closes_keeps_no_idle_connection_though_somebody_keeps_an_error() -> None:
    client = HttpClient(Guard(allow_local=True), user_agent="test")
    whole = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    with mute_peer(whole, waits=True) as peer:
        url = f"http://127.0.0.1:{peer.port}/"
        with client.stream("GET", url) as reply:
            # The peer answers one connection: this second one of the same pool waits until its deadline.
            with pytest.raises(OutboundError) as kept:
                client.request("GET", url, limits=RequestLimits(overall_s=0.2))
            assert reply.read() == b"ok"
        assert sockets_towards(peer.port) == 1
        client.close()
        assert peer.closed.wait(CLOSED_WITHIN_S)
        assert sockets_towards(peer.port) == 0
    assert kept.value.code == "too-slow"
