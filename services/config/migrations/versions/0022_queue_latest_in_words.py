"""pipelines that relied on the former default `queue-latest` name it"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0022'
down_revision = '0021'
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table, *key in (('pipelines', 'id'), ('pipeline_versions', 'pipeline_id', 'version')):
        _name_the_default(sa.table(table, sa.column('tree', sa.JSON), *map(sa.column, key)), key)


def _name_the_default(table: sa.TableClause, key: list[str]) -> None:
    connection = op.get_bind()
    keys = [table.c[name] for name in key]
    # By their keys first, and one tree at a time: together they may be larger than memory.
    for row in connection.execute(sa.select(*keys)).all():
        same = sa.and_(*(column == value for column, value in zip(keys, row, strict=True)))
        tree = connection.execute(sa.select(table.c.tree).where(same)).scalar_one()
        if not tree.get('supersede') and not tree.get('_imported'):
            tree = {**tree, 'supersede': 'queue-latest'}
            connection.execute(sa.update(table).where(same).values(tree=tree))


def downgrade() -> None:
    """What is named means the same in both versions."""
