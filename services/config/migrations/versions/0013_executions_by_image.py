"""executions know the image whose push started them, so that they are found by it without reading them all"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0013'
down_revision = '0012'
branch_labels = None
depends_on = None

_PUSHED = {
    'postgresql': "COALESCE(push::json ->> '{}', '')",
    'sqlite': "COALESCE(json_extract(push, '$.{}'), '')",
}


def upgrade() -> None:
    for column in ('image', 'image_tag'):
        op.add_column('executions', sa.Column(column, sa.Text(), nullable=False, server_default=''))
    pushed = _PUSHED[op.get_bind().dialect.name]
    image, tag = pushed.format('repository'), pushed.format('tag')
    op.execute(f"UPDATE executions SET image = {image}, image_tag = {tag} WHERE push IS NOT NULL")  # noqa: S608
    op.create_index('ix_executions_image_requested', 'executions', ['image', 'requested_at'], unique=False)
    op.create_index('ix_executions_image_tag', 'executions', ['image', 'image_tag', 'requested_at'], unique=False)


def downgrade() -> None:
    op.drop_index('ix_executions_image_tag', 'executions')
    op.drop_index('ix_executions_image_requested', 'executions')
    with op.batch_alter_table('executions', schema=None) as batch_op:
        batch_op.drop_column('image_tag')
        batch_op.drop_column('image')
