"""What is kept for Git and Gerrit, and what their servers announced."""

from __future__ import annotations

from sqlalchemy import delete, select

from services.config.model.definitions import GerritListener, GerritTrigger, GitWebhook, SourceEvent
from services.config.store.filters import Field
from services.config.store.unit_of_work import Reading, UnitOfWork
from services.config.tables.sources import GerritListenerRow, GerritTriggerRow, GitWebhookRow, SourceEventRow

from .rows import Table, project_fields

GIT_WEBHOOKS = Table(
    GitWebhookRow,
    GitWebhook,
    wire={
        **project_fields(GitWebhookRow),
        "endpoint": Field(GitWebhookRow.endpoint),
        "pipeline": Field(GitWebhookRow.pipeline),
        "serverType": Field(GitWebhookRow.server_type),
        "repoName": Field(GitWebhookRow.repo_name),
        "branchName": Field(GitWebhookRow.branch),
    },
)
GERRIT_LISTENERS = Table(
    GerritListenerRow,
    GerritListener,
    wire={
        **project_fields(GerritListenerRow),
        "endpoint": Field(GerritListenerRow.endpoint),
        "connected": Field(GerritListenerRow.connected, "boolean"),
    },
)
GERRIT_TRIGGERS = Table(
    GerritTriggerRow,
    GerritTrigger,
    wire={
        **project_fields(GerritTriggerRow),
        "listener": Field(GerritTriggerRow.listener),
        "gerritProject": Field(GerritTriggerRow.gerrit_project),
        "branch": Field(GerritTriggerRow.branch),
        "enabled": Field(GerritTriggerRow.enabled, "boolean"),
    },
)
SOURCE_EVENTS = Table(
    SourceEventRow,
    SourceEvent,
    wire={
        "id": Field(SourceEventRow.id),
        "name": Field(SourceEventRow.trigger),
        "trigger": Field(SourceEventRow.trigger),
        "project": Field(SourceEventRow.project),
        "pipeline": Field(SourceEventRow.pipeline),
        "owner": Field(SourceEventRow.owner),
        "message": Field(SourceEventRow.message),
        "createdAt": Field(SourceEventRow.received_at, "instant"),
        "updatedAt": Field(SourceEventRow.updated_at, "instant"),
        "timeStampInMicros": Field(SourceEventRow.received_at, "instant"),
        "_createTimeInMicros": Field(SourceEventRow.received_at, "instant"),
        "_updateTimeInMicros": Field(SourceEventRow.updated_at, "instant"),
    },
    order="_createTimeInMicros desc,id",
)


def gerrit_projects(uow: Reading, project: str, listener: str) -> list[str]:
    """The Gerrit projects that triggers of this listener name."""
    row = GerritTriggerRow
    where = (row.project == project, row.listener == listener, row.gerrit_project != "")
    return list(uow.session.scalars(select(row.gerrit_project).where(*where).distinct().order_by(row.gerrit_project)))


def triggers_of_listener(uow: Reading, project: str, listener: str) -> list[str]:
    """The triggers that name this listener."""
    row = GerritTriggerRow
    return list(
        uow.session.scalars(select(row.name).where(row.project == project, row.listener == listener).order_by(row.name))
    )


def forget_events(uow: UnitOfWork, before: float, limit: int) -> int:
    """Events that were received before an instant; returns how many."""
    row = SourceEventRow
    ids = list(
        uow.session.scalars(select(row.id).where(row.received_at < before).order_by(row.received_at).limit(limit))
    )
    if ids:
        uow.session.execute(delete(row).where(row.id.in_(ids)))
    return len(ids)
