"""The lock that one config process holds: beside the SQLite file, or in a session of PostgreSQL."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from .unit_of_work import Away, Store

_KEY = 7_017_717_001


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

    def release(self) -> None:
        """Let another process have it."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


class SessionLock:
    """A PostgreSQL advisory lock: gone as soon as its connection is."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: Connection | None = None

    def acquire(self) -> bool:
        """Try now; never waits. Raises Away when there is no database to ask."""
        self.release()
        try:
            connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            if connection.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": _KEY}).scalar_one():
                self._connection = connection
                return True
            connection.close()
        except DBAPIError as error:
            raise Away(f"the database cannot be used: {error.orig}") from error
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

    def release(self) -> None:
        """Let another process have it."""
        if self._connection is not None:
            connection, self._connection = self._connection, None
            # Closing alone would give the session back to the pool with the lock still held.
            connection.invalidate()
            connection.close()


def lock_of(store: Store) -> FileLock | SessionLock:
    """The lock that belongs to this database."""
    if store.is_sqlite:
        return FileLock(Path(f"{store.url.database}.lock"))
    return SessionLock(store.writer)
