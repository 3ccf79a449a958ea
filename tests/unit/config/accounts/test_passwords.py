"""Nobody's password costs as much to check as anybody's."""

from __future__ import annotations

from services.config.accounts import passwords


def test_the_hash_that_unknown_users_are_compared_with_has_the_hashers_parameters() -> None:
    assert not passwords._HASHER.check_needs_rehash(passwords._NOBODY)
