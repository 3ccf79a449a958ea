"""the first schema"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0001'
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('answered',
    sa.Column('command_id', sa.Text(), nullable=False),
    sa.Column('at', sa.Double(), nullable=False),
    sa.Column('body', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('command_id', name=op.f('pk_answered'))
    )
    with op.batch_alter_table('answered', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_answered_at'), ['at'], unique=False)

    op.create_table('audit',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
    sa.Column('at', sa.Double(), nullable=False),
    sa.Column('user', sa.Text(), nullable=False),
    sa.Column('action', sa.Text(), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('object_id', sa.Text(), nullable=False),
    sa.Column('project', sa.Text(), nullable=True),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('before', sa.JSON(), nullable=True),
    sa.Column('after', sa.JSON(), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_audit'))
    )
    with op.batch_alter_table('audit', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_audit_at'), ['at'], unique=False)
        batch_op.create_index(batch_op.f('ix_audit_object_id'), ['object_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_audit_project_id'), ['project', 'id'], unique=False)
        batch_op.create_index(batch_op.f('ix_audit_user_id'), ['user', 'id'], unique=False)

    op.create_table('counters',
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('value', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_counters'))
    )
    op.create_table('dead_letters',
    sa.Column('id', sa.Text(), nullable=False),
    sa.Column('at', sa.Double(), nullable=False),
    sa.Column('queue', sa.Text(), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('type', sa.Text(), nullable=False),
    sa.Column('subject', sa.Text(), nullable=False),
    sa.Column('message_id', sa.Text(), nullable=False),
    sa.Column('body', sa.Text(), nullable=False),
    sa.Column('history', sa.JSON(), nullable=False),
    sa.Column('headers', sa.JSON(), nullable=False),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('handled_by', sa.Text(), nullable=False),
    sa.Column('handled_at', sa.Double(), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_dead_letters'))
    )
    with op.batch_alter_table('dead_letters', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_dead_letters_at'), ['at'], unique=False)

    op.create_table('deliveries',
    sa.Column('id', sa.Text(), nullable=False),
    sa.Column('delivery_id', sa.Text(), nullable=False),
    sa.Column('ordinal', sa.Integer(), nullable=False),
    sa.Column('received_at', sa.Double(), nullable=False),
    sa.Column('recorded_at', sa.Double(), nullable=False),
    sa.Column('updated_at', sa.Double(), nullable=False),
    sa.Column('via', sa.Text(), nullable=False),
    sa.Column('token_hash', sa.Text(), nullable=False),
    sa.Column('webhook_id', sa.Text(), nullable=True),
    sa.Column('webhook', sa.Text(), nullable=False),
    sa.Column('project', sa.Text(), nullable=False),
    sa.Column('pipeline', sa.Text(), nullable=False),
    sa.Column('provider', sa.Text(), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('registry_host', sa.Text(), nullable=False),
    sa.Column('repository', sa.Text(), nullable=False),
    sa.Column('tag', sa.Text(), nullable=True),
    sa.Column('digest', sa.Text(), nullable=True),
    sa.Column('media_type', sa.Text(), nullable=True),
    sa.Column('pushed_at', sa.Double(), nullable=True),
    sa.Column('pusher', sa.Text(), nullable=True),
    sa.Column('provider_delivery_id', sa.Text(), nullable=True),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('verdict', sa.Text(), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('next_step', sa.Text(), nullable=False),
    sa.Column('digest_note', sa.Text(), nullable=False),
    sa.Column('execution_id', sa.Text(), nullable=True),
    sa.Column('execution_index', sa.Integer(), nullable=True),
    sa.Column('rerun_of', sa.Text(), nullable=True),
    sa.Column('source_address', sa.Text(), nullable=False),
    sa.Column('user_agent', sa.Text(), nullable=False),
    sa.Column('body', sa.JSON(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_deliveries')),
    sa.UniqueConstraint('delivery_id', 'ordinal', name=op.f('uq_deliveries_delivery_id_ordinal'))
    )
    with op.batch_alter_table('deliveries', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_deliveries_execution_id'), ['execution_id'], unique=False)
        batch_op.create_index('ix_deliveries_project_received', ['project', 'received_at'], unique=False)
        batch_op.create_index('ix_deliveries_provider_id', ['webhook_id', 'provider_delivery_id'], unique=False)
        batch_op.create_index('ix_deliveries_pushed', ['webhook_id', 'repository', 'tag', 'received_at'], unique=False)
        batch_op.create_index('ix_deliveries_received', ['received_at'], unique=False)
        batch_op.create_index('ix_deliveries_state', ['state'], unique=False)
        batch_op.create_index('ix_deliveries_webhook_received', ['webhook_id', 'received_at'], unique=False)

    op.create_table('events',
    sa.Column('execution_id', sa.Text(), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('attempt', sa.Integer(), nullable=False),
    sa.Column('body', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('execution_id', 'position', name=op.f('pk_events')),
    sqlite_with_rowid=False
    )
    op.create_table('executions',
    sa.Column('id', sa.Text(), nullable=False),
    sa.Column('project', sa.Text(), nullable=False),
    sa.Column('pipeline', sa.Text(), nullable=False),
    sa.Column('pipeline_id', sa.Text(), nullable=False),
    sa.Column('idx', sa.Integer(), nullable=False),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('since', sa.Double(), nullable=False),
    sa.Column('hold', sa.Text(), nullable=False),
    sa.Column('lane', sa.Text(), nullable=False),
    sa.Column('policy', sa.Text(), nullable=False),
    sa.Column('concurrency', sa.Integer(), nullable=False),
    sa.Column('order_at', sa.Double(), nullable=False),
    sa.Column('folded', sa.Text(), nullable=False),
    sa.Column('status', sa.Text(), nullable=False),
    sa.Column('status_message', sa.Text(), nullable=False),
    sa.Column('revision', sa.Integer(), nullable=False),
    sa.Column('events', sa.Integer(), nullable=False),
    sa.Column('requested_at', sa.Double(), nullable=False),
    sa.Column('updated_at', sa.Double(), nullable=False),
    sa.Column('started_at', sa.Double(), nullable=True),
    sa.Column('ended_at', sa.Double(), nullable=True),
    sa.Column('requested_by', sa.Text(), nullable=False),
    sa.Column('comments', sa.Text(), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('source', sa.Text(), nullable=False),
    sa.Column('tags', sa.JSON(), nullable=False),
    sa.Column('input', sa.JSON(), nullable=False),
    sa.Column('output', sa.JSON(), nullable=False),
    sa.Column('plan_hash', sa.Text(), nullable=False),
    sa.Column('push', sa.Text(), nullable=True),
    sa.Column('delivery', sa.Text(), nullable=True),
    sa.Column('webhook_id', sa.Text(), nullable=True),
    sa.Column('nested', sa.Boolean(), nullable=False),
    sa.Column('rollback', sa.Boolean(), nullable=False),
    sa.Column('parent', sa.Text(), nullable=True),
    sa.Column('parent_stage', sa.Text(), nullable=False),
    sa.Column('parent_task', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_executions')),
    sa.UniqueConstraint('pipeline_id', 'idx', name=op.f('uq_executions_pipeline_id_idx'))
    )
    with op.batch_alter_table('executions', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_executions_delivery'), ['delivery'], unique=False)
        batch_op.create_index('ix_executions_lane', ['lane', 'state'], unique=False)
        batch_op.create_index(batch_op.f('ix_executions_parent'), ['parent'], unique=False)
        batch_op.create_index('ix_executions_pipeline_requested', ['pipeline', 'requested_at'], unique=False)
        batch_op.create_index('ix_executions_project_requested', ['project', 'requested_at'], unique=False)
        batch_op.create_index('ix_executions_requested', ['requested_at'], unique=False)
        batch_op.create_index('ix_executions_state_pipeline', ['state', 'pipeline_id', 'order_at'], unique=False)
        batch_op.create_index('ix_executions_status_requested', ['status', 'requested_at'], unique=False)

    op.create_table('hook_tombstones',
    sa.Column('webhook_id', sa.Text(), nullable=False),
    sa.Column('generation', sa.Integer(), nullable=False),
    sa.Column('hook_name', sa.Text(), nullable=False),
    sa.Column('repository', sa.Text(), nullable=False),
    sa.Column('hub_url', sa.Text(), nullable=False),
    sa.Column('token', sa.JSON(), nullable=False),
    sa.Column('username', sa.Text(), nullable=False),
    sa.Column('password', sa.JSON(), nullable=True),
    sa.Column('slug', sa.Text(), nullable=True),
    sa.Column('created_at', sa.Double(), nullable=False),
    sa.Column('message', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('webhook_id', 'generation', name=op.f('pk_hook_tombstones'))
    )
    op.create_table('log_chunks',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
    sa.Column('execution_id', sa.Text(), nullable=False),
    sa.Column('stage', sa.Text(), nullable=False),
    sa.Column('task', sa.Text(), nullable=False),
    sa.Column('attempt', sa.Integer(), nullable=False),
    sa.Column('try_number', sa.Integer(), nullable=False),
    sa.Column('first_line', sa.Integer(), nullable=False),
    sa.Column('lines', sa.Integer(), nullable=False),
    sa.Column('at', sa.Double(), nullable=False),
    sa.Column('text', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_log_chunks')),
    sa.UniqueConstraint('execution_id', 'stage', 'task', 'try_number', 'first_line', name=op.f('uq_log_chunks_execution_id_stage_task_try_number_first_line'))
    )
    op.create_table('outbox',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
    sa.Column('message_id', sa.Text(), nullable=False),
    sa.Column('type', sa.Text(), nullable=False),
    sa.Column('subject', sa.Text(), nullable=False),
    sa.Column('body', sa.Text(), nullable=False),
    sa.Column('correlation_id', sa.Text(), nullable=True),
    sa.Column('created_at', sa.Double(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_outbox'))
    )
    op.create_table('plans',
    sa.Column('hash', sa.Text(), nullable=False),
    sa.Column('plan', sa.Text(), nullable=False),
    sa.Column('about', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('hash', name=op.f('pk_plans'))
    )
    op.create_table('projects',
    sa.Column('id', sa.Text(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('description', sa.Text(), nullable=False),
    sa.Column('tags', sa.JSON(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.Double(), nullable=False),
    sa.Column('updated_at', sa.Double(), nullable=False),
    sa.Column('created_by', sa.Text(), nullable=False),
    sa.Column('updated_by', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_projects')),
    sa.UniqueConstraint('name', name=op.f('uq_projects_name'))
    )
    with op.batch_alter_table('projects', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_projects_updated_at'), ['updated_at'], unique=False)

    op.create_table('settings',
    sa.Column('key', sa.Text(), nullable=False),
    sa.Column('value', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('key', name=op.f('pk_settings'))
    )
    op.create_table('sign_in_failures',
    sa.Column('name_key', sa.Text(), nullable=False),
    sa.Column('count', sa.Integer(), nullable=False),
    sa.Column('blocked_until', sa.Double(), nullable=False),
    sa.Column('last_at', sa.Double(), nullable=False),
    sa.PrimaryKeyConstraint('name_key', name=op.f('pk_sign_in_failures'))
    )
    with op.batch_alter_table('sign_in_failures', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_sign_in_failures_last_at'), ['last_at'], unique=False)

    op.create_table('timers',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('subject', sa.Text(), nullable=False),
    sa.Column('due_at', sa.Double(), nullable=False),
    sa.Column('body', sa.JSON(), nullable=False),
    sa.Column('failures', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_timers')),
    sa.UniqueConstraint('kind', 'subject', name=op.f('uq_timers_kind_subject'))
    )
    with op.batch_alter_table('timers', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_timers_due_at'), ['due_at'], unique=False)

    op.create_table('user_operations',
    sa.Column('id', sa.Text(), nullable=False),
    sa.Column('execution_id', sa.Text(), nullable=False),
    sa.Column('stage', sa.Text(), nullable=False),
    sa.Column('task', sa.Text(), nullable=False),
    sa.Column('try_number', sa.Integer(), nullable=False),
    sa.Column('project', sa.Text(), nullable=False),
    sa.Column('pipeline', sa.Text(), nullable=False),
    sa.Column('pipeline_id', sa.Text(), nullable=False),
    sa.Column('execution_index', sa.Integer(), nullable=False),
    sa.Column('status', sa.Text(), nullable=False),
    sa.Column('summary', sa.Text(), nullable=False),
    sa.Column('ask', sa.JSON(), nullable=False),
    sa.Column('answers', sa.JSON(), nullable=False),
    sa.Column('requested_by', sa.Text(), nullable=False),
    sa.Column('requested_at', sa.Double(), nullable=False),
    sa.Column('expires_at', sa.Double(), nullable=True),
    sa.Column('responded_by', sa.Text(), nullable=False),
    sa.Column('responded_at', sa.Double(), nullable=True),
    sa.Column('response_message', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_user_operations')),
    sa.UniqueConstraint('execution_id', 'stage', 'task', 'try_number', name=op.f('uq_user_operations_execution_id_stage_task_try_number'))
    )
    with op.batch_alter_table('user_operations', schema=None) as batch_op:
        batch_op.create_index('ix_user_operations_status_requested', ['status', 'requested_at'], unique=False)

    op.create_table('users',
    sa.Column('name_key', sa.Text(), nullable=False),
    sa.Column('email', sa.Text(), nullable=False),
    sa.Column('email_key', sa.Text(), nullable=False),
    sa.Column('service_role', sa.Text(), nullable=False),
    sa.Column('enabled', sa.Boolean(), nullable=False),
    sa.Column('password', sa.Text(), nullable=True),
    sa.Column('id', sa.Text(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('description', sa.Text(), nullable=False),
    sa.Column('tags', sa.JSON(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.Double(), nullable=False),
    sa.Column('updated_at', sa.Double(), nullable=False),
    sa.Column('created_by', sa.Text(), nullable=False),
    sa.Column('updated_by', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_users')),
    sa.UniqueConstraint('name_key', name=op.f('uq_users_name_key'))
    )
    with op.batch_alter_table('users', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_users_email_key'), ['email_key'], unique=False)
        batch_op.create_index(batch_op.f('ix_users_service_role'), ['service_role'], unique=False)
        batch_op.create_index(batch_op.f('ix_users_updated_at'), ['updated_at'], unique=False)

    op.create_table('api_tokens',
    sa.Column('id', sa.Text(), nullable=False),
    sa.Column('user_id', sa.Text(), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('token_hash', sa.Text(), nullable=True),
    sa.Column('created_at', sa.Double(), nullable=False),
    sa.Column('expires_at', sa.Double(), nullable=False),
    sa.Column('last_used_at', sa.Double(), nullable=True),
    sa.Column('revoked_at', sa.Double(), nullable=True),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_api_tokens_user_id_users'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_api_tokens')),
    sa.UniqueConstraint('token_hash', name=op.f('uq_api_tokens_token_hash'))
    )
    with op.batch_alter_table('api_tokens', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_api_tokens_expires_at'), ['expires_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_api_tokens_user_id_kind'), ['user_id', 'kind'], unique=False)

    op.create_table('endpoints',
    sa.Column('type', sa.Text(), nullable=False),
    sa.Column('properties', sa.JSON(), nullable=False),
    sa.Column('secrets', sa.JSON(), nullable=False),
    sa.Column('restricted', sa.Boolean(), nullable=False),
    sa.Column('cloud_proxy_id', sa.Text(), nullable=False),
    sa.Column('project', sa.Text(), nullable=False),
    sa.Column('id', sa.Text(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('description', sa.Text(), nullable=False),
    sa.Column('tags', sa.JSON(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.Double(), nullable=False),
    sa.Column('updated_at', sa.Double(), nullable=False),
    sa.Column('created_by', sa.Text(), nullable=False),
    sa.Column('updated_by', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['project'], ['projects.name'], name=op.f('fk_endpoints_project_projects')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_endpoints')),
    sa.UniqueConstraint('project', 'name', name=op.f('uq_endpoints_project_name'))
    )
    with op.batch_alter_table('endpoints', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_endpoints_name'), ['name'], unique=False)
        batch_op.create_index(batch_op.f('ix_endpoints_type'), ['type'], unique=False)
        batch_op.create_index(batch_op.f('ix_endpoints_updated_at'), ['updated_at'], unique=False)

    op.create_table('one_time_codes',
    sa.Column('code_hash', sa.Text(), nullable=False),
    sa.Column('user_id', sa.Text(), nullable=False),
    sa.Column('expires_at', sa.Double(), nullable=False),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_one_time_codes_user_id_users'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('code_hash', name=op.f('pk_one_time_codes'))
    )
    op.create_table('pipelines',
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('concurrency', sa.Integer(), nullable=False),
    sa.Column('tree', sa.JSON(), nullable=False),
    sa.Column('warnings', sa.JSON(), nullable=False),
    sa.Column('project', sa.Text(), nullable=False),
    sa.Column('id', sa.Text(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('description', sa.Text(), nullable=False),
    sa.Column('tags', sa.JSON(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.Double(), nullable=False),
    sa.Column('updated_at', sa.Double(), nullable=False),
    sa.Column('created_by', sa.Text(), nullable=False),
    sa.Column('updated_by', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['project'], ['projects.name'], name=op.f('fk_pipelines_project_projects')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_pipelines')),
    sa.UniqueConstraint('project', 'name', name=op.f('uq_pipelines_project_name'))
    )
    with op.batch_alter_table('pipelines', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_pipelines_name'), ['name'], unique=False)
        batch_op.create_index(batch_op.f('ix_pipelines_state'), ['state'], unique=False)
        batch_op.create_index(batch_op.f('ix_pipelines_updated_at'), ['updated_at'], unique=False)

    op.create_table('project_members',
    sa.Column('project', sa.Text(), nullable=False),
    sa.Column('user_id', sa.Text(), nullable=False),
    sa.Column('role', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['project'], ['projects.name'], name=op.f('fk_project_members_project_projects'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_project_members_user_id_users'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('project', 'user_id', name=op.f('pk_project_members'))
    )
    with op.batch_alter_table('project_members', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_project_members_user_id'), ['user_id'], unique=False)

    op.create_table('registry_webhooks',
    sa.Column('enabled', sa.Boolean(), nullable=False),
    sa.Column('mode', sa.Text(), nullable=False),
    sa.Column('endpoint', sa.Text(), nullable=False),
    sa.Column('pipeline', sa.Text(), nullable=False),
    sa.Column('server_type', sa.Text(), nullable=False),
    sa.Column('repo_name', sa.Text(), nullable=False),
    sa.Column('image_pattern', sa.Text(), nullable=False),
    sa.Column('tag_pattern', sa.Text(), nullable=False),
    sa.Column('exclude', sa.JSON(), nullable=False),
    sa.Column('input', sa.JSON(), nullable=False),
    sa.Column('secret_token', sa.JSON(), nullable=False),
    sa.Column('token_hash', sa.Text(), nullable=False),
    sa.Column('api_token_id', sa.Text(), nullable=True),
    sa.Column('actor', sa.Text(), nullable=False),
    sa.Column('generation', sa.Integer(), nullable=False),
    sa.Column('hook_repository', sa.Text(), nullable=False),
    sa.Column('hook_hub_url', sa.Text(), nullable=False),
    sa.Column('slug', sa.Text(), nullable=True),
    sa.Column('hub_state', sa.Text(), nullable=False),
    sa.Column('hub_message', sa.Text(), nullable=False),
    sa.Column('hub_seen_at', sa.Double(), nullable=True),
    sa.Column('last_push_at', sa.Double(), nullable=True),
    sa.Column('last_verdict', sa.Text(), nullable=False),
    sa.Column('project', sa.Text(), nullable=False),
    sa.Column('id', sa.Text(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('description', sa.Text(), nullable=False),
    sa.Column('tags', sa.JSON(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.Double(), nullable=False),
    sa.Column('updated_at', sa.Double(), nullable=False),
    sa.Column('created_by', sa.Text(), nullable=False),
    sa.Column('updated_by', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['project'], ['projects.name'], name=op.f('fk_registry_webhooks_project_projects')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_registry_webhooks')),
    sa.UniqueConstraint('project', 'name', name=op.f('uq_registry_webhooks_project_name'))
    )
    with op.batch_alter_table('registry_webhooks', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_registry_webhooks_api_token_id'), ['api_token_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_registry_webhooks_name'), ['name'], unique=False)
        batch_op.create_index(batch_op.f('ix_registry_webhooks_project_endpoint'), ['project', 'endpoint'], unique=False)
        batch_op.create_index(batch_op.f('ix_registry_webhooks_project_pipeline'), ['project', 'pipeline'], unique=False)
        batch_op.create_index(batch_op.f('ix_registry_webhooks_updated_at'), ['updated_at'], unique=False)

    op.create_table('variables',
    sa.Column('type', sa.Text(), nullable=False),
    sa.Column('value', sa.Text(), nullable=True),
    sa.Column('sealed', sa.JSON(), nullable=True),
    sa.Column('project', sa.Text(), nullable=False),
    sa.Column('id', sa.Text(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('description', sa.Text(), nullable=False),
    sa.Column('tags', sa.JSON(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.Double(), nullable=False),
    sa.Column('updated_at', sa.Double(), nullable=False),
    sa.Column('created_by', sa.Text(), nullable=False),
    sa.Column('updated_by', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['project'], ['projects.name'], name=op.f('fk_variables_project_projects')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_variables')),
    sa.UniqueConstraint('project', 'name', name=op.f('uq_variables_project_name'))
    )
    with op.batch_alter_table('variables', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_variables_name'), ['name'], unique=False)
        batch_op.create_index(batch_op.f('ix_variables_updated_at'), ['updated_at'], unique=False)

    op.create_table('pipeline_needs',
    sa.Column('pipeline_id', sa.Text(), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('project', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['pipeline_id'], ['pipelines.id'], name=op.f('fk_pipeline_needs_pipeline_id_pipelines'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('pipeline_id', 'kind', 'name', name=op.f('pk_pipeline_needs'))
    )
    with op.batch_alter_table('pipeline_needs', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_pipeline_needs_project_kind_name'), ['project', 'kind', 'name'], unique=False)

    op.create_table('pipeline_versions',
    sa.Column('pipeline_id', sa.Text(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('at', sa.Double(), nullable=False),
    sa.Column('by', sa.Text(), nullable=False),
    sa.Column('what', sa.Text(), nullable=False),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('tree', sa.JSON(), nullable=False),
    sa.ForeignKeyConstraint(['pipeline_id'], ['pipelines.id'], name=op.f('fk_pipeline_versions_pipeline_id_pipelines'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('pipeline_id', 'version', name=op.f('pk_pipeline_versions'))
    )
    op.create_table('webhook_tokens',
    sa.Column('token_hash', sa.Text(), nullable=False),
    sa.Column('webhook_id', sa.Text(), nullable=False),
    sa.Column('provider', sa.Text(), nullable=False),
    sa.Column('good_until', sa.Double(), nullable=True),
    sa.ForeignKeyConstraint(['webhook_id'], ['registry_webhooks.id'], name=op.f('fk_webhook_tokens_webhook_id_registry_webhooks'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('token_hash', name=op.f('pk_webhook_tokens'))
    )
    with op.batch_alter_table('webhook_tokens', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_webhook_tokens_webhook_id'), ['webhook_id'], unique=False)



def downgrade() -> None:
    with op.batch_alter_table('webhook_tokens', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_webhook_tokens_webhook_id'))

    op.drop_table('webhook_tokens')
    op.drop_table('pipeline_versions')
    with op.batch_alter_table('pipeline_needs', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_pipeline_needs_project_kind_name'))

    op.drop_table('pipeline_needs')
    with op.batch_alter_table('variables', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_variables_updated_at'))
        batch_op.drop_index(batch_op.f('ix_variables_name'))

    op.drop_table('variables')
    with op.batch_alter_table('registry_webhooks', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_registry_webhooks_updated_at'))
        batch_op.drop_index(batch_op.f('ix_registry_webhooks_project_pipeline'))
        batch_op.drop_index(batch_op.f('ix_registry_webhooks_project_endpoint'))
        batch_op.drop_index(batch_op.f('ix_registry_webhooks_name'))
        batch_op.drop_index(batch_op.f('ix_registry_webhooks_api_token_id'))

    op.drop_table('registry_webhooks')
    with op.batch_alter_table('project_members', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_project_members_user_id'))

    op.drop_table('project_members')
    with op.batch_alter_table('pipelines', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_pipelines_updated_at'))
        batch_op.drop_index(batch_op.f('ix_pipelines_state'))
        batch_op.drop_index(batch_op.f('ix_pipelines_name'))

    op.drop_table('pipelines')
    op.drop_table('one_time_codes')
    with op.batch_alter_table('endpoints', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_endpoints_updated_at'))
        batch_op.drop_index(batch_op.f('ix_endpoints_type'))
        batch_op.drop_index(batch_op.f('ix_endpoints_name'))

    op.drop_table('endpoints')
    with op.batch_alter_table('api_tokens', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_api_tokens_user_id_kind'))
        batch_op.drop_index(batch_op.f('ix_api_tokens_expires_at'))

    op.drop_table('api_tokens')
    with op.batch_alter_table('users', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_users_updated_at'))
        batch_op.drop_index(batch_op.f('ix_users_service_role'))
        batch_op.drop_index(batch_op.f('ix_users_email_key'))

    op.drop_table('users')
    with op.batch_alter_table('user_operations', schema=None) as batch_op:
        batch_op.drop_index('ix_user_operations_status_requested')

    op.drop_table('user_operations')
    with op.batch_alter_table('timers', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_timers_due_at'))

    op.drop_table('timers')
    with op.batch_alter_table('sign_in_failures', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_sign_in_failures_last_at'))

    op.drop_table('sign_in_failures')
    op.drop_table('settings')
    with op.batch_alter_table('projects', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_projects_updated_at'))

    op.drop_table('projects')
    op.drop_table('plans')
    op.drop_table('outbox')
    op.drop_table('log_chunks')
    op.drop_table('hook_tombstones')
    with op.batch_alter_table('executions', schema=None) as batch_op:
        batch_op.drop_index('ix_executions_status_requested')
        batch_op.drop_index('ix_executions_state_pipeline')
        batch_op.drop_index('ix_executions_requested')
        batch_op.drop_index('ix_executions_project_requested')
        batch_op.drop_index('ix_executions_pipeline_requested')
        batch_op.drop_index(batch_op.f('ix_executions_parent'))
        batch_op.drop_index('ix_executions_lane')
        batch_op.drop_index(batch_op.f('ix_executions_delivery'))

    op.drop_table('executions')
    op.drop_table('events')
    with op.batch_alter_table('deliveries', schema=None) as batch_op:
        batch_op.drop_index('ix_deliveries_webhook_received')
        batch_op.drop_index('ix_deliveries_state')
        batch_op.drop_index('ix_deliveries_received')
        batch_op.drop_index('ix_deliveries_pushed')
        batch_op.drop_index('ix_deliveries_provider_id')
        batch_op.drop_index('ix_deliveries_project_received')
        batch_op.drop_index(batch_op.f('ix_deliveries_execution_id'))

    op.drop_table('deliveries')
    with op.batch_alter_table('dead_letters', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_dead_letters_at'))

    op.drop_table('dead_letters')
    op.drop_table('counters')
    with op.batch_alter_table('audit', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_audit_user_id'))
        batch_op.drop_index(batch_op.f('ix_audit_project_id'))
        batch_op.drop_index(batch_op.f('ix_audit_object_id'))
        batch_op.drop_index(batch_op.f('ix_audit_at'))

    op.drop_table('audit')
    with op.batch_alter_table('answered', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_answered_at'))

    op.drop_table('answered')
