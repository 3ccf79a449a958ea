"""argon2 of password digests, in small pools of their own: a hash takes 64 MiB and a tenth of a second of every core.

Strangers have one thread, which gives way to all others of the machine; who has signed in before does not queue with
them. Never wait for a hash inside a write transaction.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from shared.process.giving_way import give_way

_HASHER = PasswordHasher()
_NOBODY = "$argon2id$v=19$m=65536,t=3,p=4$gnKkZ3/nrg5xv4VTAOl5qw$WXXdpNtp6dTWwk9LOMwx0XWoodxKtPGt8VlCDDVhUVk"
"""Compared with where there is no password, so that this takes as long: a hash with the hasher's own parameters."""

_POOL = ThreadPoolExecutor(2, "password")
_STRANGERS = ThreadPoolExecutor(1, "stranger", initializer=give_way)  # argon2's own threads inherit it


def hash_password(digest: str) -> str:
    """What is stored of a password. Waits for its turn."""
    return _POOL.submit(_HASHER.hash, digest).result()


def password_matches(stored: str | None, digest: str, *, familiar: bool = True) -> bool:
    """Whether this is the password; takes as long when there is none to compare with. Waits for its turn.

    `familiar`: the caller has signed in before.
    """
    return (_POOL if familiar else _STRANGERS).submit(_matches, stored, digest).result()


def _matches(stored: str | None, digest: str) -> bool:
    try:
        return _HASHER.verify(stored or _NOBODY, digest) and stored is not None
    except (VerificationError, InvalidHashError):
        return False
