"""Dead letters in their table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, insert, select, update

from services.config.tables.ledger import DeadLetterRow
from shared.contracts.catalog import Find

from . import filters
from .filters import FilterField
from .unit_of_work import Reading, UnitOfWork

_ROW = DeadLetterRow
KEPT, REQUEUED, DISCARDED = "kept", "requeued", "discarded"
FIELDS: dict[str, FilterField] = {
    "id": FilterField(_ROW.id),
    "queue": FilterField(_ROW.queue),
    "type": FilterField(_ROW.type),
    "subject": FilterField(_ROW.subject),
    "state": FilterField(_ROW.state),
    "reason": FilterField(_ROW.reason),
    "_createTimeInMicros": FilterField(_ROW.at, "instant"),
}


@dataclass(frozen=True, slots=True)
class KeptLetter:
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


_NAMES = tuple(KeptLetter.__dataclass_fields__)


def add(uow: UnitOfWork, letter: KeptLetter) -> bool:
    """Keep it; False when it is a repeat."""
    if uow.session.get(DeadLetterRow, letter.id) is not None:
        return False
    uow.session.execute(insert(DeadLetterRow), {name: getattr(letter, name) for name in _NAMES})
    return True


def find_letter(uow: Reading, letter_id: str) -> KeptLetter | None:
    """By id."""
    row = uow.session.get(DeadLetterRow, letter_id)
    return None if row is None else _letter(row)


def set_state(uow: UnitOfWork, letter_id: str, state: str, by: str) -> None:
    """Somebody dealt with it."""
    changed = update(DeadLetterRow).where(_ROW.id == letter_id)
    uow.session.execute(changed.values(state=state, handled_by=by, handled_at=uow.now))


def page(uow: Reading, ask: Find) -> tuple[list[KeptLetter], int]:
    """One page, newest first."""
    rows, total = filters.page(uow, select(DeadLetterRow), FIELDS, ask, "_createTimeInMicros desc", _ROW.id)
    return [_letter(row) for row in rows], total


def _letter(row: DeadLetterRow | Row[Any]) -> KeptLetter:
    return KeptLetter(**{name: getattr(row, name) for name in _NAMES})
