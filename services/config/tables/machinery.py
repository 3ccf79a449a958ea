"""Tables that every use case shares: messages to send, things due later, answers given, and who leads."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Index, Integer, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from .base import BIG_ID, Base


class OutboxRow(Base):
    """A message that the transaction promised; gone once the broker confirmed it."""

    __tablename__ = "outbox"

    id: Mapped[int] = mapped_column(BIG_ID, primary_key=True, autoincrement=True)
    message_id: Mapped[str]
    type: Mapped[str]
    subject: Mapped[str]
    body: Mapped[str]
    correlation_id: Mapped[str | None]
    created_at: Mapped[float]


class TimerRow(Base):
    """Something due later; one of a kind per subject."""

    __tablename__ = "timers"
    __table_args__ = (UniqueConstraint("kind", "subject"), Index(None, "due_at"))

    id: Mapped[int] = mapped_column(BIG_ID, primary_key=True, autoincrement=True)
    kind: Mapped[str]
    subject: Mapped[str]
    due_at: Mapped[float]
    body: Mapped[dict[str, Any]]
    failures: Mapped[int] = mapped_column(default=0)


class AnsweredRow(Base):
    """The answer to a command, kept a day, so that repeating the command is harmless."""

    __tablename__ = "answered"

    command_id: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[float] = mapped_column(index=True)
    body: Mapped[str]


class LeadershipRow(Base):
    """The one row that says who leads among config processes."""

    __tablename__ = "leadership"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    epoch: Mapped[int] = mapped_column(Integer)
    """Raised by each leader that begins and each that is deposed."""
    beats: Mapped[int] = mapped_column(BigInteger)
    holder: Mapped[str]
    """The name of the leader's sessions in PostgreSQL."""
