"""Deliveries: recording them, finding what they repeat, and Activity's lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Select, bindparam, delete, func, insert, or_, select, update
from sqlalchemy.orm import aliased

from services.config.model.deliveries import SENDER_REFUSED, Earlier
from services.config.tables.ledger import DeliveryRow, ExecutionRow
from shared.contracts.catalog import Find
from shared.contracts.pushes import Push

from . import filters
from .filters import FilterField
from .unit_of_work import Reading, UnitOfWork

RECEIVED = "received"
"""Of an event that is not recorded yet; no row has it."""
RESOLVING, RETRYING, GATHERING, JUDGED = "resolving", "retrying", "gathering", "judged"
ORDERING = "ordering"
"""Others of the webhook and repository that were received before it may still arrive from gateways' spools."""
ANSWERED = "answered"
"""The registry has answered, and an earlier push of the same webhook and repository still waits for its answer."""
_LOOK_BACK = 50


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


def _fields(row: type[DeliveryRow], run: type[ExecutionRow]) -> dict[str, FilterField]:
    return {
        "id": FilterField(row.id),
        "name": FilterField(row.webhook),
        "webhook": FilterField(row.webhook),
        "webhookId": FilterField(row.webhook_id),
        "project": FilterField(row.project),
        "pipeline": FilterField(row.pipeline),
        "owner": FilterField(row.pusher),
        "imageName": FilterField(row.repository),
        "tag": FilterField(row.tag),
        "digest": FilterField(row.digest),
        "verdict": FilterField(row.verdict),
        "deliveryId": FilterField(row.delivery_id),
        "pushKey": FilterField(row.push_key),
        "executionId": FilterField(row.execution_id),
        # An expression, so that no index of runs leads: SQLite would look up and sort all events of a frequent status.
        "executionStatus": FilterField(run.status + ""),
        "via": FilterField(row.via),
        "pushedBy": FilterField(row.pushed_by),
        "timeStampInMicros": FilterField(row.received_at, "instant"),
        "_createTimeInMicros": FilterField(row.received_at, "instant"),
    }


FIELDS = _fields(DeliveryRow, ExecutionRow)
_OTHER, _OTHERS_RUN, _RUN = aliased(DeliveryRow), aliased(ExecutionRow), aliased(ExecutionRow)
_OTHER_FIELDS = _fields(_OTHER, _OTHERS_RUN)
EXACT_PUSHES = 1_000
"""Pushes are counted up to here: each takes a look at the index of its own."""
FEW_RUNS = 10_000
"""Events of the runs of a status are looked up by these up to this many; otherwise walked by time."""
MOST_OF_PUSH = 20
"""Events of one push that a list of pushes shows."""


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
    return next(iter(_found(uow, _JOINED.where(_ROW.id == event_id))), None)


def find_push(uow: Reading, delivery_id: str, ordinal: int) -> PushEvent | None:
    """By what the registry's answer names."""
    return next(iter(_found(uow, _JOINED.where(_ROW.delivery_id == delivery_id, _ROW.ordinal == ordinal))), None)


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
    statement = (
        _JOINED.where(
            _ROW.webhook_id == event.webhook_id,
            _ROW.repository == event.push.repository,
            # Nothing is ordered later than it was received, and there is an index for this.
            _ROW.received_at > event.order_at,
            _ROW.order_at > event.order_at,
            _ROW.verdict.in_(("started", "queued")),
            _ROW.id != event.id,
        )
        .order_by(_ROW.received_at.desc())
        .limit(1)
    )
    if of_same_tag:
        statement = statement.where(_ROW.tag == event.push.tag)
    return next(iter(_found(uow, statement)), None)


def last_started(uow: Reading, event: PushEvent) -> PushEvent | None:
    """The last delivery of the same webhook and repository that has started a run."""
    return started_later(uow, replace(event, order_at=0.0))


def overtakes(uow: Reading, event: PushEvent) -> bool:
    """Whether an earlier delivery of the same webhook and repository still waits for the registry's answer."""
    statement = select(_ROW.id).where(
        _ROW.state == RESOLVING,
        _ROW.webhook_id == event.webhook_id,
        _ROW.repository == (event.push.repository if event.push is not None else ""),
        _ROW.received_at < event.received_at,
    )
    return uow.connection.scalar(statement.limit(1)) is not None


def answered(uow: Reading, event: PushEvent) -> list[PushEvent]:
    """Those of the same webhook and repository that wait for earlier ones only, the oldest first."""
    repository = event.push.repository if event.push is not None else ""
    statement = _JOINED.where(
        _ROW.state == ANSWERED, _ROW.webhook_id == event.webhook_id, _ROW.repository == repository
    )
    return _found(uow, statement.order_by(_ROW.received_at))


def gathering(uow: Reading, webhook_id: str, repository: str) -> list[PushEvent]:
    """What waits to be gathered."""
    statement = _JOINED.where(_ROW.state == GATHERING, _ROW.webhook_id == webhook_id, _ROW.repository == repository)
    return _found(uow, statement.order_by(_ROW.received_at))


def ordering(uow: Reading, webhook_id: str, repository: str, limit: int) -> list[PushEvent]:
    """What waits for its order to be known, the first received first."""
    statement = _JOINED.where(_ROW.state == ORDERING, _ROW.webhook_id == webhook_id, _ROW.repository == repository)
    return _found(uow, statement.order_by(_ROW.received_at, _ROW.ordinal).limit(limit))


def page(uow: Reading, projects: frozenset[str] | None, ask: Find) -> tuple[list[PushEvent], int]:
    """One page of Activity, newest first; `projects` None means all of them."""
    query = _of_few_runs(uow, filters.within(_JOINED, _ROW.project, projects), ask)
    rows, total = filters.page(uow, query, FIELDS, ask, "timeStampInMicros desc", _ROW.id)
    return [_delivery(row) for row in rows], total


def pushes(uow: Reading, projects: frozenset[str] | None, ask: Find) -> tuple[list[list[PushEvent]], int]:
    """One page of pushes, each with those of its events that the filter leaves, newest first, at most `MOST_OF_PUSH`.

    A push is at the place of the newest of these.
    """
    newest = filters.within(select(_OTHER.id), _OTHER.project, projects).where(_OTHER.push_key == _ROW.push_key)
    if (where := filters.condition(ask.filter, _OTHER_FIELDS)) is not None:
        newest = newest.join(_OTHERS_RUN, _OTHERS_RUN.id == _OTHER.execution_id, isouter=True).where(where)
        if "executionStatus" in ask.filter:
            # Always true. SQLite works a subquery out as soon as it can: with a condition on the run, only where it is
            # known and matches, which may be for very few of a million.
            newest = newest.where(or_(ExecutionRow.id.is_(None), ExecutionRow.id.is_not(None)))
    # A scalar, which databases look up row by row: a join of a long list with itself would be worked out as a whole. By
    # the sum it is sorted after it is found by its key; the index of times would be walked from its end.
    first = (
        newest.order_by((_OTHER.received_at + 0.0).desc(), _OTHER.id.desc())
        .limit(1)
        .correlate(DeliveryRow, ExecutionRow)
    )
    is_first = or_(_ROW.push_key.is_(None), _ROW.id == first.scalar_subquery())
    query = _of_few_runs(uow, filters.within(_JOINED.where(is_first), _ROW.project, projects), ask)
    rows, total = filters.page(uow, query, FIELDS, ask, "timeStampInMicros desc", _ROW.id, exact_total=EXACT_PUSHES)
    events = [_delivery(row) for row in rows]
    return [
        [event, *others] for event, others in zip(events, _of_pushes(uow, projects, ask, events), strict=True)
    ], total


def _of_few_runs(uow: Reading, query: Select[Any], ask: Find) -> Select[Any]:
    """The same rows, looked up by their runs where the filter demands a status that few runs have.

    Otherwise the database walks all events by time until it has a page, which for a status of no run is all of them.
    """
    status = filters.demanded(ask.filter, "executionStatus", FIELDS)
    if status is None:
        return query
    runs = select(_RUN.id).where(_RUN.status == status)
    count = select(func.count()).select_from(runs.limit(FEW_RUNS + 1).subquery())
    are_few = (uow.session.scalar(count) or 0) <= FEW_RUNS
    return query.where(_ROW.execution_id.in_(runs)) if are_few else query


def _of_pushes(
    uow: Reading, projects: frozenset[str] | None, ask: Find, heads: Sequence[PushEvent]
) -> list[list[PushEvent]]:
    """The further events of each head's push."""
    keys = [event.push_key for event in heads if event.push_key is not None]
    place = func.row_number().over(partition_by=_ROW.push_key, order_by=[_ROW.received_at.desc(), _ROW.id.desc()])
    ranked = filters.within(_JOINED.with_only_columns(_ROW.id, place.label("place")), _ROW.project, projects)
    ranked = ranked.where(_ROW.push_key.in_(keys))
    if (where := filters.condition(ask.filter, FIELDS)) is not None:
        ranked = ranked.where(where)
    nearest = ranked.subquery()
    ids = select(nearest.c.id).where(nearest.c.place > 1, nearest.c.place <= MOST_OF_PUSH)
    by_key: dict[str | None, list[PushEvent]] = {}
    for event in _found(uow, _JOINED.where(_ROW.id.in_(ids)).order_by(_ROW.received_at.desc())) if keys else ():
        by_key.setdefault(event.push_key, []).append(event)
    return [by_key.get(event.push_key, []) if event.push_key else [] for event in heads]


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


def around(
    uow: Reading, projects: frozenset[str] | None, repository: str, tag: str, since: float, until: float, at: float
) -> list[PushEvent]:
    """Deliveries of an image within a time, the nearest to `at` first; at most twenty. An empty tag means any."""
    statement = filters.within(_JOINED, _ROW.project, projects).where(
        _ROW.repository == repository, _ROW.received_at >= since, _ROW.received_at <= until, _ROW.via != "test"
    )
    if tag:
        statement = statement.where(_ROW.tag == tag)
    return _found(uow, statement.order_by(func.abs(_ROW.received_at - at)).limit(20))


def remove(uow: UnitOfWork, event_id: str) -> None:
    """Delete one event."""
    uow.session.execute(delete(DeliveryRow).where(_ROW.id == event_id))


_JOINED: Select[Any] = select(
    *(getattr(_ROW, name) for name in (*_OWN, *_OF_PUSH)), ExecutionRow.status, ExecutionRow.status_message
).join(ExecutionRow, ExecutionRow.id == _ROW.execution_id, isouter=True)


def _found(uow: Reading, statement: Select[Any]) -> list[PushEvent]:
    return [_delivery(row) for row in uow.connection.execute(statement)]


def _delivery(row: Sequence[Any]) -> PushEvent:
    own, of_push = dict(zip(_OWN, row, strict=False)), dict(zip(_OF_PUSH, row[len(_OWN) :], strict=False))
    status, message = row[-2], row[-1]
    return PushEvent(
        **own,
        push=Push.model_validate(of_push) if of_push["provider"] else None,
        execution_status=status or "",
        execution_message=message or "",
    )
