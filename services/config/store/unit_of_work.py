"""The unit of work: one transaction, the messages it promises, and what happens once it is durable."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, bindparam, delete, insert, select, text
from sqlalchemy.orm import Session

from services.config import metrics
from services.config.tables.machinery import OutboxRow, TimerRow
from shared.contracts.base import Message
from shared.contracts.topics import Topic
from shared.process.clock import monotonic, now
from shared.process.ids import new_id
from shared.process.metrics import Stopwatch

from . import leadership
from .engines import DatabaseUnavailable, lift_limit, open_engine, parse_url, translated
from .write_turns import Work, WriteTurn, WriteTurns

T = TypeVar("T")

BEAT_EVERY_S = 2.0

_WRITER_KEY = 7_017_717_002
_ONE_WRITER = text(f"SELECT pg_advisory_xact_lock({_WRITER_KEY})")
"""SQLite has one writer by itself."""

_ADD_PROMISES = insert(OutboxRow).returning(OutboxRow.id, sort_by_parameter_order=True)
_DROP_PROMISES = delete(OutboxRow).where(OutboxRow.id.in_(bindparam("ids", expanding=True)))
_ADD_TIMER = insert(TimerRow)
_DROP_TIMER = delete(TimerRow).where(TimerRow.kind == bindparam("of_kind"), TimerRow.subject == bindparam("of_subject"))


class Deposed(DatabaseUnavailable):
    """Another config process leads now: this one may no longer write. Nothing was written."""


@dataclass(frozen=True, slots=True)
class Promised:
    """An outbox row as the relay sends it."""

    id: int
    message_id: str
    type: str
    subject: str
    body: str
    correlation_id: str | None
    message: Message | None = None
    """The message itself where it was promised by this process."""
    traceparent: str = ""
    """The span that it belongs below; lost with the process, as traces may be."""


class Reading:
    """A consistent view of the database. `now` is the instant at which it began, in seconds since the epoch."""

    def __init__(self, session: Session, now: float) -> None:
        self.session = session
        self.now = now
        self._known: dict[Hashable, Any] = {}

    def once(self, key: Hashable, ask: Callable[[], T]) -> T:
        """The answer to a question that a batch asks again and again, asked once in this transaction.

        Only for what no use case changes and asks for in the same transaction.
        """
        if key not in self._known:
            self._known[key] = ask()
        value: T = self._known[key]
        return value

    @cached_property
    def connection(self) -> Connection:
        """The transaction's connection: plain statements on it cost a third of what they cost through the session."""
        return self.session.connection()


class UnitOfWork(Reading):
    """One write transaction: everything in it happens, or nothing does."""

    def __init__(self, session: Session, now: float, turn: WriteTurn) -> None:
        super().__init__(session, now)
        self._turn = turn
        self.promised: list[dict[str, Any]] = []
        self.messages: list[tuple[Message, str]] = []
        """What was promised, each with its traceparent."""
        self.broadcasts: list[tuple[Topic, Message, str]] = []
        self.earliest_timer: float | None = None
        self.observations: list[Callable[[], None]] = []

    def within_turn(self, items: Sequence[T]) -> Iterator[T]:
        """The first of a batch, at least one, while its turn lasts; the others are for the next transaction."""
        for place, item in enumerate(items):
            if place and self._turn.is_over:
                return
            yield item

    def observe(self, count: Callable[[], None]) -> None:
        """Count something once it is durable; for metrics alone, since a crash loses it."""
        self.observations.append(count)

    def outbox(
        self, topic: Topic, message: Message, subject: str, *, correlation_id: str | None = None, traceparent: str = ""
    ) -> None:
        """Promise a message: it is sent at least once, after the commit, in order with others of its subject."""
        self.messages.append((message, traceparent))
        self.promised.append(
            {
                "message_id": new_id(),
                "type": topic.type,
                "subject": subject,
                "body": message.model_dump_json(),
                "correlation_id": correlation_id,
                "created_at": self.now,
            }
        )

    def broadcast(self, topic: Topic, message: Message, subject: str) -> None:
        """Tell every process after the commit; may be lost."""
        self.broadcasts.append((topic, message, subject))

    def timer(self, kind: str, subject: str, due_at: float) -> None:
        """Have `kind` handled for `subject` at `due_at`; replaces an earlier one of the same kind and subject."""
        self.cancel_timer(kind, subject)
        row = {"kind": kind, "subject": subject, "due_at": due_at, "body": {}, "failures": 0}
        self.connection.execute(_ADD_TIMER, row)
        self.earliest_timer = due_at if self.earliest_timer is None else min(self.earliest_timer, due_at)

    def cancel_timer(self, kind: str, subject: str) -> None:
        """Forget a timer; harmless when there is none."""
        self.connection.execute(_DROP_TIMER, {"of_kind": kind, "of_subject": subject})

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """A part that may fail alone: its rows, messages and broadcasts go with it, the rest stays."""
        promised, broadcast, observed = len(self.promised), len(self.broadcasts), len(self.observations)
        self.session.flush()
        # Not the session's own: statements on the connection would pass it by.
        nested = self.connection.begin_nested()
        try:
            yield
            self.session.flush()
        except BaseException:
            if nested.is_active:
                nested.rollback()
            self.session.expire_all()
            del self.promised[promised:], self.messages[promised:], self.broadcasts[broadcast:]
            del self.observations[observed:]
            raise
        nested.commit()


class Observer:
    """Hears of each write transaction; a subclass overrides what it wants to hear."""

    def before_commit(self, uow: UnitOfWork) -> Callable[[bool], None] | None:
        """Work that travels along with any transaction. What it returns is called with whether the commit succeeded."""

    def on_promised(self, rows: list[Promised]) -> None:
        """Messages that are in the outbox now."""

    def on_broadcast(self, topic: Topic, message: Message, subject: str) -> None:
        """A broadcast of a transaction that is durable."""

    def on_timer(self, due_at: float) -> None:
        """When the earliest timer is due that the transaction set."""


class Store:
    """Opens units of work. One writer at a time, of all processes; any number of readers."""

    def __init__(self, url: str, *, clock: Callable[[], float] = now, ticks: Callable[[], float] = monotonic) -> None:
        self.url = parse_url(url)
        self.clock = clock
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.holder = f"portside-config-{secrets.token_hex(6)}"
        """The name of this process's sessions in PostgreSQL."""
        self._writer = open_engine(self.url, self.holder, writing=True)
        self._reader = open_engine(self.url, self.holder, writing=False)
        self.turns = WriteTurns(ticks)
        self._epoch: int | None = None
        """Of this process's last term as leader, which every write transaction checks. Commands lead nothing."""
        self._beaten_at = float("-inf")
        self.trouble = ""
        """Why the last transaction could not be written; empty when it was."""
        self._observers: tuple[Observer, ...] = ()

    def add_observer(self, observer: Observer) -> None:
        """From now on this one hears of each transaction."""
        self._observers = (*self._observers, observer)

    def remove_observer(self, observer: Observer) -> None:
        """It hears of no further transaction; harmless when it heard of none."""
        self._observers = tuple(other for other in self._observers if other is not observer)

    @property
    def folder(self) -> Path | None:
        """Where SQLite's file is; None of another database."""
        return Path(self.url.database).absolute().parent if self.is_sqlite and self.url.database else None

    @property
    def writer(self) -> Engine:
        """For migrations and the lock of the one active process."""
        return self._writer

    @contextmanager
    def read(self) -> Iterator[Reading]:
        """A consistent view."""
        with translated(), Session(self._reader, expire_on_commit=False) as session:
            yield Reading(session, self.clock())

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """A consistent view that may take as long as it needs: for a command that reads everything."""
        with translated(), self._reader.connect() as connection, connection.begin():
            lift_limit(connection)
            yield connection

    def lead(self) -> None:
        """This process holds the lock: begin a term, in which no earlier leader can write.

        Raises DatabaseUnavailable.
        """
        with self.write(Work.LEADERSHIP, lead=True):
            pass

    @property
    def is_beat_due(self) -> bool:
        """Whether no transaction has carried a sign of life for a while."""
        return monotonic() - self._beaten_at >= BEAT_EVERY_S

    @contextmanager
    def write(self, work: Work = Work.REQUEST, *, lead: bool = False) -> Iterator[UnitOfWork]:
        """A transaction, committed when the block ends and rolled back when it raises.

        Raises DatabaseUnavailable, Deposed.
        """
        with self.turns.turn(work) as turn:
            try:
                with translated():
                    yield from self._transaction(turn, lead=lead)
                self.trouble = ""
            except DatabaseUnavailable as error:
                self.trouble = str(error)
                raise

    def _transaction(self, turn: WriteTurn, *, lead: bool) -> Iterator[UnitOfWork]:
        outcomes: list[Callable[[bool], None]] = []
        committed = False
        began = Stopwatch()
        try:
            with Session(self._writer, expire_on_commit=False) as session, session.begin():
                if lead and not self.is_sqlite:
                    leadership.end_writer(session, _WRITER_KEY, self.holder)
                if not self.is_sqlite:
                    # A process that has just lost the active one's lock may be in the middle of its last transaction.
                    session.connection().execute(_ONE_WRITER)
                epoch = self._checked_epoch(session, lead=lead)
                uow = UnitOfWork(session, self.clock(), turn)
                yield uow
                for observer in self._observers:
                    if (callback := observer.before_commit(uow)) is not None:
                        outcomes.append(callback)
                rows = _insert_promised(uow)
            committed = True
            metrics.COMMIT.observe(began.seconds)
            self._epoch = epoch
        finally:
            for callback in outcomes:
                callback(committed)
        self._publish(uow, rows)

    def _checked_epoch(self, session: Session, *, lead: bool) -> int | None:
        if lead:
            return leadership.begin(session, self.holder)
        if self._epoch is not None:
            beat = self.is_beat_due
            if not leadership.leads(session, self._epoch, beat=beat):
                raise Deposed("another config process leads now")
            if beat:
                self._beaten_at = monotonic()
        return self._epoch

    def _publish(self, uow: UnitOfWork, rows: list[Promised]) -> None:
        for count in uow.observations:
            count()
        for observer in self._observers:
            if rows:
                observer.on_promised(rows)
            for topic, message, subject in uow.broadcasts:
                observer.on_broadcast(topic, message, subject)
            if uow.earliest_timer is not None:
                observer.on_timer(uow.earliest_timer)

    def close(self) -> None:
        """Close all connections."""
        self._writer.dispose()
        self._reader.dispose()


def _insert_promised(uow: UnitOfWork) -> list[Promised]:
    if not uow.promised:
        return []
    ids = uow.connection.execute(_ADD_PROMISES, uow.promised).scalars().all()
    return [
        Promised(queue_id, row["message_id"], row["type"], row["subject"], row["body"], row["correlation_id"], *sent)
        for queue_id, row, sent in zip(ids, uow.promised, uow.messages, strict=True)
    ]


def unsent(uow: Reading, after: int, limit: int) -> list[Promised]:
    """Promised messages in order, for a relay that starts."""
    rows = uow.session.scalars(select(OutboxRow).where(OutboxRow.id > after).order_by(OutboxRow.id).limit(limit))
    return [Promised(r.id, r.message_id, r.type, r.subject, r.body, r.correlation_id) for r in rows]


def mark_sent(uow: UnitOfWork, ids: list[int]) -> None:
    """The broker confirmed these."""
    for start in range(0, len(ids), 500):
        uow.connection.execute(_DROP_PROMISES, {"ids": ids[start : start + 500]})
