"""when to look at a registry next, and what a webhook was refused"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('webhook_looks', schema=None) as batch_op:
        batch_op.add_column(sa.Column('next_at', sa.Double(), nullable=False, server_default=sa.text("0")))
        batch_op.create_index(batch_op.f('ix_webhook_looks_next_at'), ['next_at'], unique=False)


def downgrade() -> None:
    with op.batch_alter_table('webhook_looks', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_webhook_looks_next_at'))
        batch_op.drop_column('next_at')
