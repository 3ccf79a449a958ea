"""hooks at a registry that point at another address"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0007'
down_revision = '0006'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('registry_webhooks', schema=None) as batch_op:
        for column in ('elsewhere', 'replacing'):
            batch_op.add_column(sa.Column(column, sa.JSON(), nullable=False, server_default=sa.text("'[]'")))


def downgrade() -> None:
    with op.batch_alter_table('registry_webhooks', schema=None) as batch_op:
        batch_op.drop_column('replacing')
        batch_op.drop_column('elsewhere')
