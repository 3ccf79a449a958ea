"""What is kept for Git and Gerrit, and what their servers announced."""

from __future__ import annotations

from sqlalchemy import delete, select

from services.config.model.definitions import GerritListener, GerritTrigger, GitWebhook, SourceEvent
from services.config.store.filters import FilterField
from services.config.store.unit_of_work import Reading, UnitOfWork
from services.config.tables.sources import GerritListenerRow, GerritTriggerRow, GitWebhookRow, SourceEventRow

from .rows import Table, project_fields

GIT_WEBHOOKS = Table(
    GitWebhookRow,
    GitWebhook,
    wire={
        **project_fields(GitWebhookRow),
        "endpoint": FilterField(GitWebhookRow.endpoint),
        "pipeline": FilterField(GitWebhookRow.pipeline),
        "serverType": FilterField(GitWebhookRow.server_type),
        "repoName": FilterField(GitWebhookRow.repo_name),
        "branchName": FilterField(GitWebhookRow.branch),
    },
)
GERRIT_LISTENERS = Table(
    GerritListenerRow,
    GerritListener,
    wire={
        **project_fields(GerritListenerRow),
        "endpoint": FilterField(GerritListenerRow.endpoint),
        "connected": FilterField(GerritListenerRow.connected, "boolean"),
    },
)
GERRIT_TRIGGERS = Table(
    GerritTriggerRow,
    GerritTrigger,
    wire={
        **project_fields(GerritTriggerRow),
        "listener": FilterField(GerritTriggerRow.listener),
        "gerritProject": FilterField(GerritTriggerRow.gerrit_project),
        "branch": FilterField(GerritTriggerRow.branch),
        "enabled": FilterField(GerritTriggerRow.enabled, "boolean"),
    },
)
SOURCE_EVENTS = Table(
    SourceEventRow,
    SourceEvent,
    wire={
        "id": FilterField(SourceEventRow.id),
        "name": FilterField(SourceEventRow.trigger),
        "trigger": FilterField(SourceEventRow.trigger),
        "project": FilterField(SourceEventRow.project),
        "pipeline": FilterField(SourceEventRow.pipeline),
        "owner": FilterField(SourceEventRow.owner),
        "message": FilterField(SourceEventRow.message),
        "createdAt": FilterField(SourceEventRow.received_at, "instant"),
        "updatedAt": FilterField(SourceEventRow.updated_at, "instant"),
        "timeStampInMicros": FilterField(SourceEventRow.received_at, "instant"),
        "_createTimeInMicros": FilterField(SourceEventRow.received_at, "instant"),
        "_updateTimeInMicros": FilterField(SourceEventRow.updated_at, "instant"),
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
