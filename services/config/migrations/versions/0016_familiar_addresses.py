"""sign-ins are limited by where they come from, no longer by the name that is tried"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0016'
down_revision = '0015'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        'familiar_addresses',
        sa.Column('network', sa.Text(), nullable=False),
        sa.Column('last_at', sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint('network', name=op.f('pk_familiar_addresses')),
    )
    op.create_index(op.f('ix_familiar_addresses_last_at'), 'familiar_addresses', ['last_at'], unique=False)
    op.drop_table('sign_in_failures')


def downgrade() -> None:
    op.create_table(
        'sign_in_failures',
        sa.Column('name_key', sa.Text(), nullable=False),
        sa.Column('count', sa.Integer(), nullable=False),
        sa.Column('blocked_until', sa.Double(), nullable=False),
        sa.Column('last_at', sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint('name_key', name=op.f('pk_sign_in_failures')),
    )
    op.create_index(op.f('ix_sign_in_failures_last_at'), 'sign_in_failures', ['last_at'], unique=False)
    op.drop_table('familiar_addresses')
