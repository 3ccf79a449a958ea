"""Which release brought a database to its schema, in a table beside alembic's own.

An older release does not know a newer one's steps. It can tell by this whether they are of its own minor release,
within which a step only adds what older code may leave out.
"""

from __future__ import annotations

import re

from sqlalchemy import Column, Connection, MetaData, String, Table, delete, insert, inspect, select

_TABLE = Table(
    "schema_release",
    MetaData(),
    Column("revision", String(32), primary_key=True),
    Column("release", String(64), nullable=False),
)
NAME = _TABLE.name
_MINOR = re.compile(r"(\d+)\.(\d+)\.")


def is_schema(name: str | None, kind: str, _parents: object) -> bool:
    """Whether alembic compares something by this name with the tables of the code: everything but this record."""
    return not (kind == "table" and name == NAME)


def record(connection: Connection, revision: str, release: str) -> None:
    """The schema is at this step now; a later release without a step of its own leaves the record as it is."""
    _TABLE.create(connection, checkfirst=True)
    if release_of(connection, revision):
        return
    connection.execute(delete(_TABLE))
    connection.execute(insert(_TABLE).values(revision=revision, release=release))


def release_of(connection: Connection, revision: str) -> str:
    """The release that brought the database to this step; empty where it left no record."""
    if not inspect(connection).has_table(NAME):
        return ""
    return connection.scalar(select(_TABLE.c.release).where(_TABLE.c.revision == revision)) or ""


def same_minor(release: str, other: str) -> bool:
    """Whether both are of one minor release, as 0.2.0 and 0.2.3 are."""
    minor = _MINOR.match(release)
    return minor is not None and (other_minor := _MINOR.match(other)) is not None and minor[0] == other_minor[0]
