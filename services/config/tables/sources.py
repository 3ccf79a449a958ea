"""Tables of what is kept for Git and Gerrit: their triggers, what their servers announced, and which projects follow
a repository."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base
from .catalog import InProjectColumns


class GitWebhookRow(InProjectColumns, Base):
    """Which pushes of a Git server mean which pipeline."""

    __tablename__ = "git_webhooks"
    __table_args__ = (UniqueConstraint("project", "name"), Index(None, "project", "pipeline"))

    endpoint: Mapped[str]
    pipeline: Mapped[str]
    server_type: Mapped[str]
    repo_name: Mapped[str]
    branch: Mapped[str]
    tree: Mapped[dict[str, Any]]
    secrets: Mapped[dict[str, Any]]
    token_hash: Mapped[str]
    """Of the secure token, by which a push is let in."""


class GerritListenerRow(InProjectColumns, Base):
    """A way to a Gerrit server's events."""

    __tablename__ = "gerrit_listeners"
    __table_args__ = (UniqueConstraint("project", "name"),)

    endpoint: Mapped[str]
    connected: Mapped[bool]
    tree: Mapped[dict[str, Any]]
    secrets: Mapped[dict[str, Any]]


class GerritTriggerRow(InProjectColumns, Base):
    """Which events of a Gerrit project mean which pipelines."""

    __tablename__ = "gerrit_triggers"
    __table_args__ = (UniqueConstraint("project", "name"), Index(None, "project", "listener"))

    listener: Mapped[str]
    gerrit_project: Mapped[str]
    branch: Mapped[str]
    enabled: Mapped[bool]
    tree: Mapped[dict[str, Any]]


class SourceEventRow(Base):
    """What a Git or Gerrit server announced."""

    __tablename__ = "source_events"
    __table_args__ = (Index(None, "source", "received_at"), Index(None, "source", "project", "received_at"))

    id: Mapped[str] = mapped_column(primary_key=True)
    source: Mapped[str]
    project: Mapped[str] = mapped_column(ForeignKey("projects.name", ondelete="CASCADE"))
    trigger_id: Mapped[str]
    trigger: Mapped[str]
    pipeline: Mapped[str]
    owner: Mapped[str]
    message: Mapped[str]
    received_at: Mapped[float] = mapped_column(index=True)
    updated_at: Mapped[float]
    tree: Mapped[dict[str, Any]]


class DefinitionSourceRow(Base):
    """A project whose definitions are kept in Git."""

    __tablename__ = "definition_sources"

    project: Mapped[str] = mapped_column(ForeignKey("projects.name", ondelete="CASCADE"), primary_key=True)
    endpoint: Mapped[str]
    branch: Mapped[str]
    folder: Mapped[str]
    every_s: Mapped[int]
    prune: Mapped[bool]
    followed_by: Mapped[str]
    followed_at: Mapped[float]
    looked_at: Mapped[float]
    state: Mapped[str]
    commit_id: Mapped[str]
    taken_at: Mapped[float]
    seen_commit: Mapped[str]
    subject: Mapped[str]
    problem: Mapped[str]
    flaws: Mapped[list[Any]]
    objects: Mapped[list[Any]]
    kept: Mapped[list[Any]]
    commit_status: Mapped[str]
