"""Notifications: config decides to notify somebody; a runner sends the notice and reports the result."""

from __future__ import annotations

from .base import Json, Message
from .runs import ResolvedEndpoint, ResolvedVariable


class Notice(Message):
    """Tell somebody. Sent again it has the same id, by which receivers know it."""

    notice_id: str
    execution_id: str
    kind: str
    """`email`, `slack` or `webhook`."""
    event: str
    """STARTED, WAITING, SUCCESS, FAILURE or CANCELED."""
    entry: Json
    """The notification as its author wrote it, expressions unresolved."""
    endpoint: ResolvedEndpoint | None = None
    variables: dict[str, ResolvedVariable] = {}
    inputs: Json = {}
    tasks: dict[str, dict[str, Json]] = {}
    """What references to tasks may name: by stage and task, as people see it."""
    about: Json = {}
    outputs: Json = {}


class NoticeTried(Message):
    """How one try to tell somebody went."""

    notice_id: str
    execution_id: str
    try_number: int
    success: bool
    final: bool = True
    """No further try follows."""
    target: str = ""
    """The recipients, without secrets."""
    code: int = 0
    """What the other side answered: an HTTP or SMTP status; 0 when there was no answer."""
    message: str = ""
