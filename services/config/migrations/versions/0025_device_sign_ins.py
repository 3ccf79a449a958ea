"""sign-ins that a program begins and a person confirms

The number of open ones is bounded, so that they need no index by address.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0025'
down_revision = '0024'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        'device_sign_ins',
        sa.Column('device_hash', sa.Text(), nullable=False),
        sa.Column('user_code', sa.Text(), nullable=False),
        sa.Column('status', sa.Text(), nullable=False),
        sa.Column('name', sa.Text(), nullable=False),
        sa.Column('project', sa.Text(), nullable=False),
        sa.Column('access', sa.Text(), nullable=False),
        sa.Column('days', sa.Integer(), nullable=False),
        sa.Column('address', sa.Text(), nullable=False),
        sa.Column('created_at', sa.Double(), nullable=False),
        sa.Column('expires_at', sa.Double(), nullable=False),
        sa.Column('user_id', sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ['user_id'], ['users.id'], name=op.f('fk_device_sign_ins_user_id_users'), ondelete='CASCADE'
        ),
        sa.PrimaryKeyConstraint('device_hash', name=op.f('pk_device_sign_ins')),
        sa.UniqueConstraint('user_code', name=op.f('uq_device_sign_ins_user_code')),
    )
    op.create_index(op.f('ix_device_sign_ins_expires_at'), 'device_sign_ins', ['expires_at'], unique=False)


def downgrade() -> None:
    op.drop_table('device_sign_ins')
