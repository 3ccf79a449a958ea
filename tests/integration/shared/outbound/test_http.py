"""The HTTP client against servers that are slow, endless or lead elsewhere."""

from __future__ import annotations

import gzip
import resource
import threading
import time
import zlib
from collections.abc import Iterator

import pytest

from shared.outbound.cancel_scope import CancelScope
from shared.outbound.guard import Guard
from shared.outbound.http import HttpClient, OutboundAccess, OutboundError, RequestLimits
from tests.support.hostile import drip, flood, hostile_server, reply
from tests.support.patience import PATIENCE_S, until

MIB = 1024 * 1024


@pytest.fixture
def client() -> Iterator[HttpClient]:
    made = HttpClient(Guard(allow_local=True), user_agent="test")
    yield made
    made.close()


@pytest.fixture
def guarded() -> Iterator[HttpClient]:
    made = HttpClient(Guard(), user_agent="test")
    yield made
    made.close()


def code_of(client: HttpClient, url: str, **more: object) -> str:
    with pytest.raises(OutboundError) as raised:
        client.request("GET", url, **more)  # type: ignore[arg-type]
    return raised.value.code


@pytest.mark.parametrize(
    "head",
    [b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nX-A: ",
     b"HTTP/1.1 100 Continue\r\n\r\nHTTP", b""],
)  # fmt: skip
def test_a_server_that_drips_is_ended_by_the_overall_deadline(client: HttpClient, head: bytes) -> None:
    with hostile_server(drip(head=head)) as server:
        began = time.monotonic()
        assert code_of(client, server.url, limits=RequestLimits(overall_s=0.5)) == "too-slow"
        assert time.monotonic() - began < PATIENCE_S
        assert server.closed.wait(PATIENCE_S)


def test_a_handshake_that_drips_is_ended_by_the_overall_deadline(client: HttpClient) -> None:
    # The first bytes of a TLS record that promises more than ever comes.
    with hostile_server(drip(head=b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc")) as server:
        url = server.url.replace("http:", "https:")
        assert code_of(client, url, limits=RequestLimits(overall_s=0.5)) == "too-slow"


def test_a_cancel_from_another_thread_closes_the_socket(client: HttpClient) -> None:
    with hostile_server(drip()) as server, CancelScope() as scope:

        def cancel() -> None:
            until(lambda: server.heads)
            scope.cancel()

        threading.Thread(target=cancel, daemon=True).start()
        began = time.monotonic()
        assert code_of(client, server.url) == "canceled"
        assert time.monotonic() - began < PATIENCE_S
        assert server.closed.wait(PATIENCE_S)
        assert code_of(client, server.url) == "canceled"  # What begins after a cancel ends at once.


def test_a_connection_that_was_open_already_is_closed_by_a_cancel_too(client: HttpClient) -> None:
    once = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

    def answer(connection: object, _head: str) -> None:
        connection.sendall(once)  # type: ignore[attr-defined]
        connection.recv(65536)  # type: ignore[attr-defined]
        drip()(connection, "")  # type: ignore[arg-type]

    with hostile_server(answer) as server:
        assert client.request("GET", server.url).body == b"ok"
        assert code_of(client, server.url, limits=RequestLimits(overall_s=0.5)) == "too-slow"
        assert len(server.heads) == 1


@pytest.mark.parametrize("encoding", ["", "gzip", "deflate"])
def test_a_body_is_bounded_after_it_is_decompressed(client: HttpClient, encoding: str) -> None:
    plain = b"\0" * (64 * MIB)
    packed = {"": plain, "gzip": gzip.compress(plain), "deflate": zlib.compress(plain)}[encoding]
    named = {"Content_Encoding": encoding} if encoding else {}
    with hostile_server(reply(body=packed, **named)) as server:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        assert code_of(client, server.url, limits=RequestLimits(body_bytes=MIB)) == "too-large"
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20 * 1024


def test_the_body_of_a_redirect_is_not_read(client: HttpClient) -> None:
    size = 300 * MIB
    with hostile_server(reply(body=b"there")) as there:
        head = f"HTTP/1.1 302 Found\r\nContent-Length: {size}\r\nLocation: {there.url}/\r\n\r\n".encode()
        with hostile_server(flood(head, size)) as server:
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            assert client.request("GET", server.url).body == b"there"
            assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20 * 1024
            assert server.closed.wait(PATIENCE_S)


def test_a_circle_of_redirects_ends(client: HttpClient) -> None:
    with hostile_server(reply("302 Found", Location="/")) as server:
        assert code_of(client, server.url) == "redirected"
        assert len(server.heads) == 6


def test_no_credential_follows_a_redirect(client: HttpClient) -> None:
    secret = {"Authorization": "Bearer t", "X-Api-Key": "k", "Accept": "a/b"}
    with hostile_server(reply(body=b"there")) as there, hostile_server(reply("307 x", Location=there.url)) as server:
        assert client.request("GET", server.url.replace("//", "//ann:pw@"), headers=secret).body == b"there"
    assert "Bearer t" in server.heads[0] and "X-Api-Key" in server.heads[0]
    assert "Authorization" not in there.heads[0] and "X-Api-Key" not in there.heads[0]
    assert "Accept: a/b" in there.heads[0]


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_loopback_is_refused_before_a_request_and_allowed_by_an_endpoint(guarded: HttpClient, host: str) -> None:
    with hostile_server(reply(body=b"here"), host) as server:
        assert code_of(guarded, server.url) == "forbidden-address"
        assert server.heads == []
        assert guarded.request("GET", server.url, access=OutboundAccess(local=True)).body == b"here"
        assert code_of(guarded, server.url) == "forbidden-address"  # though a connection is open


def test_a_redirect_to_loopback_is_refused_where_a_public_server_sends_it(
    guarded: HttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The server is on loopback like all servers of tests: its address alone is taken for one of the internet.
    real = guarded.guard.check
    monkeypatch.setattr(guarded.guard, "check", lambda address, reach: address != "127.0.0.2" and real(address, reach))
    for target in ("http://[::1]:{}/", "http://127.0.0.1:{}/", "http://localhost:{}/", "http://[::ffff:127.0.0.1]:{}/"):
        with hostile_server(reply(body=b"secret")) as inside:
            location = target.format(inside.port)
            with hostile_server(reply("302 Found", Location=location), "127.0.0.2") as server:
                assert code_of(guarded, server.url) == "forbidden-address"
                assert inside.heads == []


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"nonsense\r\n\r\n", "unreachable"),
        (b"HTTP/1.1 999999999999 x\r\n\r\n", "unreachable"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", "unreachable"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n", "unreachable"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc", "unreachable"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n", "unreachable"),
        (b"HTTP/1.1 302 x\r\nLocation: http://[::1\r\nContent-Length: 0\r\n\r\n", "redirected"),
    ],
)
def test_an_odd_answer_is_told_as_an_answer(client: HttpClient, raw: bytes, code: str) -> None:
    with hostile_server(lambda connection, _head: connection.sendall(raw)) as server:
        assert code_of(client, server.url, limits=RequestLimits(overall_s=PATIENCE_S)) == code


@pytest.mark.parametrize(
    "url", ["", "ftp://a", "http://", "http:///x", "http://[::1", "http://a:0/", "http://a:1x/", "x"]
)
def test_an_address_that_is_none_is_refused_by_name(client: HttpClient, url: str) -> None:
    assert code_of(client, url) == "no-address"


def test_a_user_in_the_address_signs_in_and_is_told_to_nobody(client: HttpClient) -> None:
    with hostile_server(reply()) as server:
        client.request("GET", server.url.replace("//", "//ann:s3%40cret@"))
    assert "Authorization: Basic YW5uOnMzQGNyZXQ=" in server.heads[0]
    with pytest.raises(OutboundError) as raised:
        client.request("GET", server.url.replace("//", "//ann:s3cret@") + "/?token=t0ken")
    assert "s3cret" not in raised.value.message and "t0ken" not in raised.value.message
