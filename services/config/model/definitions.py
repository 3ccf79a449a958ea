"""Definitions as they are stored: frozen, secrets sealed. One field a column, by the same name."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from shared.contracts.base import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamped:
    """What every definition carries; instants are seconds since the epoch."""

    id: str
    name: str
    description: str = ""
    tags: list[str]
    version: int = 1
    created_at: float
    updated_at: float
    created_by: str
    updated_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InProject(Stamped):
    """A definition within a project."""

    project: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Project(Stamped):
    """A team's room."""


@dataclass(frozen=True, slots=True, kw_only=True)
class User(Stamped):
    """A person with an account here."""

    name_key: str
    email: str = ""
    email_key: str = ""
    service_role: str
    enabled: bool = True
    password: str | None = None
    groups: list[str] = field(default_factory=list)
    provider: str = ""
    """The name of the sign-in provider that vouches for them; empty for Portside itself."""
    subject: str = ""
    """Who they are there, its `sub`; empty until their first sign-in."""
    shut_out: bool = False
    """Disabled because no rule of the provider let them in, so that a rule may let them in again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInProvider(Stamped):
    """An OpenID Connect server that vouches for people; `tree` holds the fields that nobody filters by."""

    enabled: bool
    tree: Json
    secrets: Json
    """Sealed boxes by the names of their fields."""

    @property
    def is_way_in(self) -> bool:
        """Whether it can let anybody in: without a rule nobody matches."""
        return self.enabled and bool(self.tree["rules"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """What lets somebody in: `api`, `refresh` (made by a sign-in) or `session`."""

    id: str
    user_id: str
    kind: str
    name: str
    token_hash: str | None
    created_at: float
    expires_at: float
    last_used_at: float | None = None
    revoked_at: float | None = None
    address: str = ""
    """From where its session was opened; empty where that is not known."""
    browser: str = ""
    """The `User-Agent` that opened it."""
    project: str | None = None
    """The only project in which it lets its owner do anything; None for all of them."""
    access: str = "everything"
    """A `TokenAccess`."""
    provider: str = ""
    """Who vouched for the person; empty for Portside itself."""
    provider_grant: Json | None = None
    """A session's tokens at its provider, sealed; None where there are none to ask by."""
    checked_at: float | None = None
    """When the provider was last asked by them, and sent what it said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceSignIn:
    """A sign-in that a program has begun and a person confirms on a page."""

    device_hash: str
    user_code: str
    """What the person compares or types, `BCDF-GHJK`."""
    status: str
    """`pending`, `approved` or `denied`."""
    name: str
    """Of the API token that it ends in."""
    project: str
    """The only project of that token; blank for all."""
    access: str
    """A `TokenAccess`."""
    days: int
    """How long that token is good."""
    address: str
    """Who began it; blank where that is not known."""
    created_at: float
    expires_at: float
    user_id: str | None = None
    """Who confirmed it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint(InProject):
    """A way to something outside."""

    type: str
    properties: Json
    secrets: Json
    restricted: bool = False
    cloud_proxy_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule(InProject):
    """A pipeline that runs at times."""

    pipeline: str
    cron: str
    time_zone: str
    input: Json
    enabled: bool
    actor: str
    """As whom it runs: who saved it last."""
    last_at: float | None = None
    last_execution: str = ""
    last_message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable(InProject):
    """A named value."""

    type: str
    value: str | None = None
    sealed: Json | None = None
    api_token_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline(InProject):
    """A pipeline as it is now; `tree` is its document without what the columns hold."""

    state: str
    concurrency: int
    tree: Json
    warnings: list[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineVersion:
    """A pipeline as it was after one change."""

    pipeline_id: str
    version: int
    at: float
    by: str
    what: str
    state: str
    tree: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook(InProject):
    """Which pushes start which pipeline."""

    enabled: bool
    mode: str
    endpoint: str
    pipeline: str
    server_type: str
    repo_name: str
    scope: str | None = None
    image_pattern: str
    tag_pattern: str
    exclude: list[str]
    input: Json
    secret_token: Json
    token_hash: str
    api_token_id: str | None
    token_variable: str = ""
    actor: str
    generation: int = 0
    hook_repository: str = ""
    hook_hub_url: str = ""
    slug: str | None = None
    hub_state: str = ""
    hub_message: str = ""
    hub_seen_at: float | None = None
    last_push_at: float | None = None
    last_verdict: str = ""
    whole_namespace: bool = False
    gather_s: float = 0.0
    platforms: list[str]
    networks: list[str]
    signed: bool = False
    history: list[Any]
    elsewhere: list[Any]
    replacing: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tombstone:
    """A hook that must go at the registry."""

    webhook_id: str
    generation: int
    hook_name: str
    repository: str
    hub_url: str
    token: Json
    username: str
    password: Json | None
    slug: str | None
    created_at: float
    message: str = ""
    hub_local: bool = False
    """The Hub may be on hubsync's own machine or network."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """A line of the audit log."""

    id: int = 0
    at: float
    user: str
    action: str
    kind: str
    object_id: str
    project: str | None
    name: str
    before: Json | None
    after: Json | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WithTree(InProject):
    """A definition whose `tree` holds the fields that nobody filters by."""

    tree: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class GitWebhook(WithTree):
    """Which pushes of a Git server mean which pipeline."""

    endpoint: str
    pipeline: str
    server_type: str
    repo_name: str
    branch: str
    secrets: Json
    """Sealed boxes by the names of their fields."""
    token_hash: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GerritListener(WithTree):
    """A way to a Gerrit server's events."""

    endpoint: str
    connected: bool
    secrets: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class GerritTrigger(WithTree):
    """Which events of a Gerrit project mean which pipelines."""

    listener: str
    gerrit_project: str
    branch: str
    enabled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceEvent:
    """What a Git or Gerrit server announced; `tree` holds the rest of its document."""

    id: str
    source: str
    """`git` or `gerrit`."""
    project: str
    trigger_id: str
    trigger: str
    """The name of the Git webhook or Gerrit trigger."""
    pipeline: str
    owner: str
    message: str
    received_at: float
    updated_at: float
    tree: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Integration(InProject):
    """A custom integration as its author edits it: the draft."""

    yaml: str
    source_version: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class IntegrationVersion(InProject):
    """A version of a custom integration: its content never changes, its status does."""

    integration_id: str
    label: str
    status: str
    yaml: str
    change_log: str = ""
    latest: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DefinitionSource:
    """A project whose definitions are kept in Git: what it follows, and what was last taken from there."""

    project: str
    endpoint: str
    branch: str
    """Empty for the repository's own."""
    folder: str
    every_s: int
    prune: bool
    """Whether an object goes with its file."""
    followed_by: str
    """The user with whose rights the definitions are written."""
    followed_at: float
    looked_at: float = 0.0
    """When the question was sent whose answer came last."""
    state: str = "NEW"
    """`NEW`, `CURRENT`, `BROKEN` (the newest commit cannot be taken) or `AWAY` (the repository cannot be read)."""
    commit_id: str = ""
    """The commit whose definitions are in force."""
    taken_at: float = 0.0
    seen_commit: str = ""
    """The newest commit that was read, in force or not."""
    subject: str = ""
    problem: str = ""
    flaws: list[Any] = field(default_factory=list)
    """`file`, `line`, `column`, `path` and `message` of each thing wrong with `seen_commit`."""
    objects: list[Any] = field(default_factory=list)
    """`kind`, `name`, `version`, `file`, `line`, `digest` and `willNotRun` of each object of `commit_id`."""
    kept: list[Any] = field(default_factory=list)
    """`kind`, `name` and `reason` of each object whose file is gone and that is still there."""
    commit_status: str = ""
    """What became of the report at the commit, in words."""
