"""Passwords: nobody's costs as much to check as anybody's, and strangers' checks hold up nobody who is familiar."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from services.config.accounts import passwords


def test_the_hash_that_unknown_users_are_compared_with_has_the_hashers_parameters() -> None:
    assert not passwords._HASHER.check_needs_rehash(passwords._NOBODY)


def test_a_familiar_check_waits_for_no_stranger(monkeypatch: pytest.MonkeyPatch) -> None:
    stuck, order = threading.Event(), list[str]()

    def matches(_stored: str | None, digest: str) -> bool:
        if digest == "guess":
            stuck.wait(20)
        order.append(digest)
        return True

    monkeypatch.setattr(passwords, "_matches", matches)
    with ThreadPoolExecutor(4) as strangers:
        for _ in range(4):
            strangers.submit(passwords.password_matches, None, "guess", familiar=False)
        assert passwords.password_matches("stored", "right", familiar=True)
        assert order == ["right"]
        stuck.set()
    assert order == ["right", *["guess"] * 4]
