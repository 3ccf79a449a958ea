"""The database's schema, step by step. Steps run only by command, never by a service that starts.

`versions` holds the steps; `env` is what alembic runs them with; `schema_release` remembers whose they are. A step must
leave the previous release able to read. Within a minor release it only adds tables, indexes, and columns that are
nullable or have a default in the database: earlier patches of it work with the schema too.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from shutil import disk_usage
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from services.config.store import DatabaseUnavailable, Store, pruning
from shared.process.life import Fatal
from shared.version import __version__

from . import schema_release

# A step's own log lines say nothing that the command does not say.
logging.getLogger("alembic").setLevel(logging.WARNING)

_HERE = Path(__file__).parent
_VACUUM_NEEDS = 2.2
"""Times the database's size, for its copy and the log of writing it back."""


def _configuration() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_HERE))
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    return config


def migrate(store: Store) -> None:
    """Bring the database to this release's schema; harmless when it is there, or a newer one of this minor release.

    Raises `DatabaseUnavailable` when it cannot be opened, and `Fatal` when a newer minor release has migrated it or a
    step would leave rows that refer to none; then nothing has changed.
    """
    current = _revision(store)
    if newer := _newer_than_this(store, current):
        raise Fatal(newer)
    if _knows(current):
        with changing_schema(store) as config:
            command.upgrade(config, "head")
            schema_release.record(config.attributes["connection"], head() or "", __version__)
    _let_it_shrink(store)


def _let_it_shrink(store: Store) -> None:
    """Have SQLite keep track of free pages, so that pruning can give them back. A database that was made without is
    rewritten, where its disk has room for that (https://sqlite.org/lang_vacuum.html).
    """
    if not store.is_sqlite or not store.url.database or store.url.database == ":memory:":
        return
    file = Path(store.url.database)
    with _opened(store) as connection:
        # By the driver: neither works within a transaction.
        driver: Any = connection.connection.driver_connection
        if driver.execute("PRAGMA auto_vacuum").fetchone()[0] == pruning.INCREMENTAL:
            return
        if disk_usage(file.parent).free > _VACUUM_NEEDS * file.stat().st_size:
            # While a config reads it, it is locked; then the next upgrade does this.
            with suppress(sqlite3.OperationalError):
                driver.execute(f"PRAGMA auto_vacuum={pruning.INCREMENTAL}")
                driver.execute("VACUUM")


@contextmanager
def changing_schema(store: Store) -> Iterator[Config]:
    """One transaction for alembic's commands, in which dropping a table drops no row of another.

    SQLite changes a column by copying its table and dropping the old one, and a dropped table deletes its rows first:
    `ON DELETE CASCADE` would take the rows of every table that refers to it. So foreign keys rest until the steps are
    done, and are checked before the commit (https://sqlite.org/lang_altertable.html, section 7).
    """
    config = _configuration()
    with _opened(store) as connection, _foreign_keys_at_rest(connection), connection.begin():
        config.attributes["connection"] = connection
        yield config
        _check_foreign_keys(connection)


@contextmanager
def _foreign_keys_at_rest(connection: Connection) -> Iterator[None]:
    if connection.dialect.name != "sqlite":
        yield
        return
    # By the driver: SQLite ignores this within a transaction, and SQLAlchemy begins one before any statement.
    driver: Any = connection.connection.driver_connection
    driver.execute("PRAGMA foreign_keys=OFF")
    try:
        yield
    finally:
        driver.execute("PRAGMA foreign_keys=ON")


def _check_foreign_keys(connection: Connection) -> None:
    if connection.dialect.name != "sqlite":
        return
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
    if broken:
        tables = ", ".join(sorted({f"{row[0]} to {row[2]}" for row in broken}))
        raise Fatal(
            f"The database was not migrated: rows would refer to rows that do not exist: {len(broken)} ({tables}). "
            "Nothing was changed. Restore a backup, or report this with the release that you upgrade from."
        )


def head() -> str | None:
    """The last step; fails when the steps do not stand in one line."""
    return ScriptDirectory.from_config(_configuration()).get_current_head()


def what_is_missing(store: Store) -> str:
    """Why this release cannot work with the database, and what to do; empty when it can."""
    last = head()
    try:
        current = _revision(store)
    except DatabaseUnavailable as away:
        return str(away)
    if current == last:
        return ""
    if not _knows(current):
        return _newer_than_this(store, current)
    return (
        f"The database {_shown(store)} has schema {current or 'none'}, and this release needs {last}. "
        "Run: python -m services.config migrate"
    )


def _revision(store: Store) -> str | None:
    with _opened(store) as connection:
        return MigrationContext.configure(connection).get_current_revision()


def _newer_than_this(store: Store, revision: str | None) -> str:
    """Why this release cannot work with a schema that it does not know; empty where it knows it, or its minor release
    does.
    """
    if revision is None or _knows(revision):
        return ""
    with _opened(store) as connection:
        release = schema_release.release_of(connection, revision)
    if schema_release.same_minor(release, __version__):
        return ""
    migrated_by, which = (f"Portside {release}", "that") if release else ("a newer release", "the newer")
    return (
        f"The database {_shown(store)} was migrated by {migrated_by}: it has schema {revision}, and Portside "
        f"{__version__} knows none after {head()}. Start {which} release, or restore a backup of before the upgrade."
    )


def _knows(revision: str | None) -> bool:
    steps = ScriptDirectory.from_config(_configuration()).walk_revisions()
    return revision is None or revision in {step.revision for step in steps}


def _opened(store: Store) -> Connection:
    try:
        return store.writer.connect()
    except DBAPIError as error:
        why = str(error.orig).partition("\n")[0]
        raise DatabaseUnavailable(
            f"The database {_shown(store)} cannot be opened: {why}. Check DATABASE_URL and that it is running."
        ) from error


def _shown(store: Store) -> str:
    return store.url.render_as_string(hide_password=True)


def write_step(store: Store, message: str, revision: str) -> None:
    """For developers: compare the tables with a migrated database and write the step between them."""
    config = _configuration()
    with store.writer.begin() as connection:
        config.attributes["connection"] = connection
        command.revision(config, message, autogenerate=True, rev_id=revision)
