"""Deliveries: recording them, and finding what they repeat, overtake or wait for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Select, bindparam, delete, insert, select, update

from services.config.model.deliveries import SENDER_REFUSED, Earlier
from services.config.model.push_events import ANSWERED, GATHERING, ORDERING, RESOLVING, PushEvent
from services.config.tables.ledger import DeliveryRow, ExecutionRow
from shared.contracts.pushes import Push

from .unit_of_work import Reading, UnitOfWork

_LOOK_BACK = 50

_OWN = (
    "id",
    "delivery_id",
    "ordinal",
    "received_at",
    "recorded_at",
    "via",
    "token_hash",
    "webhook_id",
    "webhook",
    "project",
    "pipeline",
    "state",
    "verdict",
    "reason",
    "next_step",
    "digest_note",
    "execution_id",
    "execution_index",
    "rerun_of",
    "push_key",
    "order_at",
    "forced",
    "pushed_by",
    "pushed_by_id",
    "source_address",
    "user_agent",
    "body",
    "updated_at",
)
_OF_PUSH = (
    "registry_host",
    "repository",
    "tag",
    "digest",
    "media_type",
    "pushed_at",
    "pusher",
    "provider_delivery_id",
    "kind",
    "provider",
)
_ROW = DeliveryRow

EVENTS: Select[Any] = select(
    *(getattr(_ROW, name) for name in (*_OWN, *_OF_PUSH)), ExecutionRow.status, ExecutionRow.status_message
).join(ExecutionRow, ExecutionRow.id == _ROW.execution_id, isouter=True)
"""Deliveries, each with the state of its run."""


def is_recorded(uow: Reading, event_id: str) -> bool:
    """Whether this delivery was recorded before: a message may come twice."""
    return uow.connection.scalar(_RECORDED, {"event_id": event_id}) is not None


_RECORDED = select(_ROW.id).where(_ROW.id == bindparam("event_id"))


def add(uow: UnitOfWork, event: PushEvent) -> None:
    """Record a delivery."""
    row: dict[str, Any] = {name: getattr(event, name) for name in _OWN}
    row |= {"body": dict(event.body), "updated_at": uow.now}
    if event.push is not None:
        row |= {name: getattr(event.push, name) for name in _OF_PUSH}
    uow.connection.execute(_ADD, row)


_ADD = insert(DeliveryRow)


def save(uow: UnitOfWork, event: PushEvent) -> None:
    """Write what may change: state, verdict, digest and the run."""
    values: dict[str, Any] = {
        "state": event.state,
        "verdict": event.verdict,
        "reason": event.reason,
        "next_step": event.next_step,
        "digest_note": event.digest_note,
        "execution_id": event.execution_id,
        "execution_index": event.execution_index,
        "pipeline": event.pipeline,
        "pushed_by": event.pushed_by,
        "pushed_by_id": event.pushed_by_id,
        "updated_at": uow.now,
    }
    if event.push is not None:
        values |= {"digest": event.push.digest, "media_type": event.push.media_type}
    uow.session.execute(update(DeliveryRow).where(_ROW.id == event.id).values(values))


def save_reason(uow: UnitOfWork, event_id: str, reason: str) -> None:
    """A new reason under the same verdict."""
    uow.session.execute(update(DeliveryRow).where(_ROW.id == event_id).values(reason=reason, updated_at=uow.now))


def find_one(uow: Reading, event_id: str) -> PushEvent | None:
    """By id, with the status of its run."""
    return next(iter(read_events(uow, EVENTS.where(_ROW.id == event_id))), None)


def find_push(uow: Reading, delivery_id: str, ordinal: int) -> PushEvent | None:
    """By what the registry's answer names."""
    return next(iter(read_events(uow, EVENTS.where(_ROW.delivery_id == delivery_id, _ROW.ordinal == ordinal))), None)


def earlier(uow: Reading, webhook_id: str, push: Push, besides: str) -> list[Earlier]:
    """Deliveries of the webhook that this push may repeat, newest first."""
    about = {"webhook": webhook_id, "repository": push.repository, "tag": push.tag, "besides": besides}
    rows = list(uow.connection.execute(_EARLIER, about))
    if push.provider_delivery_id:
        rows += list(uow.connection.execute(_SAME, {**about, "provider_id": push.provider_delivery_id}))
    return [Earlier(*row) for row in rows]


_OF_EARLIER = (
    _ROW.id,
    _ROW.received_at,
    _ROW.tag,
    _ROW.digest,
    _ROW.pushed_at,
    _ROW.pusher,
    _ROW.provider_delivery_id,
    _ROW.verdict,
)
_EARLIER = (
    select(*_OF_EARLIER)
    .where(
        _ROW.webhook_id == bindparam("webhook"),
        _ROW.repository == bindparam("repository"),
        _ROW.tag == bindparam("tag"),
        _ROW.id != bindparam("besides"),
        _ROW.verdict.not_in(("duplicate", *SENDER_REFUSED)),
        _ROW.via != "test",
    )
    .order_by(_ROW.received_at.desc())
    .limit(_LOOK_BACK)
)
_SAME = (
    select(*_OF_EARLIER)
    .where(
        _ROW.webhook_id == bindparam("webhook"),
        _ROW.provider_delivery_id == bindparam("provider_id"),
        _ROW.repository == bindparam("repository"),
        _ROW.tag == bindparam("tag"),
        _ROW.id != bindparam("besides"),
        _ROW.verdict.not_in(SENDER_REFUSED),
    )
    .order_by(_ROW.received_at.desc())
    .limit(1)
)


def started_later(uow: Reading, event: PushEvent, *, of_same_tag: bool = False) -> PushEvent | None:
    """The delivery of the same webhook and repository that comes after this one and has started a run, the last."""
    if event.push is None:
        return None
    about = {
        "webhook": event.webhook_id,
        "repository": event.push.repository,
        "after": event.order_at,
        "besides": event.id,
        **({"tag": event.push.tag} if of_same_tag else {}),
    }
    statement = _STARTED_LATER_OF_TAG if of_same_tag else _STARTED_LATER
    return next((event_of(row) for row in uow.connection.execute(statement, about)), None)


def last_started(uow: Reading, event: PushEvent) -> PushEvent | None:
    """The last delivery of the same webhook and repository that has started a run."""
    return started_later(uow, replace(event, order_at=0.0))


def overtakes(uow: Reading, event: PushEvent) -> bool:
    """Whether an earlier delivery of the same webhook and repository still waits for the registry's answer."""
    about = {
        "webhook": event.webhook_id,
        "repository": event.push.repository if event.push is not None else "",
        "before": event.received_at,
    }
    return uow.connection.scalar(_OVERTAKEN, about) is not None


_OVERTAKEN = (
    select(_ROW.id)
    .where(
        _ROW.state == RESOLVING,
        _ROW.webhook_id == bindparam("webhook"),
        _ROW.repository == bindparam("repository"),
        _ROW.received_at < bindparam("before"),
    )
    .limit(1)
)


def answered(uow: Reading, event: PushEvent) -> list[PushEvent]:
    """Those of the same webhook and repository that wait for earlier ones only, the oldest first."""
    repository = event.push.repository if event.push is not None else ""
    statement = EVENTS.where(_ROW.state == ANSWERED, _ROW.webhook_id == event.webhook_id, _ROW.repository == repository)
    return read_events(uow, statement.order_by(_ROW.received_at))


def gathering(uow: Reading, webhook_id: str, repository: str) -> list[PushEvent]:
    """What waits to be gathered."""
    statement = EVENTS.where(_ROW.state == GATHERING, _ROW.webhook_id == webhook_id, _ROW.repository == repository)
    return read_events(uow, statement.order_by(_ROW.received_at))


def ordering(uow: Reading, webhook_id: str, repository: str, limit: int) -> list[PushEvent]:
    """What waits for its order to be known, the first received first."""
    statement = EVENTS.where(_ROW.state == ORDERING, _ROW.webhook_id == webhook_id, _ROW.repository == repository)
    return read_events(uow, statement.order_by(_ROW.received_at, _ROW.ordinal).limit(limit))


def last_tag(uow: Reading, webhook_id: str) -> str:
    """The tag of the last push that started a run, else of the last push at all; empty when there was none."""
    ran = _ROW.verdict.in_(("started", "queued"))
    statement = (
        select(_ROW.tag)
        .where(_ROW.webhook_id == webhook_id, _ROW.tag.is_not(None))
        .order_by(ran.desc(), _ROW.received_at.desc())
        .limit(1)
    )
    return uow.session.scalar(statement) or ""


def remove(uow: UnitOfWork, event_id: str) -> None:
    """Delete one event."""
    uow.session.execute(delete(DeliveryRow).where(_ROW.id == event_id))


def read_events(uow: Reading, statement: Select[Any]) -> list[PushEvent]:
    """The events of a statement that is made of `EVENTS`."""
    return [event_of(row) for row in uow.connection.execute(statement)]


_STARTED_LATER = (
    EVENTS.where(
        _ROW.webhook_id == bindparam("webhook"),
        _ROW.repository == bindparam("repository"),
        # Nothing is ordered later than it was received, and there is an index for this.
        _ROW.received_at > bindparam("after"),
        _ROW.order_at > bindparam("after"),
        _ROW.verdict.in_(("started", "queued")),
        _ROW.id != bindparam("besides"),
    )
    .order_by(_ROW.received_at.desc())
    .limit(1)
)
_STARTED_LATER_OF_TAG = _STARTED_LATER.where(_ROW.tag == bindparam("tag"))


def event_of(row: Sequence[Any]) -> PushEvent:
    """A row of `EVENTS`."""
    own, of_push = dict(zip(_OWN, row, strict=False)), dict(zip(_OF_PUSH, row[len(_OWN) :], strict=False))
    status, message = row[-2], row[-1]
    return PushEvent(
        **own,
        push=Push.model_validate(of_push) if of_push["provider"] else None,
        execution_status=status or "",
        execution_message=message or "",
    )
