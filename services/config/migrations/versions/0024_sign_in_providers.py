"""sign-in providers, and for whom they vouch"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0024'
down_revision = '0023'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        'sign_in_providers',
        sa.Column('enabled', sa.Boolean(), nullable=False),
        sa.Column('tree', sa.JSON(), nullable=False),
        sa.Column('secrets', sa.JSON(), nullable=False),
        sa.Column('id', sa.Text(), nullable=False),
        sa.Column('name', sa.Text(), nullable=False),
        sa.Column('description', sa.Text(), nullable=False),
        sa.Column('tags', sa.JSON(), nullable=False),
        sa.Column('version', sa.Integer(), nullable=False),
        sa.Column('created_at', sa.Double(), nullable=False),
        sa.Column('updated_at', sa.Double(), nullable=False),
        sa.Column('created_by', sa.Text(), nullable=False),
        sa.Column('updated_by', sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_sign_in_providers')),
        sa.UniqueConstraint('name', name=op.f('uq_sign_in_providers_name')),
    )
    op.create_index(op.f('ix_sign_in_providers_updated_at'), 'sign_in_providers', ['updated_at'], unique=False)
    with op.batch_alter_table('users', schema=None) as batch_op:
        batch_op.add_column(sa.Column('provider', sa.Text(), nullable=False, server_default=sa.text("''")))
        batch_op.add_column(sa.Column('subject', sa.Text(), nullable=False, server_default=sa.text("''")))
        batch_op.add_column(sa.Column('shut_out', sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.create_index(batch_op.f('ix_users_provider_subject'), ['provider', 'subject'], unique=False)


def downgrade() -> None:
    with op.batch_alter_table('users', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_users_provider_subject'))
        for column in ('shut_out', 'subject', 'provider'):
            batch_op.drop_column(column)
    op.drop_table('sign_in_providers')
    op.execute("DELETE FROM settings WHERE key = 'local_sign_in'")
