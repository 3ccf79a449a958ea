"""sessions whose provider is asked whether it still vouches for the person"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0029'
down_revision = '0028'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('api_tokens', schema=None) as batch_op:
        batch_op.add_column(sa.Column('provider_grant', sa.JSON(), nullable=True))
        batch_op.add_column(sa.Column('checked_at', sa.Double(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table('api_tokens', schema=None) as batch_op:
        batch_op.drop_column('checked_at')
        batch_op.drop_column('provider_grant')
    op.execute("DELETE FROM timers WHERE kind = 'sign-on.check'")
