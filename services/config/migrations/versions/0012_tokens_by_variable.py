"""webhooks that act by the API token that a variable holds"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0012'
down_revision = '0011'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('registry_webhooks', sa.Column('token_variable', sa.Text(), nullable=False, server_default=''))
    op.add_column('variables', sa.Column('api_token_id', sa.Text(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table('variables', schema=None) as batch_op:
        batch_op.drop_column('api_token_id')
    with op.batch_alter_table('registry_webhooks', schema=None) as batch_op:
        batch_op.drop_column('token_variable')
