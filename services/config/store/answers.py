"""Answers to commands, kept a day."""

from __future__ import annotations

from sqlalchemy import delete, insert

from services.config.tables.machinery import AnsweredRow
from shared.contracts.catalog import Document

from .unit_of_work import Reading, UnitOfWork

KEPT_S = 86_400.0


def find_answer(uow: Reading, command_id: str) -> Document | None:
    """What this command was answered before."""
    row = uow.session.get(AnsweredRow, command_id)
    return None if row is None else Document.model_validate_json(row.body)


def keep_answer(uow: UnitOfWork, command_id: str, document: Document) -> None:
    """Remember the answer for a day."""
    row = {"command_id": command_id, "at": uow.now, "body": document.model_dump_json()}
    uow.session.execute(insert(AnsweredRow), row)


def forget_answers(uow: UnitOfWork) -> None:
    """Drop those past their day."""
    uow.session.execute(delete(AnsweredRow).where(AnsweredRow.at < uow.now - KEPT_S))
