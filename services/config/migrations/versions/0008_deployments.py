"""deployments: what runs left in clusters"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0008'
down_revision = '0007'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('deployments',
    sa.Column('id', sa.Text(), nullable=False),
    sa.Column('at', sa.Double(), nullable=False),
    sa.Column('newest', sa.Boolean(), nullable=False),
    sa.Column('project', sa.Text(), nullable=False),
    sa.Column('endpoint', sa.Text(), nullable=False),
    sa.Column('api_version', sa.Text(), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('namespace', sa.Text(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('images', sa.JSON(), nullable=False),
    sa.Column('execution_id', sa.Text(), nullable=False),
    sa.Column('execution_index', sa.Integer(), nullable=False),
    sa.Column('pipeline', sa.Text(), nullable=False),
    sa.Column('pipeline_id', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_deployments'))
    )
    with op.batch_alter_table('deployments', schema=None) as batch_op:
        batch_op.create_index('ix_deployments_workload', ['project', 'endpoint', 'namespace', 'kind', 'name', 'at'], unique=False)
        batch_op.create_index('ix_deployments_newest', ['newest', 'project', 'endpoint'], unique=False)


def downgrade() -> None:
    with op.batch_alter_table('deployments', schema=None) as batch_op:
        batch_op.drop_index('ix_deployments_newest')
        batch_op.drop_index('ix_deployments_workload')

    op.drop_table('deployments')
