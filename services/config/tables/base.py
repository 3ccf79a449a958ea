"""What all tables share: one metadata with predictable constraint names, and how Python types are stored."""

from __future__ import annotations

from typing import Any, ClassVar

from sqlalchemy import JSON, BigInteger, Double, Integer, MetaData, Text
from sqlalchemy.orm import DeclarativeBase

BIG_ID = BigInteger().with_variant(Integer, "sqlite")
"""Of ever-growing keys: SQLite numbers rows itself only in a column that is exactly INTEGER."""


class Base(DeclarativeBase):
    """Text is text without a length, instants are seconds since the epoch, JSON keeps the order of its keys."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    # JSONB would sort the keys, and the order of a pipeline's inputs is its author's.
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        str: Text(),
        float: Double(),
        dict[str, Any]: JSON(),
        dict[str, str]: JSON(),
        list[str]: JSON(),
        list[Any]: JSON(),
    }
