"""What looks at registries have shown: one row a webhook, and when to look again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import bindparam, delete, insert, or_, select

from services.config.model.definitions import Webhook
from services.config.model.tag_memory import Delivered, Memory, Suspect, TagSighting
from services.config.tables.catalog import LookRow, WebhookRow
from services.config.tables.ledger import DeliveryRow

from .definitions.webhooks import WEBHOOKS
from .unit_of_work import Reading, UnitOfWork

NO_REPOSITORY = "It names no repository that can be polled."
"""The problem of a poll that was never sent, which follows from what its webhook lacks."""


@dataclass(frozen=True, slots=True)
class PollState:
    """A webhook's memory, the question that is under way, and the next time."""

    webhook_id: str
    memory: Memory = field(default_factory=Memory)
    looked_at: float = 0.0
    next_at: float = 0.0
    problem: str = ""


def due(uow: Reading, modes: Sequence[str], limit: int) -> list[Webhook]:
    """Enabled webhooks whose registry is to be looked at now."""
    statement = (
        select(WebhookRow.id)
        .join(LookRow, LookRow.webhook_id == WebhookRow.id, isouter=True)
        .where(
            WebhookRow.enabled,
            WebhookRow.mode.in_(modes),
            or_(LookRow.webhook_id.is_(None), LookRow.next_at <= uow.now),
        )
        .order_by(LookRow.next_at)
        .limit(limit)
    )
    ids = list(uow.session.scalars(statement))
    return WEBHOOKS.all(uow, WebhookRow.id.in_(ids)) if ids else []


def load(uow: Reading, webhook_id: str) -> PollState | None:
    """What is known of one webhook's registry."""
    row = uow.session.execute(select(LookRow.__table__).where(LookRow.webhook_id == webhook_id)).first()
    if row is None:
        return None
    memory = Memory(
        row.about,
        row.baseline_at,
        {name: TagSighting(*fields) for name, fields in row.tags.items()},
        {name: Suspect(*fields) for name, fields in row.suspects.items()},
    )
    return PollState(webhook_id, memory, row.looked_at, row.next_at, row.problem)


@dataclass(frozen=True, slots=True)
class PollGlance:
    """What lists show of a webhook's memory."""

    looked_at: float = 0.0
    baseline_at: float | None = None
    problem: str = ""


def glances(uow: Reading, webhook_ids: Sequence[str]) -> dict[str, PollGlance]:
    """By webhook, of those that were ever looked at."""
    rows = uow.connection.execute(_GLANCES, {"ids": list(webhook_ids)})
    return {row.webhook_id: PollGlance(row.looked_at, row.baseline_at, row.problem) for row in rows}


_GLANCES = select(LookRow.webhook_id, LookRow.looked_at, LookRow.baseline_at, LookRow.problem).where(
    LookRow.webhook_id.in_(bindparam("ids", expanding=True))
)


def save(uow: UnitOfWork, look: PollState) -> None:
    """Write all of it."""
    values: dict[str, Any] = {
        "webhook_id": look.webhook_id,
        "about": look.memory.about,
        "baseline_at": look.memory.baseline_at,
        "looked_at": look.looked_at,
        "next_at": look.next_at,
        "tags": {name: [entry.digest, entry.pushed_at] for name, entry in look.memory.tags.items()},
        "suspects": {name: [entry.digest, entry.since] for name, entry in look.memory.suspects.items()},
        "problem": look.problem,
    }
    uow.session.execute(delete(LookRow).where(LookRow.webhook_id == look.webhook_id))
    uow.session.execute(insert(LookRow), values)


def start_afresh(uow: UnitOfWork, webhook_id: str) -> None:
    """The next look makes a new baseline; the answer to an earlier question counts no more."""
    save(uow, PollState(webhook_id, looked_at=uow.now))


def look_now(uow: UnitOfWork, webhook_id: str) -> None:
    """What is remembered stays, and the next look is due."""
    poll = load(uow, webhook_id)
    save(uow, PollState(webhook_id, poll.memory if poll else Memory(), uow.now))


def last_delivered(uow: Reading, webhook_id: str, repository: str, tag: str) -> Delivered | None:
    """The last delivery of a tag to a webhook."""
    row = uow.connection.execute(
        select(DeliveryRow.digest, DeliveryRow.received_at)
        .where(
            DeliveryRow.webhook_id == webhook_id,
            DeliveryRow.repository == repository,
            DeliveryRow.tag == tag,
            DeliveryRow.via != "test",
        )
        .order_by(DeliveryRow.received_at.desc())
        .limit(1)
    ).first()
    return None if row is None else Delivered(row[0], row[1])
