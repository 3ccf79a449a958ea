"""The envelope of every message: CloudEvents attribute names, and what our own post adds."""

from __future__ import annotations

from .base import Json, Message


class Caller(Message):
    """On whose behalf a command or query is made; config looks up the rights itself."""

    user: str
    """The user's name; `system` is Portside itself, `anonymous` nobody."""
    token_id: str | None = None
    """The API token or session that authenticated the caller, so that a revoked one stops at once."""


SYSTEM = Caller(user="system")
ANONYMOUS = Caller(user="anonymous")


class Envelope(Message):
    """What surrounds a message's `data` on the wire."""

    id: str
    source: str
    """The sending process, `portside/<service>/<instance>`."""
    type: str
    """Topic name and version, `run.take.v1`."""
    subject: str
    """The id of what the message is about: an execution, a delivery, a webhook."""
    time: str
    """RFC 3339 in UTC."""
    datacontenttype: str = "application/json"
    correlationid: str | None = None
    causationid: str | None = None
    traceparent: str | None = None
    caller: Caller | None = None
    commandid: str | None = None
    """Commands only: the answer to this id is kept for a day, so that repeating a command is harmless."""
    data: Json

    @property
    def service(self) -> str:
        """Which service sent it."""
        return self.source.removeprefix("portside/").partition("/")[0]
