"""Which request follows a redirect, and which does not."""

from __future__ import annotations

import pytest

from shared.outbound.redirects import Hop, NotFollowed, next_hop, without_query

SECRET = {"Authorization": "Bearer t", "X-Api-Key": "k", "Cookie": "c", "Accept": "a/b"}


@pytest.mark.parametrize(
    ("url", "location", "kept"),
    [
        ("https://a.example/x", "/y", True),
        ("https://a.example/x", "https://A.example:443/y", True),
        ("http://a.example/x", "https://a.example/y", True),
        ("http://a.example:8080/x", "https://a.example/y", False),
        ("https://a.example/x", "https://b.example/y", False),
        ("https://a.example/x", "https://a.example:8443/y", False),
        ("https://a.example/x", "https://a.example@b.example/y", False),
        ("http://[::1]:80/x", "http://127.0.0.1/y", False),
    ],
)
def test_headers_of_the_caller_go_to_no_other_server(url: str, location: str, kept: bool) -> None:
    hop = next_hop(Hop("GET", url, SECRET), 302, location)
    assert hop.headers == (SECRET if kept else {"Accept": "a/b"})
    assert "@" not in hop.url


@pytest.mark.parametrize(
    ("location", "words"),
    [
        ("http://a.example/y", "without encryption"),
        ("ftp://a.example/y", "not an HTTP address"),
        ("file:///etc/passwd", "not an HTTP address"),
        ("http://[::1/", "cannot be read"),
        ("https://a.example:99999/", "cannot be read"),
    ],
)
def test_what_is_not_followed_is_named(location: str, words: str) -> None:
    with pytest.raises(NotFollowed, match=words):
        next_hop(Hop("GET", "https://a.example/x", {}), 302, location)


@pytest.mark.parametrize(
    ("method", "status", "becomes", "keeps_body"),
    [("POST", 302, "GET", False), ("POST", 303, "GET", False), ("POST", 307, "POST", True), ("PUT", 303, "GET", False),
     ("PUT", 302, "PUT", True), ("HEAD", 303, "HEAD", False), ("DELETE", 308, "DELETE", True)],
)  # fmt: skip
def test_the_method_follows_as_browsers_have_it(method: str, status: int, becomes: str, keeps_body: bool) -> None:
    hop = Hop(method, "https://a.example/x", {"Content-Type": "a/b"}, has_body=method != "HEAD")
    following = next_hop(hop, status, "/y")
    assert (following.method, following.has_body) == (becomes, keeps_body)
    assert ("Content-Type" in following.headers) is keeps_body or not hop.has_body


def test_a_body_goes_to_no_other_server() -> None:
    with pytest.raises(NotFollowed, match=r"b\.example, another server"):
        next_hop(Hop("POST", "https://a.example/x", {}, has_body=True), 307, "https://b.example/y")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://ann:pw@a.example/x?token=1#f", "https://a.example/x"),
        ("https://[::1/x?token=1", "https://[::1/x"),
        ("ann:pw@[x", "[x"),
    ],
)
def test_what_people_see_of_an_address_holds_no_secret(url: str, shown: str) -> None:
    assert without_query(url) == shown
