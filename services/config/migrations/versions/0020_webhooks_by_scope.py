"""webhooks by the repository or namespace that they are for"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0020'
down_revision = '0019'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('registry_webhooks') as table:
        # Null until config starts: it follows from the endpoint and its variables.
        table.add_column(sa.Column('scope', sa.Text(), nullable=True))
    op.create_index(op.f('ix_registry_webhooks_scope'), 'registry_webhooks', ['scope'], unique=False)


def downgrade() -> None:
    op.drop_index(op.f('ix_registry_webhooks_scope'), table_name='registry_webhooks')
    with op.batch_alter_table('registry_webhooks') as table:
        table.drop_column('scope')
