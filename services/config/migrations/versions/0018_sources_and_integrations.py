"""what is kept for Git and Gerrit, what their servers announced, and custom integrations with versions"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = '0018'
down_revision = '0017'
branch_labels = None
depends_on = None


def _definition(name: str, *columns: sa.Column[Any], constraints: tuple[sa.Constraint, ...] = ()) -> None:
    op.create_table(
        name,
        *columns,
        sa.Column('id', sa.Text(), nullable=False),
        sa.Column('name', sa.Text(), nullable=False),
        sa.Column('description', sa.Text(), nullable=False),
        sa.Column('tags', sa.JSON(), nullable=False),
        sa.Column('version', sa.Integer(), nullable=False),
        sa.Column('created_at', sa.Double(), nullable=False),
        sa.Column('updated_at', sa.Double(), nullable=False),
        sa.Column('created_by', sa.Text(), nullable=False),
        sa.Column('updated_by', sa.Text(), nullable=False),
        sa.Column('project', sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(['project'], ['projects.name'], name=op.f(f'fk_{name}_project_projects')),
        sa.PrimaryKeyConstraint('id', name=op.f(f'pk_{name}')),
        *constraints,
    )
    op.create_index(op.f(f'ix_{name}_updated_at'), name, ['updated_at'], unique=False)


def _texts(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.Text(), nullable=False) for name in names]


def _by_name(name: str) -> tuple[sa.Constraint, ...]:
    return (sa.UniqueConstraint('project', 'name', name=op.f(f'uq_{name}_project_name')),)


def upgrade() -> None:
    _definition(
        'git_webhooks',
        *_texts('endpoint', 'pipeline', 'server_type', 'repo_name', 'branch'),
        sa.Column('tree', sa.JSON(), nullable=False),
        sa.Column('secrets', sa.JSON(), nullable=False),
        *_texts('token_hash'),
        constraints=_by_name('git_webhooks'),
    )
    op.create_index(op.f('ix_git_webhooks_project_pipeline'), 'git_webhooks', ['project', 'pipeline'], unique=False)
    _definition(
        'gerrit_listeners',
        *_texts('endpoint'),
        sa.Column('connected', sa.Boolean(), nullable=False),
        sa.Column('tree', sa.JSON(), nullable=False),
        sa.Column('secrets', sa.JSON(), nullable=False),
        constraints=_by_name('gerrit_listeners'),
    )
    _definition(
        'gerrit_triggers',
        *_texts('listener', 'gerrit_project', 'branch'),
        sa.Column('enabled', sa.Boolean(), nullable=False),
        sa.Column('tree', sa.JSON(), nullable=False),
        constraints=_by_name('gerrit_triggers'),
    )
    op.create_index(op.f('ix_gerrit_triggers_project_listener'), 'gerrit_triggers', ['project', 'listener'], unique=False)
    op.create_table(
        'source_events',
        *_texts('id', 'source', 'project', 'trigger_id', 'trigger', 'pipeline', 'owner', 'message'),
        sa.Column('received_at', sa.Double(), nullable=False),
        sa.Column('updated_at', sa.Double(), nullable=False),
        sa.Column('tree', sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ['project'], ['projects.name'], name=op.f('fk_source_events_project_projects'), ondelete='CASCADE'
        ),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_source_events')),
    )
    op.create_index(op.f('ix_source_events_received_at'), 'source_events', ['received_at'], unique=False)
    op.create_index(
        op.f('ix_source_events_source_received_at'), 'source_events', ['source', 'received_at'], unique=False
    )
    op.create_index(
        op.f('ix_source_events_source_project_received_at'),
        'source_events',
        ['source', 'project', 'received_at'],
        unique=False,
    )
    _definition(
        'custom_integrations', *_texts('yaml', 'source_version'), constraints=_by_name('custom_integrations')
    )
    op.create_index(op.f('ix_custom_integrations_name'), 'custom_integrations', ['name'], unique=False)
    _definition(
        'custom_integration_versions',
        *_texts('integration_id', 'label', 'status', 'yaml', 'change_log'),
        sa.Column('latest', sa.Boolean(), nullable=False),
        constraints=(
            sa.ForeignKeyConstraint(
                ['integration_id'],
                ['custom_integrations.id'],
                name=op.f('fk_custom_integration_versions_integration_id_custom_integrations'),
                ondelete='CASCADE',
            ),
            sa.UniqueConstraint(
                'integration_id', 'label', name=op.f('uq_custom_integration_versions_integration_id_label')
            ),
        ),
    )
    op.create_index(
        op.f('ix_custom_integration_versions_status'), 'custom_integration_versions', ['status'], unique=False
    )
    op.create_index(
        op.f('ix_custom_integration_versions_project_name'),
        'custom_integration_versions',
        ['project', 'name'],
        unique=False,
    )


def downgrade() -> None:
    for name in (
        'custom_integration_versions',
        'custom_integrations',
        'source_events',
        'gerrit_triggers',
        'gerrit_listeners',
        'git_webhooks',
    ):
        op.drop_table(name)
