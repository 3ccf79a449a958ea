"""Errors as values: the stable codes that travel between processes and out through the REST API."""

from __future__ import annotations

from enum import StrEnum

from .base import Json, Message


class Code(StrEnum):
    """Why a request was refused. A code's meaning never changes."""

    INVALID = "invalid"
    NOT_FOUND = "not-found"
    CONFLICT = "conflict"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    TOO_MANY = "too-many-requests"
    IN_USE = "in-use"
    UNAVAILABLE = "unavailable"
    TIMEOUT = "timeout"
    UNSUPPORTED = "unsupported"
    INTERNAL = "internal"


HTTP_STATUS: dict[Code, int] = {
    Code.INVALID: 400,
    Code.NOT_FOUND: 404,
    Code.CONFLICT: 409,
    Code.UNAUTHENTICATED: 401,
    Code.FORBIDDEN: 403,
    Code.TOO_MANY: 429,
    Code.IN_USE: 409,
    Code.UNAVAILABLE: 503,
    Code.TIMEOUT: 504,
    Code.UNSUPPORTED: 501,
    Code.INTERNAL: 500,
}


class Flaw(Message):
    """One thing wrong with a document, with its place."""

    message: str
    path: str = ""
    """Where in the tree, `stages.Deploy.tasks.Apply.input.yaml`."""
    line: int | None = None
    """1-based; known for YAML."""
    column: int | None = None
    hint: str | None = None
    """What to write instead, such as the nearest name that exists."""

    @property
    def with_hint(self) -> str:
        """For clients that print a message and nothing else."""
        return f"{self.message} ({self.hint})" if self.hint else self.message

    @property
    def placed(self) -> str:
        """The same with its place before it."""
        place = f"line {self.line}, column {self.column}: " if self.line else ""
        return f"{place}{f'{self.path}: ' if self.path else ''}{self.with_hint}"


class Problem(Message):
    """What failed, on what, why and what to do next."""

    code: Code
    message: str
    subject: str = ""
    next_step: str = ""
    """A command, an address or an action for the reader; empty where the message already says it."""
    flaws: tuple[Flaw, ...] = ()
    retry_after_s: float | None = None
    details: Json = {}


class Refused(Exception):
    """A problem on its way to the caller."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


def refuse(
    code: Code, message: str, *, subject: str = "", next_step: str = "", flaws: tuple[Flaw, ...] = ()
) -> Refused:
    """Build the exception that answers a request with `code`; the caller raises it."""
    return Refused(Problem(code=code, message=message, subject=subject, next_step=next_step, flaws=flaws))
