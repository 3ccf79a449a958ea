"""large events have a brief form beside them, so that lists read no outputs"""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = '0021'
down_revision = '0020'
branch_labels = None
depends_on = None

BRIEF_FROM = 4_096
LEFT_OUT = ('input', 'handle', 'data', 'ask', 'sealed', 'output')


def upgrade() -> None:
    op.add_column('events', sa.Column('brief', sa.Text(), nullable=True))
    connection = op.get_bind()
    events = sa.table('events', *(sa.column(name) for name in ('execution_id', 'position', 'body', 'brief')))
    large = sa.select(events.c.execution_id, events.c.position).where(sa.func.length(events.c.body) > BRIEF_FROM)
    # By their keys first, and one body at a time: together they may be larger than memory.
    for execution_id, position in connection.execute(large).all():
        row = (events.c.execution_id == execution_id) & (events.c.position == position)
        body = connection.execute(sa.select(events.c.body).where(row)).scalar_one()
        connection.execute(sa.update(events).where(row).values(brief=brief(body)))


def brief(body: str) -> str | None:
    """None where it cannot be read: then lists read what there is."""
    try:
        event = json.loads(body)
    except (ValueError, RecursionError):
        return None
    kept = {name: value for name, value in event.items() if name not in LEFT_OUT}
    if event.get('type') == 'task.handle':
        kept['handle'] = {}
    if isinstance(answer := event.get('answer'), dict):
        kept['answer'] = {key: {} if key.endswith('Properties') else value for key, value in answer.items()}
    return json.dumps(kept, ensure_ascii=False, separators=(',', ':'))


def downgrade() -> None:
    with op.batch_alter_table('events', schema=None) as batch_op:
        batch_op.drop_column('brief')
