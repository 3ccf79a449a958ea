"""who leads among config processes: an epoch that every write checks, and beats"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0017'
down_revision = '0016'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        'leadership',
        sa.Column('id', sa.Integer(), autoincrement=False, nullable=False),
        sa.Column('epoch', sa.Integer(), nullable=False),
        sa.Column('beats', sa.BigInteger(), nullable=False),
        sa.Column('holder', sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_leadership')),
    )


def downgrade() -> None:
    op.drop_table('leadership')
