"""indexes of lists that a million rows made slow: events by tag and repository, executions by their last change"""

from __future__ import annotations

from alembic import op

revision = '0011'
down_revision = '0010'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index('ix_deliveries_tag_received', 'deliveries', ['tag', 'received_at'], unique=False)
    op.create_index('ix_deliveries_repository_received', 'deliveries', ['repository', 'received_at'], unique=False)
    op.create_index('ix_executions_updated', 'executions', ['updated_at'], unique=False)


def downgrade() -> None:
    op.drop_index('ix_executions_updated', 'executions')
    op.drop_index('ix_deliveries_repository_received', 'deliveries')
    op.drop_index('ix_deliveries_tag_received', 'deliveries')
