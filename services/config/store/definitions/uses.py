"""Who refers to what: asked before a deletion, so that the refusal can name it."""

from __future__ import annotations

import json

from sqlalchemy import func, or_, select

from services.config.store.unit_of_work import Reading
from services.config.tables.catalog import (
    EndpointRow,
    PipelineNeedRow,
    PipelineRow,
    ScheduleRow,
    TokenRow,
    UserRow,
    VariableRow,
    WebhookRow,
)
from services.config.tables.integrations import IntegrationRow
from services.config.tables.sources import DefinitionSourceRow, GerritListenerRow, GerritTriggerRow, GitWebhookRow
from shared.contracts.texts import counted

_CONTENTS = (
    ("pipeline", PipelineRow),
    ("webhook", WebhookRow),
    ("Git webhook", GitWebhookRow),
    ("Gerrit listener", GerritListenerRow),
    ("Gerrit trigger", GerritTriggerRow),
    ("custom integration", IntegrationRow),
    ("schedule", ScheduleRow),
    ("endpoint", EndpointRow),
    ("variable", VariableRow),
)


def users_of_endpoint(uow: Reading, project: str, name: str) -> list[str]:
    """Pipelines and webhooks that name this endpoint, and the project that follows a repository by it."""
    row = DefinitionSourceRow
    follows = uow.session.scalar(select(row.project).where(row.project == project, row.endpoint == name))
    following = [f"project {project}, which follows it,"] if follows else []
    return _pipelines(uow, project, "endpoint", name) + _webhooks(uow, project, WebhookRow.endpoint == name) + following


def users_of_variable(uow: Reading, project: str, name: str) -> list[str]:
    """Pipelines, endpoints and webhooks that refer to this variable."""
    reference = f"${{var.{name}}}"
    rows = uow.session.execute(
        select(EndpointRow.name, EndpointRow.properties)
        .where(EndpointRow.project == project)
        .order_by(EndpointRow.name)
    )
    endpoints = [f"endpoint {n}" for n, properties in rows if reference in json.dumps(properties, ensure_ascii=False)]
    webhooks = _webhooks(uow, project, WebhookRow.token_variable == name)
    return _pipelines(uow, project, "variable", name) + endpoints + webhooks


def users_of_pipeline(uow: Reading, project: str, name: str, pipeline_id: str) -> list[str]:
    """Webhooks and schedules that start this pipeline, and other pipelines that run it."""
    others = _pipelines(uow, project, "pipeline", name, but=pipeline_id)
    scheduled = select(ScheduleRow.name).where(ScheduleRow.project == project, ScheduleRow.pipeline == name)
    names = uow.session.scalars(scheduled.order_by(ScheduleRow.name))
    schedules = [f"schedule {schedule}" for schedule in names]
    return others + _webhooks(uow, project, WebhookRow.pipeline == name) + schedules


def users_of_integration(uow: Reading, project: str, name: str, label: str = "") -> list[str]:
    """Pipelines with a task that runs this custom integration, in that version where one is named."""
    return _pipelines(uow, project, "integration", f"{name}@{label}" if label else name)


def webhooks_of_actor(uow: Reading, user: str) -> list[str]:
    """Webhooks whose runs act as this user."""
    by_token = select(TokenRow.id).join(UserRow, UserRow.id == TokenRow.user_id).where(UserRow.name == user)
    where = or_(WebhookRow.actor == user, WebhookRow.api_token_id.in_(by_token))
    return list(uow.session.scalars(select(WebhookRow.name).where(where).order_by(WebhookRow.name).limit(20)))


def webhooks_of_token(uow: Reading, token_id: str) -> list[str]:
    """Webhooks that act by this API token."""
    statement = select(WebhookRow.name).where(WebhookRow.api_token_id == token_id).order_by(WebhookRow.name).limit(20)
    return list(uow.session.scalars(statement))


def contents_of_project(uow: Reading, project: str) -> list[str]:
    """What is still in a project: `3 pipelines`, `1 webhook`."""
    contents = []
    for noun, row in _CONTENTS:
        rows_count = uow.session.scalar(select(func.count()).select_from(row).where(row.project == project)) or 0
        if rows_count:
            contents.append(counted(rows_count, noun))
    return contents


def _pipelines(uow: Reading, project: str, kind: str, name: str, *, but: str = "") -> list[str]:
    statement = (
        select(PipelineRow.name)
        .join(PipelineNeedRow, PipelineNeedRow.pipeline_id == PipelineRow.id)
        .where(
            PipelineNeedRow.project == project,
            PipelineNeedRow.kind == kind,
            PipelineNeedRow.name == name,
            PipelineRow.id != but,
        )
        .order_by(PipelineRow.name)
    )
    return [f"pipeline {pipeline_name}" for pipeline_name in uow.session.scalars(statement)]


def _webhooks(uow: Reading, project: str, condition: object) -> list[str]:
    statement = select(WebhookRow.name).where(WebhookRow.project == project, condition)  # type: ignore[arg-type]
    return [f"webhook {webhook_name}" for webhook_name in uow.session.scalars(statement.order_by(WebhookRow.name))]
