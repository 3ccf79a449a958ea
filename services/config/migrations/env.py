"""Run by alembic for each command; the connection comes from `services.config.migrations`."""

from __future__ import annotations

from alembic import context

from services.config.migrations import schema_release
from services.config.tables import catalog, ledger, machinery
from services.config.tables.base import Base

assert catalog and ledger and machinery

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
    compare_type=True,
    include_name=schema_release.is_schema,
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
