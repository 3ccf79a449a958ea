"""executions are found by the last part of their image's name too, as people say it: `web` for `acme/web`"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0015'
down_revision = '0014'
branch_labels = None
depends_on = None

_LAST_PART = "substr(image, length(rtrim(image, replace(image, '/', ''))) + 1)"


def upgrade() -> None:
    op.add_column('executions', sa.Column('image_name', sa.Text(), nullable=False, server_default=''))
    op.execute(f"UPDATE executions SET image_name = {_LAST_PART} WHERE image <> ''")  # noqa: S608
    op.create_index('ix_executions_image_name_requested', 'executions', ['image_name', 'requested_at'], unique=False)


def downgrade() -> None:
    op.drop_index('ix_executions_image_name_requested', 'executions')
    with op.batch_alter_table('executions', schema=None) as batch_op:
        batch_op.drop_column('image_name')
