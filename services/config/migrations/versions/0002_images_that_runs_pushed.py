"""images that runs pushed"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('pushed_images',
    sa.Column('execution_id', sa.Text(), nullable=False),
    sa.Column('registry_host', sa.Text(), nullable=False),
    sa.Column('repository', sa.Text(), nullable=False),
    sa.Column('tag', sa.Text(), nullable=False),
    sa.Column('digest', sa.Text(), nullable=False),
    sa.Column('stage', sa.Text(), nullable=False),
    sa.Column('task', sa.Text(), nullable=False),
    sa.Column('at', sa.Double(), nullable=False),
    sa.Column('causes', sa.JSON(), nullable=False),
    sa.PrimaryKeyConstraint('execution_id', 'registry_host', 'repository', 'tag', 'digest', name=op.f('pk_pushed_images'))
    )
    with op.batch_alter_table('pushed_images', schema=None) as batch_op:
        batch_op.create_index('ix_pushed_images_image', ['repository', 'tag', 'digest', 'at'], unique=False)


def downgrade() -> None:
    with op.batch_alter_table('pushed_images', schema=None) as batch_op:
        batch_op.drop_index('ix_pushed_images_image')

    op.drop_table('pushed_images')
