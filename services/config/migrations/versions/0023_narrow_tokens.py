"""what an API token is narrowed to, and from where a session was opened"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0023'
down_revision = '0022'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('api_tokens', schema=None) as batch_op:
        batch_op.add_column(sa.Column('address', sa.Text(), nullable=False, server_default=sa.text("''")))
        batch_op.add_column(sa.Column('browser', sa.Text(), nullable=False, server_default=sa.text("''")))
        batch_op.add_column(sa.Column('project', sa.Text(), nullable=True))
        batch_op.add_column(sa.Column('access', sa.Text(), nullable=False, server_default=sa.text("'everything'")))
        batch_op.add_column(sa.Column('provider', sa.Text(), nullable=False, server_default=sa.text("''")))


def downgrade() -> None:
    # A narrowed token would come back with all of its owner's rights.
    op.execute(
        "UPDATE api_tokens SET revoked_at = created_at "
        "WHERE revoked_at IS NULL AND (project IS NOT NULL OR access <> 'everything')"
    )
    with op.batch_alter_table('api_tokens', schema=None) as batch_op:
        for column in ('provider', 'access', 'project', 'browser', 'address'):
            batch_op.drop_column(column)
