"""What happened: deliveries and verdicts, executions and events, logs, questions to people, dead letters."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from .base import BIG_ID, Base


class DeliveryRow(Base):
    """One push of one delivery, with its verdict: a row of Activity."""

    __tablename__ = "deliveries"
    __table_args__ = (
        UniqueConstraint("delivery_id", "ordinal"),
        Index("ix_deliveries_project_received", "project", "received_at"),
        Index("ix_deliveries_webhook_received", "webhook_id", "received_at"),
        Index("ix_deliveries_pushed", "webhook_id", "repository", "tag", "received_at"),
        Index("ix_deliveries_provider_id", "webhook_id", "provider_delivery_id"),
        Index("ix_deliveries_received", "received_at"),
        Index("ix_deliveries_tag_received", "tag", "received_at"),
        Index("ix_deliveries_repository_received", "repository", "received_at"),
        Index("ix_deliveries_state", "state"),
        Index("ix_deliveries_push_key_received", "push_key", "received_at"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    delivery_id: Mapped[str]
    ordinal: Mapped[int]
    received_at: Mapped[float]
    recorded_at: Mapped[float]
    updated_at: Mapped[float]
    via: Mapped[str]
    token_hash: Mapped[str]
    webhook_id: Mapped[str | None]
    webhook: Mapped[str] = mapped_column(default="")
    project: Mapped[str] = mapped_column(default="")
    pipeline: Mapped[str] = mapped_column(default="")
    provider: Mapped[str] = mapped_column(default="")
    kind: Mapped[str] = mapped_column(default="image")
    registry_host: Mapped[str] = mapped_column(default="")
    repository: Mapped[str] = mapped_column(default="")
    tag: Mapped[str | None]
    digest: Mapped[str | None]
    media_type: Mapped[str | None]
    pushed_at: Mapped[float | None]
    pusher: Mapped[str | None]
    provider_delivery_id: Mapped[str | None]
    state: Mapped[str]
    verdict: Mapped[str]
    reason: Mapped[str]
    next_step: Mapped[str] = mapped_column(default="")
    digest_note: Mapped[str] = mapped_column(default="")
    execution_id: Mapped[str | None] = mapped_column(index=True)
    execution_index: Mapped[int | None]
    rerun_of: Mapped[str | None]
    push_key: Mapped[str | None]
    """The same for all events of one push; none where the registry does not say when it was pushed."""
    order_at: Mapped[float] = mapped_column(default=0.0)
    """Orders the pushes of one repository: when it was received, and for what came late when it was pushed."""
    forced: Mapped[bool] = mapped_column(default=False)
    """A person wants it to run, whatever is live."""
    pushed_by: Mapped[str] = mapped_column(default="")
    """The run of ours that pushed it, `Promote web #7`."""
    pushed_by_id: Mapped[str | None]
    source_address: Mapped[str] = mapped_column(default="")
    user_agent: Mapped[str] = mapped_column(default="")
    body: Mapped[dict[str, Any]]


class PlanRow(Base):
    """A compiled pipeline as runs used it; many runs share one."""

    __tablename__ = "plans"

    hash: Mapped[str] = mapped_column(primary_key=True)
    plan: Mapped[str]
    about: Mapped[str]
    """What executions show of the pipeline besides its plan: input meta, starred, notifications, description."""


class ExecutionRow(Base):
    """A run: what it is about, what people see of it, and its holding."""

    __tablename__ = "executions"
    __table_args__ = (
        UniqueConstraint("pipeline_id", "idx"),
        Index("ix_executions_state_pipeline", "state", "pipeline_id", "order_at"),
        Index("ix_executions_lane", "lane", "state"),
        Index("ix_executions_requested", "requested_at"),
        Index("ix_executions_updated", "updated_at"),
        Index("ix_executions_project_requested", "project", "requested_at"),
        Index("ix_executions_pipeline_requested", "pipeline", "requested_at"),
        Index("ix_executions_status_requested", "status", "requested_at"),
        Index("ix_executions_image_requested", "image", "requested_at"),
        Index("ix_executions_image_name_requested", "image_name", "requested_at"),
        Index("ix_executions_image_tag", "image", "image_tag", "requested_at"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    project: Mapped[str]
    pipeline: Mapped[str]
    pipeline_id: Mapped[str]
    idx: Mapped[int]
    state: Mapped[str]
    since: Mapped[float]
    """When `state` or the number of its dispatch last changed."""
    hold: Mapped[str]
    """The protocol's `RunClaim` as JSON; `state` repeats the part that is searched for."""
    lane: Mapped[str]
    """The concurrency group: its runs wait for each other; empty when a run waits only for its pipeline's limit."""
    policy: Mapped[str]
    concurrency: Mapped[int]
    order_at: Mapped[float]
    """Newer means later received, so this orders a concurrency group."""
    folded: Mapped[str]
    """The status that the events alone give; `status` is what people see of it."""
    status: Mapped[str]
    status_message: Mapped[str]
    revision: Mapped[int]
    events: Mapped[int]
    requested_at: Mapped[float]
    updated_at: Mapped[float]
    started_at: Mapped[float | None]
    ended_at: Mapped[float | None]
    requested_by: Mapped[str]
    comments: Mapped[str] = mapped_column(default="")
    reason: Mapped[str] = mapped_column(default="")
    source: Mapped[str] = mapped_column(default="")
    tags: Mapped[list[str]]
    input: Mapped[dict[str, Any]]
    sealed_input: Mapped[dict[str, Any] | None]
    """By name, the inputs of which `input` has only the mask."""
    output: Mapped[dict[str, Any]]
    plan_hash: Mapped[str]
    push: Mapped[str | None]
    image: Mapped[str] = mapped_column(default="")
    """The repository that was pushed, `acme/web`; this and the next two repeat what is searched for of `push`."""
    image_name: Mapped[str] = mapped_column(default="")
    """The last part of it, `web`."""
    image_tag: Mapped[str] = mapped_column(default="")
    delivery: Mapped[str | None] = mapped_column(index=True)
    webhook_id: Mapped[str | None]
    nested: Mapped[bool] = mapped_column(default=False)
    rollback: Mapped[bool] = mapped_column(default=False)
    parent: Mapped[str | None] = mapped_column(index=True)
    parent_stage: Mapped[str] = mapped_column(default="")
    parent_task: Mapped[str] = mapped_column(default="")
    root: Mapped[str] = mapped_column(default="", index=True)
    """The first of the runs that led to this one, by running it or by pushing what started it; blank for such a one."""
    rerun_of: Mapped[str | None]


class EventRow(Base):
    """An accepted event, in the order of acceptance."""

    __tablename__ = "events"
    __table_args__ = ({"sqlite_with_rowid": False},)

    execution_id: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    attempt: Mapped[int]
    body: Mapped[str]
    brief: Mapped[str | None]
    """The event without its inputs and outputs, where these are large: what lists read."""


class LogRow(Base):
    """Lines that a task printed."""

    __tablename__ = "log_chunks"
    __table_args__ = (UniqueConstraint("execution_id", "stage", "task", "try_number", "first_line"),)

    id: Mapped[int] = mapped_column(BIG_ID, primary_key=True, autoincrement=True)
    execution_id: Mapped[str]
    stage: Mapped[str]
    task: Mapped[str]
    attempt: Mapped[int]
    try_number: Mapped[int]
    first_line: Mapped[int]
    lines: Mapped[int]
    at: Mapped[float]
    text: Mapped[str]


class UserOperationRow(Base):
    """A question that a task asked people: an approval."""

    __tablename__ = "user_operations"
    __table_args__ = (
        UniqueConstraint("execution_id", "stage", "task", "try_number"),
        Index("ix_user_operations_status_requested", "status", "requested_at"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    execution_id: Mapped[str]
    stage: Mapped[str]
    task: Mapped[str]
    try_number: Mapped[int]
    project: Mapped[str]
    pipeline: Mapped[str]
    pipeline_id: Mapped[str]
    execution_index: Mapped[int]
    status: Mapped[str]
    summary: Mapped[str]
    ask: Mapped[dict[str, Any]]
    answers: Mapped[list[Any]]
    requested_by: Mapped[str]
    requested_at: Mapped[float]
    expires_at: Mapped[float | None]
    responded_by: Mapped[str] = mapped_column(default="")
    responded_at: Mapped[float | None]
    response_message: Mapped[str] = mapped_column(default="")


class PushedImageRow(Base):
    """A tag that a run of ours moved, or was about to: how a push that a registry reports is known as ours."""

    __tablename__ = "pushed_images"
    __table_args__ = (Index("ix_pushed_images_image", "repository", "tag", "digest", "at"),)

    execution_id: Mapped[str] = mapped_column(primary_key=True)
    registry_host: Mapped[str] = mapped_column(primary_key=True)
    repository: Mapped[str] = mapped_column(primary_key=True)
    tag: Mapped[str] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(primary_key=True)
    stage: Mapped[str]
    task: Mapped[str]
    at: Mapped[float]
    causes: Mapped[list[Any]]
    """`causes.Cause` as JSON, the run that pushed first."""


class DeploymentRow(Base):
    """A workload as a run left it, rolled out. The newest of each says what should run there."""

    __tablename__ = "deployments"
    __table_args__ = (
        Index("ix_deployments_workload", "project", "endpoint", "namespace", "kind", "name", "at"),
        Index("ix_deployments_newest", "newest", "project", "endpoint"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[float]
    newest: Mapped[bool]
    project: Mapped[str]
    endpoint: Mapped[str]
    api_version: Mapped[str]
    kind: Mapped[str]
    namespace: Mapped[str]
    name: Mapped[str]
    images: Mapped[list[Any]]
    execution_id: Mapped[str]
    execution_index: Mapped[int]
    pipeline: Mapped[str]
    pipeline_id: Mapped[str]


class NoticeRow(Base):
    """One notification of something that happened in a run, and how sending it went."""

    __tablename__ = "notices"

    id: Mapped[str] = mapped_column(primary_key=True)
    execution_id: Mapped[str] = mapped_column(index=True)
    kind: Mapped[str]
    event: Mapped[str]
    stage: Mapped[str]
    task: Mapped[str]
    target: Mapped[str] = mapped_column(default="")
    state: Mapped[str]
    """`waiting`, `sent` or `failed`."""
    tries: Mapped[int] = mapped_column(default=0)
    code: Mapped[int] = mapped_column(default=0)
    message: Mapped[str] = mapped_column(default="")
    created_at: Mapped[float]
    updated_at: Mapped[float]


class DeadLetterRow(Base):
    """A message that nobody could work on."""

    __tablename__ = "dead_letters"

    id: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[float] = mapped_column(index=True)
    queue: Mapped[str]
    reason: Mapped[str]
    type: Mapped[str]
    subject: Mapped[str]
    message_id: Mapped[str]
    body: Mapped[str]
    history: Mapped[list[Any]]
    headers: Mapped[dict[str, Any]]
    state: Mapped[str]
    """`kept`, `requeued` or `discarded`."""
    handled_by: Mapped[str] = mapped_column(default="")
    handled_at: Mapped[float | None]


class CounterRow(Base):
    """Numbers that only grow: starts of runs, indexes per pipeline."""

    __tablename__ = "counters"

    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[int] = mapped_column(BIG_ID)
