"""pushes: their order, gathering, looks at registries, what a webhook demands of a delivery"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None

_JSON_LIST = sa.text("'[]'")
_FALSE = sa.false()
_ZERO = sa.text("0")


def upgrade() -> None:
    with op.batch_alter_table('deliveries', schema=None) as batch_op:
        batch_op.add_column(sa.Column('order_at', sa.Double(), nullable=False, server_default=_ZERO))
        batch_op.add_column(sa.Column('forced', sa.Boolean(), nullable=False, server_default=_FALSE))
        batch_op.add_column(sa.Column('pushed_by', sa.Text(), nullable=False, server_default=""))
        batch_op.add_column(sa.Column('pushed_by_id', sa.Text(), nullable=True))
    op.execute("UPDATE deliveries SET order_at = received_at")
    with op.batch_alter_table('registry_webhooks', schema=None) as batch_op:
        batch_op.add_column(sa.Column('gather_s', sa.Double(), nullable=False, server_default=_ZERO))
        batch_op.add_column(sa.Column('platforms', sa.JSON(), nullable=False, server_default=_JSON_LIST))
        batch_op.add_column(sa.Column('networks', sa.JSON(), nullable=False, server_default=_JSON_LIST))
        batch_op.add_column(sa.Column('signed', sa.Boolean(), nullable=False, server_default=_FALSE))
        batch_op.add_column(sa.Column('history', sa.JSON(), nullable=False, server_default=_JSON_LIST))
    with op.batch_alter_table('webhook_tokens', schema=None) as batch_op:
        batch_op.add_column(sa.Column('networks', sa.JSON(), nullable=False, server_default=_JSON_LIST))
        batch_op.add_column(sa.Column('signed', sa.Boolean(), nullable=False, server_default=_FALSE))
        batch_op.add_column(sa.Column('last_used_at', sa.Double(), nullable=True))
    op.create_table('webhook_looks',
    sa.Column('webhook_id', sa.Text(), nullable=False),
    sa.Column('about', sa.Text(), nullable=False),
    sa.Column('baseline_at', sa.Double(), nullable=True),
    sa.Column('looked_at', sa.Double(), nullable=False),
    sa.Column('tags', sa.JSON(), nullable=False),
    sa.Column('suspects', sa.JSON(), nullable=False),
    sa.Column('problem', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['webhook_id'], ['registry_webhooks.id'], name=op.f('fk_webhook_looks_webhook_id_registry_webhooks'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('webhook_id', name=op.f('pk_webhook_looks'))
    )


def downgrade() -> None:
    op.drop_table('webhook_looks')
    for table, columns in (
        ('webhook_tokens', ('networks', 'signed', 'last_used_at')),
        ('registry_webhooks', ('gather_s', 'platforms', 'networks', 'signed', 'history')),
        ('deliveries', ('order_at', 'forced', 'pushed_by', 'pushed_by_id')),
    ):
        with op.batch_alter_table(table, schema=None) as batch_op:
            for column in columns:
                batch_op.drop_column(column)
