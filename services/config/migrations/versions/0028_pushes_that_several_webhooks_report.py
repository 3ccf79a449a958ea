"""which events are of the same push"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0028'
down_revision = '0027'
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Earlier events keep none: each is a push of its own.
    with op.batch_alter_table('deliveries', schema=None) as batch_op:
        batch_op.add_column(sa.Column('push_key', sa.Text(), nullable=True))
    op.create_index('ix_deliveries_push_key_received', 'deliveries', ['push_key', 'received_at'])


def downgrade() -> None:
    op.drop_index('ix_deliveries_push_key_received', table_name='deliveries')
    with op.batch_alter_table('deliveries', schema=None) as batch_op:
        batch_op.drop_column('push_key')
