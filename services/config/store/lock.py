"""The lock that one config process holds: beside the SQLite file, or in a session of PostgreSQL."""

from __future__ import annotations

import fcntl
import os
import random
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from shared.process import clock
from shared.process.logging import get_logger

from . import leadership
from .engines import DatabaseUnavailable
from .leadership import Term
from .unit_of_work import Store

log = get_logger()

_KEY = 7_017_717_001
DEPOSED_AFTER_S = (12.0, 25.0)
"""Between these, each process another number, so that two standbys do not depose each other."""


class FileLock:
    """`flock` on a file beside the database; the system lets it go when the process ends, however it ends."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None

    def acquire(self) -> bool:
        """Try now; never waits."""
        if self._file is None:
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True

    def held(self) -> bool:
        """Whether it is still ours: also that the file is still the one that others would lock."""
        if self._file is None:
            return False
        try:
            mine, there = os.fstat(self._file), self._path.stat()
        except OSError:
            return False
        return (mine.st_dev, mine.st_ino) == (there.st_dev, there.st_ino)

    def watch(self) -> None:
        """A process that hangs is ended by its own watchdog or by its supervisor, and its lock goes with it."""

    def release(self) -> None:
        """Let another process have it."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


class SessionLock:
    """A PostgreSQL advisory lock: gone as soon as its connection is. A holder that shows no life loses it."""

    def __init__(self, store: Store, *, monotonic: Callable[[], float] = clock.monotonic) -> None:
        self._store = store
        self._engine = store.writer
        self._monotonic = monotonic
        self._connection: Connection | None = None
        self._patience_s = random.uniform(*DEPOSED_AFTER_S)
        self._seen: Term | None = None
        self._seen_at = 0.0

    def acquire(self) -> bool:
        """Try now; never waits. Raises Away when there is no database to ask."""
        self.release()
        try:
            connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            if connection.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": _KEY}).scalar_one():
                self._connection = connection
                self._seen = None
                return True
            connection.close()
        except DBAPIError as error:
            raise DatabaseUnavailable(f"the database cannot be used: {error.orig}") from error
        return False

    def held(self) -> bool:
        """Whether the session that holds it lives."""
        if self._connection is None:
            return False
        try:
            self._connection.execute(text("SELECT 1"))
        except DBAPIError:
            return False
        return True

    def watch(self) -> None:
        """Another holds it: depose a leader whose writer has not committed a beat for `DEPOSED_AFTER_S`. Raises Away.

        Its sessions are ended first, for one may stand in the middle of a beat and lock the row, and once more after
        the epoch is raised, for what it opened meanwhile.
        """
        with self._store.read() as reading:
            term = leadership.current(reading.session)
        if term is None or term != self._seen:
            self._seen, self._seen_at = term, self._monotonic()
        elif self._monotonic() - self._seen_at > self._patience_s:
            self._seen = None
            self._depose(term)

    def _depose(self, term: Term) -> None:
        log.warning("leader.deposed", holder=term.holder, epoch=term.epoch, silent_s=round(self._patience_s))
        try:
            with Session(self._engine) as session:
                leadership.end_sessions(session, term.holder)
                leadership.depose(session, term)
                session.commit()
                leadership.end_sessions(session, term.holder)
        except DBAPIError as error:
            raise DatabaseUnavailable(f"the leader that shows no life cannot be deposed: {error.orig}") from error

    def release(self) -> None:
        """Let another process have it."""
        if self._connection is not None:
            connection, self._connection = self._connection, None
            # The server notices the end of a session when it comes to it; the next leader need not wait for that.
            if not connection.invalidated:
                with suppress(DBAPIError):
                    connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _KEY})
            # Whatever became of that: closing alone would give the session back to the pool.
            connection.invalidate()
            connection.close()


def lock_of(store: Store) -> FileLock | SessionLock:
    """The lock that belongs to this database."""
    return FileLock(Path(f"{store.url.database}.lock")) if store.is_sqlite else SessionLock(store)
