"""Dead letters in their table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert, select, update

from services.config.tables.ledger import DeadLetterRow
from shared.contracts.catalog import Find

from . import filters
from .filters import Field
from .unit_of_work import Reading, UnitOfWork

_ROW = DeadLetterRow
KEPT, REQUEUED, DISCARDED = "kept", "requeued", "discarded"
FIELDS: dict[str, Field] = {
    "id": Field(_ROW.id),
    "queue": Field(_ROW.queue),
    "type": Field(_ROW.type),
    "subject": Field(_ROW.subject),
    "state": Field(_ROW.state),
    "reason": Field(_ROW.reason),
    "_createTimeInMicros": Field(_ROW.at, "instant"),
}


@dataclass(frozen=True, slots=True)
class Letter:
    """A message that nobody could work on."""

    id: str
    at: float
    queue: str
    reason: str
    type: str
    subject: str
    message_id: str
    body: str
    history: list[Any]
    headers: Mapping[str, Any]
    state: str
    handled_by: str
    handled_at: float | None


_NAMES = tuple(Letter.__dataclass_fields__)


def add(uow: UnitOfWork, letter: Letter) -> bool:
    """Keep it; False when it is a repeat."""
    if uow.session.get(DeadLetterRow, letter.id) is not None:
        return False
    uow.session.execute(insert(DeadLetterRow), {name: getattr(letter, name) for name in _NAMES})
    return True


def find_letter(uow: Reading, number: str) -> Letter | None:
    """By id."""
    row = uow.session.get(DeadLetterRow, number)
    return None if row is None else _letter(row)


def set_state(uow: UnitOfWork, number: str, state: str, by: str) -> None:
    """Somebody dealt with it."""
    changed = update(DeadLetterRow).where(_ROW.id == number)
    uow.session.execute(changed.values(state=state, handled_by=by, handled_at=uow.now))


def page(uow: Reading, ask: Find) -> tuple[list[Letter], int]:
    """One page, newest first."""
    statement, total = filters.page(uow, select(DeadLetterRow), FIELDS, ask, "_createTimeInMicros desc", _ROW.id)
    return [_letter(row) for row in uow.session.scalars(statement)], total


def _letter(row: DeadLetterRow) -> Letter:
    return Letter(**{name: getattr(row, name) for name in _NAMES})
