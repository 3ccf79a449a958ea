"""The accepted events of runs: appended, and read back whole or without their values.

What was said by whom matters to the protocol alone; readers fold in the order of (attempt, seq), and the ledger's own
events come between those of runners. So all are read as of attempt 0, numbered by their positions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import func, insert, select

from services.config.model.histories import BRIEF_FROM, MAX_HISTORY_BYTES, brief, cut, shallow, within
from services.config.tables.ledger import EventRow
from shared.contracts.bounds import MAX_DEPTH, MAX_EVENT_BYTES
from shared.contracts.history import Event, Recorded

from .executions import in_parts
from .unit_of_work import Reading, UnitOfWork

_EVENT: TypeAdapter[Event] = TypeAdapter(Event)
_ADD = insert(EventRow)


@dataclass(frozen=True, slots=True)
class History:
    """The accepted events of one run, in order of acceptance."""

    events: tuple[Recorded, ...] = ()
    unreadable: str = ""
    """Which event cannot be read, and why; it is left out."""


def append(uow: UnitOfWork, rows: Sequence[tuple[str, int, Recorded]]) -> None:
    """Add accepted events at their positions."""
    if rows:
        uow.connection.execute(_ADD, [_row(*row) for row in rows])


def _row(execution_id: str, position: int, recorded: Recorded) -> dict[str, Any]:
    body = recorded.event.model_dump_json()
    if len(body) > MAX_EVENT_BYTES:
        # Runners of 0.1 knew no bound.
        body = cut(recorded.event).model_dump_json()
    return {
        "execution_id": execution_id,
        "position": position,
        "attempt": recorded.attempt,
        "body": body,
        "brief": brief(recorded.event).model_dump_json() if len(body) > BRIEF_FROM else None,
    }


def whole(uow: Reading, ids: Iterable[str], limit: int = MAX_HISTORY_BYTES) -> dict[str, History]:
    """The histories with their values, the largest cut where a run has more than `limit` bytes of them."""
    return {owner: _read(_bodies(uow, owner), limit) for owner in dict.fromkeys(ids)}


def without_values(uow: Reading, ids: Iterable[str]) -> dict[str, History]:
    """The histories for lists: without inputs, outputs, handles and questions."""
    rows: dict[str, list[tuple[int, str]]] = {}
    body = func.coalesce(EventRow.brief, EventRow.body)
    for part in in_parts(ids):
        statement = (
            select(EventRow.execution_id, EventRow.position, body)
            .where(EventRow.execution_id.in_(part))
            .order_by(EventRow.execution_id, EventRow.position)
        )
        for owner, position, text in uow.connection.execute(statement):
            rows.setdefault(owner, []).append((position, text))
    return {owner: _read(event_rows, MAX_HISTORY_BYTES, brief_only=True) for owner, event_rows in rows.items()}


def _bodies(uow: Reading, execution_id: str) -> Iterator[tuple[int, str]]:
    statement = select(EventRow.position, EventRow.body).where(EventRow.execution_id == execution_id)
    # An option of the statement alone: on the connection it would hold for every later statement, and PostgreSQL
    # opens a server-side cursor for SELECT only.
    in_parts_of_20 = statement.order_by(EventRow.position).execution_options(yield_per=20)
    with uow.connection.execute(in_parts_of_20) as result:
        yield from result


def _read(rows: Iterable[tuple[int, str]], limit: int, *, brief_only: bool = False) -> History:
    unreadable: list[str] = []

    def events() -> Iterator[tuple[Recorded, int]]:
        for position, body in rows:
            try:
                event = _EVENT.validate_json(body)
            except ValidationError as error:
                unreadable.append(f"event {position} cannot be read: {error.errors()[0]['msg']}")
                continue
            event = event.model_copy(update={"seq": position})
            if body.count("{") + body.count("[") > MAX_DEPTH:
                event = shallow(event)
            yield Recorded.model_construct(attempt=0, event=brief(event) if brief_only else event), len(body)

    return History(tuple(within(events(), limit)), "; ".join(unreadable[:3]))
