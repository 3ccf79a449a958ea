"""One push of a delivery, as it is recorded and shown, and the states on its way to a verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from shared.contracts.pushes import Push

RECEIVED = "received"
"""Of an event that is not recorded yet; no row has it."""
RESOLVING, RETRYING, GATHERING, JUDGED = "resolving", "retrying", "gathering", "judged"
ORDERING = "ordering"
"""Others of the webhook and repository that were received before it may still arrive from gateways' spools."""
ANSWERED = "answered"
"""The registry has answered, and an earlier push of the same webhook and repository still waits for its answer."""


@dataclass(frozen=True, slots=True)
class PushEvent:
    """One push of one delivery with its verdict."""

    id: str
    delivery_id: str
    ordinal: int
    received_at: float
    recorded_at: float
    via: str
    token_hash: str
    webhook_id: str | None
    webhook: str
    project: str
    pipeline: str
    push: Push | None
    state: str
    verdict: str
    reason: str
    next_step: str = ""
    digest_note: str = ""
    execution_id: str | None = None
    execution_index: int | None = None
    rerun_of: str | None = None
    push_key: str | None = None
    """The same for all events of one push; None for one of its own."""
    order_at: float = 0.0
    """Orders the pushes of one repository: when it was received, or for what came late when it was pushed."""
    forced: bool = False
    """A person wants it to run, whatever is live."""
    pushed_by: str = ""
    """The run of ours that pushed it, `Promote web #7`."""
    pushed_by_id: str | None = None
    source_address: str = ""
    user_agent: str = ""
    body: Mapping[str, Any] = field(default_factory=dict)
    updated_at: float = 0.0
    execution_status: str = ""
    execution_message: str = ""
