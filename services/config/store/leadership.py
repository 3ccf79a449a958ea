"""The one row by which config processes know who leads: its epoch fences off a leader that was deposed, its beats show
that the leader's writer commits.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Update, insert, select, text, update
from sqlalchemy.orm import Session

from services.config.tables.machinery import LeadershipRow

_THE_ROW = 1
_EPOCH = select(LeadershipRow.epoch).where(LeadershipRow.id == _THE_ROW)
_TERM = select(LeadershipRow.epoch, LeadershipRow.beats, LeadershipRow.holder).where(LeadershipRow.id == _THE_ROW)
_OTHERS_SESSIONS = text(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE application_name = :holder AND datname = current_database() AND pid <> pg_backend_pid()"
)
_WRITERS_SESSION = text(
    "SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_stat_activity USING (pid) "
    "WHERE locktype = 'advisory' AND granted AND classid = :high AND objid = :low AND application_name = :holder"
)


@dataclass(frozen=True, slots=True)
class Term:
    """Who leads. `beats` grows while the leader's writer commits; `holder` is the name of its sessions."""

    epoch: int
    beats: int
    holder: str


def current(session: Session) -> Term | None:
    """As of now; None before the first leader."""
    row = session.execute(_TERM).first()
    return None if row is None else Term(*row)


def end_writer(session: Session, key: int, holder: str) -> None:
    """PostgreSQL only: the lock is ours, so that the last leader's transaction, if one is open, must not hold us up."""
    term = current(session)
    if term is not None and term.holder != holder:
        session.execute(_WRITERS_SESSION, {"high": key >> 32, "low": key & 0xFFFF_FFFF, "holder": term.holder})


def begin(session: Session, holder: str) -> int:
    """A new leader's first act; returns its epoch."""
    before = current(session)
    if before is None:
        session.execute(insert(LeadershipRow), {"id": _THE_ROW, "epoch": 1, "beats": 0, "holder": holder})
        return 1
    epoch = before.epoch + 1
    session.execute(update(LeadershipRow).values(epoch=epoch, beats=0, holder=holder))
    return epoch


def leads(session: Session, epoch: int, *, beat: bool) -> bool:
    """Whether that epoch is still the newest; with `beat` a sign of life goes with the transaction."""
    if not beat:
        return session.connection().scalar(_EPOCH) == epoch
    own = LeadershipRow.epoch == epoch
    return _updated(session, update(LeadershipRow).where(own).values(beats=LeadershipRow.beats + 1))


def depose(session: Session, term: Term) -> bool:
    """End that term, unless its holder has shown life since: what it has not committed by now never will be."""
    same = (LeadershipRow.epoch == term.epoch, LeadershipRow.beats == term.beats)
    return _updated(session, update(LeadershipRow).where(*same).values(epoch=term.epoch + 1))


def _updated(session: Session, statement: Update) -> bool:
    return session.scalar(statement.returning(LeadershipRow.id)) is not None


def end_sessions(session: Session, holder: str) -> int:
    """PostgreSQL only: end all sessions of that name, whatever they are doing; returns how many."""
    return len(session.execute(_OTHERS_SESSIONS, {"holder": holder}).all())
