"""which run a run came of in the end, and whether a hook to be deleted is at a local Hub"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0027'
down_revision = '0026'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('executions', sa.Column('root', sa.Text(), nullable=False, server_default=sa.text("''")))
    op.create_index(op.f('ix_executions_root'), 'executions', ['root'], unique=False)
    op.add_column('hook_tombstones', sa.Column('hub_local', sa.Boolean(), nullable=False, server_default=sa.false()))


def downgrade() -> None:
    op.drop_column('hook_tombstones', 'hub_local')
    op.drop_index(op.f('ix_executions_root'), table_name='executions')
    op.drop_column('executions', 'root')
