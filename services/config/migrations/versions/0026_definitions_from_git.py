"""projects whose definitions are kept in Git"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0026'
down_revision = '0025'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        'definition_sources',
        sa.Column('project', sa.Text(), nullable=False),
        sa.Column('endpoint', sa.Text(), nullable=False),
        sa.Column('branch', sa.Text(), nullable=False),
        sa.Column('folder', sa.Text(), nullable=False),
        sa.Column('every_s', sa.Integer(), nullable=False),
        sa.Column('prune', sa.Boolean(), nullable=False),
        sa.Column('followed_by', sa.Text(), nullable=False),
        sa.Column('followed_at', sa.Double(), nullable=False),
        sa.Column('looked_at', sa.Double(), nullable=False),
        sa.Column('state', sa.Text(), nullable=False),
        sa.Column('commit_id', sa.Text(), nullable=False),
        sa.Column('taken_at', sa.Double(), nullable=False),
        sa.Column('seen_commit', sa.Text(), nullable=False),
        sa.Column('subject', sa.Text(), nullable=False),
        sa.Column('problem', sa.Text(), nullable=False),
        sa.Column('flaws', sa.JSON(), nullable=False),
        sa.Column('objects', sa.JSON(), nullable=False),
        sa.Column('kept', sa.JSON(), nullable=False),
        sa.Column('commit_status', sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ['project'], ['projects.name'], name=op.f('fk_definition_sources_project_projects'), ondelete='CASCADE'
        ),
        sa.PrimaryKeyConstraint('project', name=op.f('pk_definition_sources')),
    )


def downgrade() -> None:
    op.drop_table('definition_sources')
    op.execute("DELETE FROM timers WHERE kind = 'definitions.follow'")
