"""How each kind of database is opened, how long a question may take, and what its errors mean here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, InterfaceError, InternalError, OperationalError

from shared.process.clock import monotonic
from shared.process.life import Fatal

READ_LIMIT_S = 8.0
"""A question that takes longer is cancelled: pages must not hold up the database. The gateway waits longer."""

PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "busy_timeout=5000",
    # Without it LIKE would find more here than on PostgreSQL.
    "case_sensitive_like=ON",
)

LIVENESS = {
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
"""A database that is cut off is noticed after some ten seconds, and not after the system's two hours (libpq)."""


class DatabaseUnavailable(Exception):
    """The database cannot be used now: gone, locked or full. Nothing was written; try again later."""


class TooSlow(DatabaseUnavailable):
    """A question took longer than `READ_LIMIT_S` and was cancelled; the database itself is well."""


@contextmanager
def translated() -> Iterator[None]:
    """Errors of the database that ask for another try become ours; what a statement itself did wrong stays as it is."""
    try:
        yield
    except IntegrityError:
        raise
    except (OperationalError, InterfaceError, InternalError) as error:
        if _broken_off(error.orig):
            raise TooSlow(f"the question took longer than {READ_LIMIT_S:g} s") from error
        raise DatabaseUnavailable(f"the database cannot be used: {error.orig}") from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise DatabaseUnavailable(f"the connection to the database was lost: {error.orig}") from error
        raise


def _broken_off(error: BaseException | None) -> bool:
    """By the limit on questions: SQLite says `interrupted`, PostgreSQL `query_canceled`."""
    return getattr(error, "sqlite_errorname", "") == "SQLITE_INTERRUPT" or getattr(error, "sqlstate", "") == "57014"


def parse_url(url: str) -> URL:
    """Raises Fatal."""
    try:
        return make_url(url)
    except ArgumentError:
        # Without what was given: it may hold a password.
        raise Fatal("The address of the database cannot be read; write sqlite:///… or postgresql://…") from None


def open_engine(url: URL, holder: str, *, writing: bool) -> Engine:
    """Connections for the one writer or many readers; PostgreSQL shows them under the name `holder`. Raises Fatal."""
    backend = url.get_backend_name()
    if backend == "sqlite":
        engine = create_engine(url, pool_size=1 if writing else 16, max_overflow=0 if writing else 16)
        _prepare_sqlite(engine, writing)
        return engine
    if backend == "postgresql":
        limits = f"-c default_transaction_read_only=on -c statement_timeout={int(READ_LIMIT_S * 1e3)}"
        return create_engine(
            url.set(drivername="postgresql+psycopg"),
            pool_size=2 if writing else 16,
            max_overflow=1 if writing else 16,
            pool_pre_ping=True,
            isolation_level="READ COMMITTED" if writing else "REPEATABLE READ",
            connect_args={
                # Compiling a question takes longer than any of ours may.
                "options": "-c jit=off" if writing else f"-c jit=off {limits}",
                "connect_timeout": 5,
                "application_name": holder,
                **LIVENESS,
            },
        )
    raise Fatal(f"A database of the kind {backend} cannot be used; name one with sqlite:/// or postgresql://")


def _prepare_sqlite(engine: Engine, writing: bool) -> None:
    begin = "BEGIN IMMEDIATE" if writing else "BEGIN"

    @event.listens_for(engine, "connect")
    def _connected(connection: Any, _record: Any) -> None:
        # The driver's own transaction handling begins too late for a consistent view: BEGIN is ours.
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in PRAGMAS:
            cursor.execute(f"PRAGMA {pragma}")
        if not writing:
            cursor.execute("PRAGMA query_only=ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begun(connection: Connection) -> None:
        connection.exec_driver_sql(begin)
        if not writing:
            _limit_time(connection)


def _limit_time(connection: Connection) -> None:
    until = monotonic() + READ_LIMIT_S
    driver: Any = connection.connection.driver_connection
    driver.set_progress_handler(lambda: int(monotonic() > until), 100_000)


def lift_limit(connection: Connection) -> None:
    """This connection's question may take as long as it needs."""
    if connection.dialect.name == "sqlite":
        driver: Any = connection.connection.driver_connection
        driver.set_progress_handler(None, 0)
    else:
        connection.execute(text("SET LOCAL statement_timeout = 0"))
