"""webhooks out of step, as notices list and count them"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

_TABLE = "registry_webhooks"
_OUT_OF_STEP = sa.text("enabled AND hub_state IN ('needs credentials', 'not permitted', 'rate limited')")


def upgrade() -> None:
    op.create_index("ix_registry_webhooks_enabled_hub_state", _TABLE, ["enabled", "hub_state"], unique=False)
    op.create_index(
        "ix_registry_webhooks_out_of_step",
        _TABLE,
        ["project", "name", "id"],
        unique=False,
        sqlite_where=_OUT_OF_STEP,
        postgresql_where=_OUT_OF_STEP,
    )
    op.drop_index("ix_registry_webhooks_hub_state", _TABLE)


def downgrade() -> None:
    op.create_index("ix_registry_webhooks_hub_state", _TABLE, ["hub_state"], unique=False)
    for name in ("ix_registry_webhooks_out_of_step", "ix_registry_webhooks_enabled_hub_state"):
        op.drop_index(name, _TABLE)
