"""argon2 of password digests. Slow on purpose: never call this inside a write transaction that others wait for."""

from __future__ import annotations

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

_HASHER = PasswordHasher()
_NOBODY = _HASHER.hash("nobody")


def hash_password(digest: str) -> str:
    """What is stored of a password."""
    return _HASHER.hash(digest)


def password_matches(stored: str | None, digest: str) -> bool:
    """Whether this is the password; takes as long when there is none to compare with."""
    try:
        return _HASHER.verify(stored or _NOBODY, digest) and stored is not None
    except (VerificationError, InvalidHashError):
        return False
