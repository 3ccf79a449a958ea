"""The server's pure parts: where a request ends, who has to go; and what has to stay of gunicorn for its worker."""

from __future__ import annotations

import inspect
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from gunicorn.config import Config
from gunicorn.http import get_parser, wsgi
from gunicorn.http.errors import NoMoreData, ParseException
from gunicorn.http.message import Message, Request
from gunicorn.workers import base, gthread
from hypothesis import given
from hypothesis import strategies as st

from services.config.accounts.sign_in_limits import STRANGERS
from services.gateway.api.routes import ROUTES
from services.gateway.dispatcher import SIGN_IN_PATHS, Dispatcher
from services.gateway.receiver.app import HUB_PATH
from services.gateway.server import framing, request_store
from services.gateway.server.connection_book import ConnectionBook
from services.gateway.server.framing import RequestFrame
from services.gateway.server.request_store import RequestStore
from services.gateway.server.worker import SIGN_IN_THREADS, LoopWorker, over_budget

HEAD = b"POST /x?a=b HTTP/1.1\r\nHost: a\r\n"


def parsed(raw: bytes) -> tuple[bytes, bytes]:
    """The body of a request as gunicorn's parser reads it, and what is left over. Raises what the parser raises."""
    parser = get_parser(Config(), iter([raw]), ("127.0.0.1", 1))
    request = next(parser)
    body = request.body.read()
    return body, parser.unreader.take_buffered()


def fed(raw: bytes, cuts: list[int]) -> tuple[RequestFrame, int]:
    """A frame that got the bytes in pieces, and how many of them it took."""
    frame, taken = RequestFrame(), 0
    places = sorted({min(cut, len(raw)) for cut in cuts} | {0, len(raw)})
    for start, end in pairwise(places):
        used = frame.feed(raw[start:end])
        taken += used
        assert used == end - start or frame.complete
        if frame.complete:
            break
    return frame, taken


def chunked(pieces: list[bytes], trailer: bytes) -> bytes:
    return (
        b"".join(b"%x;a=b\r\n%s\r\n" % (len(piece), piece) for piece in pieces if piece) + b"0\r\n" + trailer + b"\r\n"
    )


_bodies = st.one_of(
    st.binary(max_size=300).map(lambda body: (b"Content-Length: %d\r\n\r\n%s" % (len(body), body), body)),
    st.just((b"\r\n", b"")),
    st.tuples(st.lists(st.binary(max_size=80), max_size=5), st.sampled_from([b"", b"X-T: 1\r\n"])).map(
        lambda pair: (b"Transfer-Encoding: chunked\r\n\r\n" + chunked(*pair), b"".join(pair[0]))
    ),
)


@given(request=_bodies, cuts=st.lists(st.integers(0, 600), max_size=20), after=st.binary(max_size=40))
def test_a_request_ends_where_gunicorns_parser_ends_it(
    request: tuple[bytes, bytes], cuts: list[int], after: bytes
) -> None:
    raw, body = HEAD + request[0], request[1]
    frame, taken = fed(raw + after, cuts)
    assert (frame.complete, taken, frame.refusal) == (True, len(raw), None)
    assert parsed(raw) == (body, b"")


@given(request=_bodies, short=st.integers(1, 200))
def test_half_a_request_is_never_complete(request: tuple[bytes, bytes], short: int) -> None:
    raw = HEAD + request[0]
    frame, taken = fed(raw[: max(0, len(raw) - short)], [])
    assert not frame.complete and taken == max(0, len(raw) - short)


@given(rest=st.binary(max_size=400), cuts=st.lists(st.integers(0, 500), max_size=9))
def test_no_bytes_break_the_frame_and_pieces_make_no_difference(rest: bytes, cuts: list[int]) -> None:
    for start in (b"", HEAD, HEAD + b"Transfer-Encoding: chunked\r\n\r\n"):
        whole, in_pieces = fed(start + rest, []), fed(start + rest, cuts)
        assert (whole[0].complete, whole[0].refusal, whole[1]) == (
            in_pieces[0].complete,
            in_pieces[0].refusal,
            in_pieces[1],
        )


@pytest.mark.parametrize(
    "odd",
    [
        b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n",
        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"Content-Length: -1\r\n\r\n",
        b"Transfer-Encoding: gzip\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n",
    ],
)
def test_what_is_odd_waits_for_nothing_and_the_parser_refuses_it(odd: bytes) -> None:
    frame, _ = fed(HEAD + odd, [])
    assert frame.complete and frame.is_odd
    with pytest.raises((ParseException, NoMoreData)):
        parsed(HEAD + odd)


def test_a_length_beyond_every_measure_is_the_last_thing_that_is_read() -> None:
    assert fed(HEAD + b"Content-Length: 9999999999999999999999\r\n\r\n", [])[0].is_odd
    assert not fed(HEAD + b"Content-Length: 0\r\n\r\n", [])[0].is_odd


def test_heads_chunk_lines_and_numbers_of_chunks_are_bounded() -> None:
    assert fed(HEAD + b"X-A: " + b"a" * framing.MAX_HEAD, [])[0].refusal == 431
    start = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
    assert fed(start + b"1;" + b"a" * 300, [])[0].refusal == 400
    assert fed(start + b"1\r\na\r\n" * (framing.MAX_CHUNKS + 1), [])[0].refusal == 413
    assert fed(start + b"0\r\n" + b"X-A: b\r\n" * framing.MAX_HEAD, [])[0].refusal == 431


@pytest.mark.parametrize("cuts", [[], [1]])
def test_a_client_of_https_is_refused_at_its_first_byte(cuts: list[int]) -> None:
    """Or it waits until the head's deadline for a handshake that nobody makes."""
    hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc"
    assert fed(hello, cuts)[0].refusal == 400
    assert fed(HEAD + b"X-A: \x16", cuts)[0].refusal is None


def test_a_sender_who_waits_for_leave_is_seen() -> None:
    frame, _ = fed(HEAD + b"Expect: 100-continue\r\nContent-Length: 7\r\n\r\n", [])
    assert (frame.expects_continue, frame.declared, frame.complete) == (True, 7, False)


def test_a_request_is_kept_in_memory_then_in_a_file_and_what_is_too_much_is_counted(tmp_path: Path) -> None:
    store = RequestStore(tmp_path / "requests", limit=100_000)
    store.write(b"a" * 1_000)
    assert (store.in_memory, store.on_disk, not any(tmp_path.iterdir())) == (1_000, 0, True)
    store.write(b"b" * request_store.IN_MEMORY)
    assert (store.in_memory, store.on_disk) == (0, 1_000 + request_store.IN_MEMORY)
    store.write(b"c" * 100_000)
    assert store.dropped and store.on_disk == 100_000 and store.size > 100_000
    assert b"".join(store.pieces()) == (b"a" * 1_000 + b"b" * request_store.IN_MEMORY + b"c" * 100_000)[:100_000]
    store.clear()
    assert (store.size, store.in_memory, store.on_disk, store.dropped) == (0, 0, 0, False)
    assert list((tmp_path / "requests").iterdir()) == []


def book(limit: int = 9, per_address: int = 3) -> ConnectionBook[str]:
    return ConnectionBook(limit=limit, per_address=per_address, is_exempt=lambda address: address == "proxy")


def test_who_has_too_many_connections_loses_his_own_oldest_one_that_waits() -> None:
    connections = book()
    assert [connections.add(name, "a") for name in ("a1", "a2", "a3")] == [None] * 3
    connections.busy("a1")
    assert connections.add("a4", "a") == "a2"
    connections.remove("a2")
    assert connections.add("b1", "b") is None
    for name in ("a3", "a4"):
        connections.busy(name)
    assert connections.add("a5", "a") == "a5"


def test_a_proxy_of_ours_is_bounded_only_in_all_and_a_full_house_takes_new_guests() -> None:
    connections = book(limit=5)
    assert [connections.add(f"p{place}", "proxy") for place in range(5)] == [None] * 5
    connections.busy("p0")
    assert connections.add("new", "a") == "p1"
    connections.remove("p1")
    assert len(connections) == 5 and "new" in connections.waiting
    connections.wait("p0")
    assert connections.waiting[-1] == "p0"


def test_of_requests_that_fill_the_memory_those_go_that_wait_longest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.gateway.server.worker.MEMORY_FOR_PEERS", 100)

    def connection(size: int) -> Any:
        return SimpleNamespace(in_memory=size, store=SimpleNamespace(on_disk=0))

    slow, idle, quick = connection(80), connection(0), connection(60)
    assert over_budget([slow, idle, quick]) == [slow]
    assert over_budget([idle, quick]) == []


def test_the_parts_of_gunicorn_that_the_worker_builds_on_are_there() -> None:
    assert issubclass(LoopWorker, base.Worker)
    assert list(inspect.signature(base.Worker.__init__).parameters)[1:] == [
        *("age", "ppid", "sockets", "app", "timeout", "cfg", "log")
    ]
    assert {"notify", "handle_exit", "init_process", "run"} <= set(dir(base.Worker))
    queue = gthread.PollableMethodQueue()
    queue.init()
    calls: list[int] = []
    queue.defer(calls.append, 7)
    queue.run_callbacks(queue.fileno())
    queue.close()
    assert calls == [7]
    assert list(inspect.signature(wsgi.create).parameters)[:6] == [
        "req",
        "sock",
        "client",
        "server",
        "cfg",
        "response_class",
    ]
    raw = HEAD + b"Expect: 100-continue\r\n\r\n"
    request = Request(Config(), get_parser(Config(), iter([raw]), ("127.0.0.1", 1)).unreader, ("127.0.0.1", 1))
    assert isinstance(request, Message) and request._expected_100_continue is True


@pytest.mark.parametrize("path", sorted(SIGN_IN_PATHS))
def test_a_way_in_is_recognised_however_it_is_written(path: str) -> None:
    escaped = path.replace("i", "%69", 1)
    assert all(Dispatcher.is_sign_in(target) for target in (path, f"{path}/", f"{path}?code=a", escaped))


def test_every_public_call_that_signs_in_is_a_way_in() -> None:
    public = {route.path for route in ROUTES if route.public and route.absolute and route.method == "POST"}
    assert public | {"/sign-in"} == SIGN_IN_PATHS
    assert not any(map(Dispatcher.is_sign_in, ("", "/", "/sign-in/with/acme", "/executions", HUB_PATH)))


def test_a_frame_knows_what_is_asked_for_before_the_body_has_come() -> None:
    frame = RequestFrame()
    frame.feed(b"POST /sign-in?x=1 HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n")
    assert (frame.target, frame.complete) == ("/sign-in?x=1", False)
    odd = RequestFrame()
    odd.feed(b"nonsense\r\n\r\n")
    assert (odd.target, odd.complete) == ("", True)


def test_strangers_whose_passwords_are_checked_leave_threads_for_those_who_are_known() -> None:
    assert 2 * STRANGERS.at_once <= SIGN_IN_THREADS
