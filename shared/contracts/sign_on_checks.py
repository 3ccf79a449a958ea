"""Whether a sign-in provider still vouches for people whose sessions are open: config asks, a runner finds out."""

from __future__ import annotations

from enum import StrEnum

from .base import Json, Message, Sealed
from .runs import ResolvedEndpoint


class HeldSignIn(Message):
    """An open session, with the provider's tokens for it."""

    session_id: str
    subject: str
    """Whom the provider must still mean by them."""
    grant: Sealed


class SignOnCheck(Message):
    """Ask one provider about sessions, one after the other. Sent by config, answered by `SignOnChecked`."""

    provider: str
    asked_at: float
    """Comes back with the answer: an answer to an older question is of no use."""
    endpoint: ResolvedEndpoint
    claims: tuple[str, ...] = ()
    """What the rules look at, as paths."""
    sign_ins: tuple[HeldSignIn, ...] = ()


class Vouching(StrEnum):
    """What a provider says of one of them."""

    GOOD = "good"
    GONE = "gone"
    UNKNOWN = "unknown"
    """It could not be asked: the session stays open."""


class CheckedSignIn(Message):
    """The answer about one session."""

    session_id: str
    outcome: Vouching
    detail: str = ""
    """Why, in words for a person, when the outcome is not `good`."""
    grant: Sealed | None = None
    """The tokens from now on; None where they stayed."""
    claims: Json | None = None
    """What the provider says of the person now; None where it did not say all that the rules look at."""


class SignOnChecked(Message):
    """The answer to a `SignOnCheck`; sessions that were not reached in time are left out."""

    provider: str
    asked_at: float
    sign_ins: tuple[CheckedSignIn, ...] = ()
