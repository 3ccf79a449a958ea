"""webhooks by what notices, settings and tokens ask of them"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

_TABLE = "registry_webhooks"
_ELSEWHERE = sa.text("json_array_length(elsewhere) > json_array_length(replacing)")
_INDEXES = {
    "ix_registry_webhooks_api_token_id_name": ["api_token_id", "name"],
    "ix_registry_webhooks_actor": ["actor"],
    "ix_registry_webhooks_hub_state": ["hub_state"],
    "ix_registry_webhooks_hook_hub_url_hook_repository": ["hook_hub_url", "hook_repository"],
}


def upgrade() -> None:
    for name, columns in _INDEXES.items():
        op.create_index(name, _TABLE, columns, unique=False)
    op.create_index(
        "ix_registry_webhooks_elsewhere",
        _TABLE,
        ["name"],
        unique=False,
        sqlite_where=_ELSEWHERE,
        postgresql_where=_ELSEWHERE,
    )
    op.drop_index("ix_registry_webhooks_api_token_id", _TABLE)


def downgrade() -> None:
    op.create_index("ix_registry_webhooks_api_token_id", _TABLE, ["api_token_id"], unique=False)
    for name in ("ix_registry_webhooks_elsewhere", *_INDEXES):
        op.drop_index(name, _TABLE)
