"""From bytes to JSON, and what is kept of it."""

from __future__ import annotations

import json
from contextlib import suppress
from ipaddress import ip_network
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.receiver.addresses import client_address
from services.gateway.receiver.limits import Limiter
from services.gateway.receiver.reading import Unreadable, read_json
from services.gateway.receiver.trimming import trim
from shared.process.addresses import is_let_in


@pytest.mark.parametrize(
    "raw",
    [
        b'{"a": 1}',
        b'\xef\xbb\xbf{"a": 1}',
        '{"a": 1}'.encode("utf-16"),
        urlencode({"payload": '{"a": 1}'}).encode(),
    ],
)
def test_a_body_is_read_however_it_was_wrapped(raw: bytes) -> None:
    assert read_json(raw) == {"a": 1}


def test_a_form_is_read_by_its_payload_field() -> None:
    raw = urlencode({"x": "y", "payload": '{"a": 1}'}).encode()
    assert read_json(raw, "application/x-www-form-urlencoded; charset=utf-8") == {"a": 1}


@pytest.mark.parametrize(
    ("raw", "line", "column"),
    [
        (b"", 1, 1),
        (b"   ", 1, 1),
        (b"{", 1, 2),
        (b'{\n  "a": 1,\n  "b": oops\n}', 3, 8),
        (b'{\n "a": "\xff"}', 2, 8),
        (b'{"a": NaN}', 1, 7),
        (b"[" * 200_000, 1, 61),
        (b"1" * 5_000, 1, 1),
    ],
)
def test_what_is_broken_is_told_with_its_place(raw: bytes, line: int, column: int) -> None:
    with pytest.raises(Unreadable) as caught:
        read_json(raw)
    assert (caught.value.line, caught.value.column) == (line, column)
    assert f"line {line}, column {column}" in str(caught.value)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_in_words(raw: bytes) -> None:
    with suppress(Unreadable):
        read_json(raw)


def test_long_texts_are_cut_and_secrets_are_masked() -> None:
    body = {
        "repository": {"full_description": "x" * 25_000, "api_key": "s3cret", "Authorization": "Bearer x"},
        "list": list(range(500)),
        "token": None,
        "credentials": {"user": "ann", "value": "s3cret"},
        "tokens": ["s3cret"],
    }
    kept = trim(body)
    assert kept["credentials"] == kept["tokens"] == "*****"
    assert len(kept["repository"]["full_description"]) == 1_001
    assert kept["repository"]["api_key"] == kept["repository"]["Authorization"] == "*****"
    assert kept["list"][-1] == "… 400 more" and len(kept["list"]) == 101
    assert kept["token"] is None


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(), max_size=5), inner),
    max_leaves=20,
)


@given(st.dictionaries(st.text(st.characters(), max_size=5), _json, max_size=5))
def test_what_is_kept_can_be_written_anywhere(body: dict[str, Any]) -> None:
    written = json.dumps(trim(body), allow_nan=False, ensure_ascii=False).encode("utf-8")
    assert b"\x00" not in written and b"\\u0000" not in written


def test_a_limiter_gives_its_burst_then_its_rate() -> None:
    limiter = Limiter(burst=2, per_s=1)
    assert [limiter.take("a", 0), limiter.take("a", 0)] == [0, 0]
    assert limiter.take("a", 0) == pytest.approx(1)
    assert limiter.take("b", 0) == 0
    assert limiter.take("a", 1) == 0


def test_a_limiter_stays_small_under_many_keys() -> None:
    limiter = Limiter(burst=2, per_s=1, max_keys=10)
    for number in range(1_000):
        limiter.take(str(number), number * 0.001)
    assert len(limiter._levels) <= 10


PROXIES = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))


@pytest.mark.parametrize(
    ("remote", "forwarded", "expected"),
    [
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "192.0.2.66, 198.51.100.1, 10.0.0.2", "198.51.100.1"),
        ("10.0.0.1", "198.51.100.1:4711", "198.51.100.1"),
        ("fd00::1", "[2001:db8::7]:443", "2001:db8::7"),
        ("10.0.0.1", "nonsense", "10.0.0.1"),
        ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("::ffff:10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("::ffff:10.0.0.1", "::ffff:198.51.100.1", "198.51.100.1"),
        ("::ffff:203.0.113.9", "198.51.100.1", "203.0.113.9"),
    ],
)
def test_forwarded_addresses_count_only_from_named_proxies(remote: str, forwarded: str, expected: str) -> None:
    assert client_address(remote, forwarded, PROXIES) == expected


def test_without_named_proxies_the_caller_is_whoever_connected() -> None:
    assert client_address("10.0.0.1", "198.51.100.1", ()) == "10.0.0.1"
    assert client_address("::ffff:10.0.0.1", "", ()) == "10.0.0.1"


def test_a_caller_that_a_dual_stack_socket_shows_is_within_ipv4_networks() -> None:
    assert is_let_in("::ffff:10.1.2.3", ("10.0.0.0/8",))
    assert is_let_in("10.1.2.3", ("::ffff:10.0.0.0/104",))
    assert not is_let_in("::ffff:11.1.2.3", ("10.0.0.0/8",))
