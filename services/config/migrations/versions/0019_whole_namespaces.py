"""webhooks without a repository are for a whole namespace by choice"""

from __future__ import annotations

import re
import time
from typing import Any

import sqlalchemy as sa
from alembic import op

from shared.grammar.repositories import repository_of

revision = '0019'
down_revision = '0018'
branch_labels = None
depends_on = None

_WEBHOOKS = sa.table(
    'registry_webhooks',
    sa.column('id', sa.Text()),
    sa.column('project', sa.Text()),
    sa.column('endpoint', sa.Text()),
    sa.column('repo_name', sa.Text()),
    sa.column('whole_namespace', sa.Boolean()),
    sa.column('history', sa.JSON()),
)
_ENDPOINTS = sa.table(
    'endpoints',
    sa.column('project', sa.Text()),
    sa.column('name', sa.Text()),
    sa.column('type', sa.Text()),
    sa.column('properties', sa.JSON()),
)
_VARIABLES = sa.table(
    'variables', sa.column('project', sa.Text()), sa.column('name', sa.Text()), sa.column('value', sa.Text())
)
_CHOSEN = (
    "It names no repository: all of {} is its choice now (wholeNamespace), as it worked until now. A push of anything "
    "else starts nothing any more."
)
_NO_ENDPOINT = "It names no endpoint, and is incomplete: from this release on it starts nothing until it has one."


def upgrade() -> None:
    with op.batch_alter_table('registry_webhooks', schema=None) as batch_op:
        batch_op.add_column(sa.Column('whole_namespace', sa.Boolean(), nullable=False, server_default=sa.false()))
    bind = op.get_bind()
    endpoints = {(row.project, row.name): row for row in bind.execute(sa.select(_ENDPOINTS))}
    variables = {(row.project, row.name): row.value for row in bind.execute(sa.select(_VARIABLES))}
    for webhook in bind.execute(sa.select(_WEBHOOKS).where(_WEBHOOKS.c.repo_name == '')).all():
        endpoint = endpoints.get((webhook.project, webhook.endpoint))
        if endpoint is None:
            _change(bind, webhook, False, _NO_ENDPOINT)
        elif endpoint.type == 'docker' and (namespace := _namespace(endpoint, variables)):
            _change(bind, webhook, True, _CHOSEN.format(namespace))


def _namespace(endpoint: sa.Row[Any], variables: dict[tuple[str, str], str | None]) -> str:
    """What an endpoint is for that names no repository; empty for one that names one."""

    def filled(value: object) -> object:
        if not isinstance(value, str):
            return value
        return re.sub(
            r"\$\{var\.([^\s.${}\[\]'\"]+)\}",
            lambda found: variables.get((endpoint.project, found[1])) or found[0],
            value,
        )

    meant = repository_of({key: filled(value) for key, value in endpoint.properties.items()})
    return '' if meant.path else f'namespace {meant.namespace}' if meant.namespace else f'registry {meant.host}'


def _change(bind: sa.Connection, webhook: sa.Row[Any], whole: bool, what: str) -> None:
    history = [*(webhook.history or []), {'at': time.time(), 'what': what}]
    change = _WEBHOOKS.update().where(_WEBHOOKS.c.id == webhook.id)
    bind.execute(change.values(whole_namespace=whole, history=history))


def downgrade() -> None:
    with op.batch_alter_table('registry_webhooks', schema=None) as batch_op:
        batch_op.drop_column('whole_namespace')
