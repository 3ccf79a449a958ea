"""A database as an earlier release left it."""

from __future__ import annotations

from alembic import command

from services.config.migrations import changing_schema
from services.config.store import Store


def take_back(store: Store, revision: str) -> None:
    """Undo the steps after that one in a database that has this release's tables."""
    with changing_schema(store) as config:
        command.stamp(config, "head")
        command.downgrade(config, revision)
