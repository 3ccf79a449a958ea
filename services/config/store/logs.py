"""Chunks of log lines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, delete, select, text

from services.config.tables.ledger import LogRow
from shared.contracts.runs import LogChunk
from shared.contracts.texts import whole_number

from .unit_of_work import Reading, UnitOfWork

_ADD = text(
    "INSERT INTO log_chunks (execution_id, stage, task, attempt, try_number, first_line, lines, at, text) "
    "VALUES (:execution_id, :stage, :task, :attempt, :try_number, :first_line, :lines, :at, :text) "
    "ON CONFLICT DO NOTHING"
)


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some lines of one try."""

    stage: str
    task: str
    try_number: int
    first_line: int
    lines: list[str]
    at: float


def add(uow: UnitOfWork, chunk: LogChunk) -> None:
    """Store it unless it is there."""
    uow.session.execute(
        _ADD,
        {
            "execution_id": chunk.execution_id,
            "stage": chunk.stage,
            "task": chunk.task,
            "attempt": chunk.attempt,
            "try_number": chunk.try_number,
            "first_line": chunk.first_line,
            "lines": len(chunk.lines),
            "at": chunk.at,
            # PostgreSQL's text holds no NUL.
            "text": "\n".join(line.replace("\n", " ").replace("\x00", "\ufffd") for line in chunk.lines),
        },
    )


def cut(uow: UnitOfWork, execution_id: str, stage: str, task: str, try_number: int, *, after: int, before: int) -> None:
    """Forget whole chunks between the head and the tail of a try."""
    uow.session.execute(
        delete(LogRow).where(
            LogRow.execution_id == execution_id,
            LogRow.stage == stage,
            LogRow.task == task,
            LogRow.try_number == try_number,
            LogRow.first_line >= after,
            LogRow.first_line + LogRow.lines <= before,
        )
    )


def last_chunks(
    uow: Reading, execution_id: str, options: Mapping[str, Any], *, lines: int, before: int | None
) -> list[Chunk]:
    """The last chunks of one try that hold `lines` lines before line `before` (from 0), in order."""
    statement = _narrowed(execution_id, options)
    if before is not None:
        statement = statement.where(LogRow.first_line < before)
    newest_first: list[Chunk] = []
    count = 0
    for row in uow.session.scalars(statement.order_by(LogRow.first_line.desc()).limit(max(1, lines))):
        newest_first.append(_chunk(row))
        count += row.lines if before is None else min(row.lines, before - row.first_line)
        if count >= lines:
            break
    return newest_first[::-1]


def _narrowed(execution_id: str, options: Mapping[str, Any]) -> Select[LogRow]:
    statement = select(LogRow).where(LogRow.execution_id == execution_id)
    for name, column in (("stage", LogRow.stage), ("task", LogRow.task)):
        if options.get(name):
            statement = statement.where(column == str(options[name]))
    if (try_number := whole_number(str(options.get("try") or ""))) is not None:
        statement = statement.where(LogRow.try_number == try_number)
    return statement


def _chunk(row: LogRow) -> Chunk:
    lines = row.text.split("\n") if row.lines else []
    return Chunk(row.stage, row.task, row.try_number, row.first_line, lines, row.at)


def chunks(uow: Reading, execution_id: str, options: Mapping[str, Any], *, limit: int, skip: int) -> list[Chunk]:
    """In the order of tasks and lines; `stage`, `task`, `try` and `after` (a line number) narrow them."""
    statement = _narrowed(execution_id, options)
    if (after := whole_number(str(options.get("after") or ""))) is not None:
        statement = statement.where(LogRow.first_line + LogRow.lines > after)
    ordered = statement.order_by(LogRow.stage, LogRow.task, LogRow.try_number, LogRow.first_line)
    return [_chunk(row) for row in uow.session.scalars(ordered.offset(skip).limit(limit))]
