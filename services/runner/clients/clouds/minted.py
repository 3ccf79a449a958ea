"""What a vendor hands out, and how it refuses."""

from __future__ import annotations

from dataclasses import dataclass, field


class CloudProblem(Exception):
    """A vendor did not hand out a token; `code` is a stable word for the cause, `message` holds the vendor's words."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Minted:
    """A token, or a password made of one."""

    secret: str = field(repr=False)
    ends_at: float
    """Seconds since the epoch."""
    user: str = ""
    """The user name that a registry wants with it."""
