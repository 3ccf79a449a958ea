"""Tables of definitions: people, projects and what teams define in them. Instants are seconds since the epoch."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Boolean, ForeignKey, Index, UniqueConstraint, literal_column, text
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from .base import BIG_ID, Base


class StampedColumns:
    """What every definition carries."""

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    description: Mapped[str]
    tags: Mapped[list[str]]
    version: Mapped[int]
    created_at: Mapped[float]
    updated_at: Mapped[float] = mapped_column(index=True)
    created_by: Mapped[str]
    updated_by: Mapped[str]


class InProjectColumns(StampedColumns):
    """A definition within a project, known by its name there. A project's name never changes, so it is the key."""

    @declared_attr
    def project(cls) -> Mapped[str]:
        return mapped_column(ForeignKey("projects.name"))


class ProjectRow(StampedColumns, Base):
    """A team's room."""

    __tablename__ = "projects"
    __table_args__ = (UniqueConstraint("name"),)


class UserRow(StampedColumns, Base):
    """A person with a password here; `name_key` and `email_key` are folded for look-ups whatever the case."""

    __tablename__ = "users"
    __table_args__ = (
        UniqueConstraint("name_key"),
        Index(None, "email_key"),
        Index(None, "service_role"),
        Index(None, "provider", "subject"),
    )

    name_key: Mapped[str]
    email: Mapped[str]
    email_key: Mapped[str]
    service_role: Mapped[str]
    enabled: Mapped[bool]
    password: Mapped[str | None]
    """argon2 of the digest that the gateway sends; None: no sign-in by password."""
    groups: Mapped[list[str]]
    """Whom approvals may name together."""
    provider: Mapped[str]
    subject: Mapped[str]
    shut_out: Mapped[bool]


class SignInProviderRow(StampedColumns, Base):
    """An OpenID Connect server that vouches for people."""

    __tablename__ = "sign_in_providers"
    __table_args__ = (UniqueConstraint("name"),)

    enabled: Mapped[bool]
    tree: Mapped[dict[str, Any]]
    secrets: Mapped[dict[str, Any]]


class MemberRow(Base):
    """A person's role in a project."""

    __tablename__ = "project_members"

    project: Mapped[str] = mapped_column(ForeignKey("projects.name", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, index=True)
    role: Mapped[str]


class TokenRow(Base):
    """What lets somebody in as a user: an API token, a refresh token of a sign-in, or a session without a token."""

    __tablename__ = "api_tokens"
    __table_args__ = (UniqueConstraint("token_hash"), Index(None, "user_id", "kind"), Index(None, "expires_at"))

    id: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    kind: Mapped[str]
    name: Mapped[str]
    token_hash: Mapped[str | None]
    created_at: Mapped[float]
    expires_at: Mapped[float]
    last_used_at: Mapped[float | None]
    revoked_at: Mapped[float | None]
    address: Mapped[str]
    browser: Mapped[str]
    project: Mapped[str | None]
    access: Mapped[str]
    provider: Mapped[str]
    provider_grant: Mapped[dict[str, Any] | None]
    """A session's tokens at its provider, sealed."""
    checked_at: Mapped[float | None]
    """When the provider was last asked by them; None where it cannot be."""


class OneTimeCodeRow(Base):
    """A sign-in link that works once."""

    __tablename__ = "one_time_codes"

    code_hash: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    expires_at: Mapped[float]


class DeviceSignInRow(Base):
    """A sign-in that a program has begun and a person confirms on a page."""

    __tablename__ = "device_sign_ins"
    __table_args__ = (UniqueConstraint("user_code"),)

    device_hash: Mapped[str] = mapped_column(primary_key=True)
    user_code: Mapped[str]
    status: Mapped[str]
    name: Mapped[str]
    project: Mapped[str]
    access: Mapped[str]
    days: Mapped[int]
    address: Mapped[str]
    created_at: Mapped[float]
    expires_at: Mapped[float] = mapped_column(index=True)
    user_id: Mapped[str | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))


class FamiliarAddressRow(Base):
    """An address, or a network of IPv6, from which somebody has signed in."""

    __tablename__ = "familiar_addresses"

    network: Mapped[str] = mapped_column(primary_key=True)
    last_at: Mapped[float] = mapped_column(index=True)


class EndpointRow(InProjectColumns, Base):
    """A way to something outside."""

    __tablename__ = "endpoints"
    __table_args__ = (UniqueConstraint("project", "name"), Index(None, "name"), Index(None, "type"))

    type: Mapped[str]
    properties: Mapped[dict[str, Any]]
    secrets: Mapped[dict[str, Any]]
    """Property name to sealed box."""
    restricted: Mapped[bool]
    cloud_proxy_id: Mapped[str]


class VariableRow(InProjectColumns, Base):
    """A named value; `sealed` for SECRET and RESTRICTED."""

    __tablename__ = "variables"
    __table_args__ = (UniqueConstraint("project", "name"), Index(None, "name"))

    type: Mapped[str]
    value: Mapped[str | None]
    sealed: Mapped[dict[str, Any] | None]
    api_token_id: Mapped[str | None]
    """The API token that its value is, where it is one."""


class ScheduleRow(InProjectColumns, Base):
    """A pipeline that runs at times; the timer of the same id says when next."""

    __tablename__ = "schedules"
    __table_args__ = (UniqueConstraint("project", "name"), Index(None, "pipeline"))

    pipeline: Mapped[str]
    cron: Mapped[str]
    time_zone: Mapped[str]
    input: Mapped[dict[str, Any]]
    enabled: Mapped[bool]
    actor: Mapped[str]
    last_at: Mapped[float | None]
    last_execution: Mapped[str]
    last_message: Mapped[str]


class PipelineRow(InProjectColumns, Base):
    """A pipeline as it is now."""

    __tablename__ = "pipelines"
    __table_args__ = (UniqueConstraint("project", "name"), Index(None, "name"), Index(None, "state"))

    state: Mapped[str]
    concurrency: Mapped[int]
    tree: Mapped[dict[str, Any]]
    warnings: Mapped[list[Any]]


class PipelineNeedRow(Base):
    """What a pipeline refers to by name, so that a deletion can say who needs the thing."""

    __tablename__ = "pipeline_needs"
    __table_args__ = (Index(None, "project", "kind", "name"),)

    pipeline_id: Mapped[str] = mapped_column(ForeignKey("pipelines.id", ondelete="CASCADE"), primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    project: Mapped[str]


class PipelineVersionRow(Base):
    """A pipeline as it was after each change."""

    __tablename__ = "pipeline_versions"

    pipeline_id: Mapped[str] = mapped_column(ForeignKey("pipelines.id", ondelete="CASCADE"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[float]
    by: Mapped[str]
    what: Mapped[str]
    state: Mapped[str]
    tree: Mapped[dict[str, Any]]


_ELSEWHERE = text("json_array_length(elsewhere) > json_array_length(replacing)")
OUT_OF_STEP = literal_column("enabled AND hub_state IN ('needs credentials', 'not permitted', 'rate limited')", Boolean)
"""Webhooks whose hook at the registry waits for a person; in a query as in the index, or the index is not used."""


class WebhookRow(InProjectColumns, Base):
    """A webhook: which pushes start which pipeline."""

    __tablename__ = "registry_webhooks"
    __table_args__ = (
        UniqueConstraint("project", "name"),
        Index(None, "name"),
        Index(None, "project", "endpoint"),
        Index(None, "project", "pipeline"),
        Index(None, "api_token_id", "name"),
        Index(None, "scope"),
        Index(None, "actor"),
        Index(None, "enabled", "hub_state"),
        Index(None, "hook_hub_url", "hook_repository"),
        Index("ix_registry_webhooks_elsewhere", "name", sqlite_where=_ELSEWHERE, postgresql_where=_ELSEWHERE),
        Index(
            "ix_registry_webhooks_out_of_step",
            "project",
            "name",
            "id",
            sqlite_where=OUT_OF_STEP,
            postgresql_where=OUT_OF_STEP,
        ),
    )

    enabled: Mapped[bool]
    mode: Mapped[str]
    endpoint: Mapped[str]
    pipeline: Mapped[str]
    server_type: Mapped[str]
    repo_name: Mapped[str]
    whole_namespace: Mapped[bool] = mapped_column(default=False)
    """Without a repository it is for all that is in its endpoint's namespace."""
    scope: Mapped[str | None]
    """What it is for: `acme/web`, or all of a namespace, `acme/`; blank means anything, null: not known yet."""
    image_pattern: Mapped[str]
    tag_pattern: Mapped[str]
    exclude: Mapped[list[str]]
    input: Mapped[dict[str, Any]]
    secret_token: Mapped[dict[str, Any]]
    """The sealed secure token."""
    token_hash: Mapped[str]
    api_token_id: Mapped[str | None]
    """The API token whose owner its runs act as; None: who made the webhook, unless a variable should hold one."""
    token_variable: Mapped[str] = mapped_column(default="")
    """The variable that holds that token; blank where the token itself was given."""
    actor: Mapped[str]
    generation: Mapped[int]
    """Grows whenever the hook at the registry must be a new one."""
    hook_repository: Mapped[str]
    """What generation n was wanted for, to see a change."""
    hook_hub_url: Mapped[str]
    slug: Mapped[str | None]
    hub_state: Mapped[str]
    hub_message: Mapped[str]
    hub_seen_at: Mapped[float | None]
    last_push_at: Mapped[float | None]
    last_verdict: Mapped[str]
    gather_s: Mapped[float]
    """The quiet period for what is pushed together; 0 gathers nothing."""
    platforms: Mapped[list[str]]
    """A run waits until the registry has the tag for all of these."""
    networks: Mapped[list[str]]
    """Where deliveries may come from; empty means anywhere."""
    signed: Mapped[bool]
    """Deliveries without a good signature are refused."""
    history: Mapped[list[Any]]
    """What happened to its hook, newest last: `{"at", "what"}`."""
    elsewhere: Mapped[list[Any]]
    """Hooks at its repository that point at another address: `{"slug", "name", "address"}`."""
    replacing: Mapped[list[str]]
    """Slugs of those that somebody wants gone."""


class WebhookTokenRow(Base):
    """A secure token that the receiver lets in; while a rotation lasts the old one has an end."""

    __tablename__ = "webhook_tokens"

    token_hash: Mapped[str] = mapped_column(primary_key=True)
    webhook_id: Mapped[str] = mapped_column(ForeignKey("registry_webhooks.id", ondelete="CASCADE"), index=True)
    provider: Mapped[str]
    good_until: Mapped[float | None]
    networks: Mapped[list[str]]
    signed: Mapped[bool]
    last_used_at: Mapped[float | None]
    """Written once a day."""


class LookRow(Base):
    """What a look at the registry last showed of a webhook's repository."""

    __tablename__ = "webhook_looks"

    webhook_id: Mapped[str] = mapped_column(ForeignKey("registry_webhooks.id", ondelete="CASCADE"), primary_key=True)
    about: Mapped[str]
    """Registry and repository; another one makes a new baseline."""
    baseline_at: Mapped[float | None]
    looked_at: Mapped[float]
    """When the registry was last asked; only the answer to that question counts."""
    next_at: Mapped[float] = mapped_column(index=True)
    tags: Mapped[dict[str, Any]]
    """Tag to `[digest, pushed at]`."""
    suspects: Mapped[dict[str, Any]]
    """Tags whose hook may still come: tag to `[digest, first seen at]`."""
    problem: Mapped[str]


class TombstoneRow(Base):
    """A hook that must go at the registry though its webhook, or its former shape, is no more."""

    __tablename__ = "hook_tombstones"

    webhook_id: Mapped[str] = mapped_column(primary_key=True)
    generation: Mapped[int] = mapped_column(primary_key=True)
    hook_name: Mapped[str]
    repository: Mapped[str]
    hub_url: Mapped[str]
    hub_local: Mapped[bool] = mapped_column(default=False)
    token: Mapped[dict[str, Any]]
    username: Mapped[str]
    password: Mapped[dict[str, Any] | None]
    slug: Mapped[str | None]
    created_at: Mapped[float]
    message: Mapped[str]


class SettingRow(Base):
    """Facts about this installation."""

    __tablename__ = "settings"

    key: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]


class AuditRow(Base):
    """Who changed what, when; before and after without secrets."""

    __tablename__ = "audit"
    __table_args__ = (Index(None, "object_id"), Index(None, "project", "id"), Index(None, "user", "id"))

    id: Mapped[int] = mapped_column(BIG_ID, primary_key=True, autoincrement=True)
    at: Mapped[float] = mapped_column(index=True)
    user: Mapped[str]
    action: Mapped[str]
    kind: Mapped[str]
    object_id: Mapped[str]
    project: Mapped[str | None]
    name: Mapped[str]
    before: Mapped[dict[str, Any] | None]
    after: Mapped[dict[str, Any] | None]
