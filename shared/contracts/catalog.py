"""Definitions and records as the gateway asks for them: one shape for every kind of resource."""

from __future__ import annotations

from enum import StrEnum

from .base import Json, Message, Sealed
from .runs import ResolvedEndpoint


class Kind(StrEnum):
    """What can be asked for; the value is the REST collection."""

    PROJECTS = "projects"
    USERS = "users"
    TOKENS = "api-tokens"
    SESSIONS = "sessions"
    PROVIDERS = "sign-in-providers"
    DEVICES = "device-sign-ins"
    ENDPOINTS = "endpoints"
    PIPELINES = "pipelines"
    VARIABLES = "variables"
    WEBHOOKS = "registry-webhooks"
    EVENTS = "registry-events"
    GIT_WEBHOOKS = "git-webhooks"
    GIT_EVENTS = "git-events"
    GERRIT_LISTENERS = "gerrit-listeners"
    GERRIT_TRIGGERS = "gerrit-triggers"
    GERRIT_EVENTS = "gerrit-events"
    CUSTOM_INTEGRATIONS = "custom-integrations"
    SCHEDULES = "schedules"
    EXECUTIONS = "executions"
    USER_OPERATIONS = "user-operations"
    DEAD_LETTERS = "dead-letters"
    AUDIT = "audit"
    LOGS = "logs"
    SETTINGS = "settings"
    NOTICES = "notices"
    DEPLOYMENTS = "deployments"


class Find(Message):
    """One page of a kind."""

    kind: Kind
    filter: str = ""
    """OData `$filter`; fields outside the kind's allow-list are refused by name."""
    orderby: str = ""
    top: int = 25
    skip: int = 0
    parent: str = ""
    """Lists within another object: the pipeline of executions, the execution of logs."""
    options: Json = {}


class Page(Message):
    """`total` is exact up to 10,000 and the next bound known beyond."""

    documents: tuple[Json, ...] = ()
    total: int = 0


class Get(Message):
    """One object, by id or by project and name."""

    kind: Kind
    id: str = ""
    project: str = ""
    name: str = ""
    options: Json = {}


class Act(Message):
    """A change: `create`, `replace`, `patch`, `delete`, or an action of the kind such as `execute` or `cancel`."""

    kind: Kind
    verb: str
    id: str = ""
    project: str = ""
    name: str = ""
    body: Json = {}
    text: str = ""
    """A YAML body where positions matter; it never holds a secret (the gateway masks those and sends them sealed)."""
    sealed: dict[str, Sealed] = {}
    """Secret values by their path in the body, sealed at the gateway; the body holds the mask there."""
    hashes: dict[str, str] = {}
    """Hex SHA-256 of secrets that must be recognised later (tokens), by the same paths; passwords as their digest."""
    options: Json = {}


class Document(Message):
    """The answer: the object in the API's own shape, and text where the answer is not JSON."""

    document: Json = {}
    text: str = ""
    hashes: dict[str, str] = {}
    """The command's own `hashes` when it was carried out: a repetition with others was not, and its secrets are kept
    nowhere."""


class AdmissionAsk(Message):
    """May a password be tried? Asked before its digest is made, which takes 16 MiB and a core for a twentieth of a
    second; the fields are those of `SignIn`."""

    source_address: str = ""
    proxied: bool = False
    browser_of: str = ""


class Admission(Message):
    """One password may be tried, soon. Refused with TOO_MANY past a limit; `limit` in the details is `strangers` where
    it is the one of all that have not signed in before."""

    admission_id: str
    familiar: bool = False
    """The browser or address has signed in before, so that it need not wait for strangers."""


class SignIn(Message):
    """Who is this? With a user's name and password, an API token, or a one-time code; none of them travels in clear."""

    username: str = ""
    password_digest: str = ""
    """`shared.process.secrets.password_digest` of the password; config keeps an argon2 hash of it."""
    admission_id: str = ""
    """Of the `Admission` for this password; empty from gateways of 0.1, which did not ask."""
    api_token_hash: str = ""
    one_time_code_hash: str = ""
    new_token_hash: str = ""
    """Hash of a fresh API token that the gateway minted, where the sign-in call must answer with one."""
    source_address: str = ""
    """The client's address, or the proxy's when `proxied`."""
    proxied: bool = False
    """The request came through a proxy that is not declared: `source_address` says nothing about the client."""
    browser_of: str = ""
    """Who signed in last with this browser, by the gateway's signed cookie; empty for a new one."""
    browser: str = ""
    """Its `User-Agent`, cut, so that people recognise their sessions."""
    provider: str = ""
    """The name of the sign-in provider whose ID token the runner has verified."""
    claims: Json = {}
    """The claims of that token."""
    grant: Sealed | None = None
    """The provider's tokens for the session, by which a runner asks whether it still vouches for the person."""


class SignedIn(Message):
    """An authenticated subject; the gateway signs the access token."""

    user: str
    email: str = ""
    token_id: str
    good_for_s: int = 28_800


class PasswordCheck(Message):
    """Is this the password? Between config processes: a standby has the time, the active one the limits."""

    user_id: str = ""
    """Empty for a user who does not exist, whose check takes as long."""
    password_digest: str
    familiar: bool = True
    """The caller has signed in before, so the check does not queue with those of strangers."""


class PasswordChecked(Message):
    """Whether it is."""

    matches: bool


class PasswordToHash(Message):
    """What is to be kept of this new password?"""

    password_digest: str


class PasswordHashed(Message):
    """An argon2 hash."""

    password_hash: str


class ValidateAsk(Message):
    """Gateway to runner: try this endpoint for real. config prepared it and checked the caller's rights."""

    endpoint: ResolvedEndpoint
    options: Json = {}


class Validated(Message):
    """What trying an endpoint showed."""

    ok: bool
    message: str
    code: str = ""
    """Stable word for the cause: `wrong-password`, `no-right`, `no-such-repository`, `unreachable` …"""
    next_step: str = ""
    """What to do about it."""
    details: Json = {}


class Inspect(Message):
    """Look at something outside on behalf of a page: gateway to runner (`certificate`, `tags`, `workloads` …), and to
    hubsync for what only Docker Hub's own API tells (`rights`, `repositories`, `tags`)."""

    what: str
    endpoint: ResolvedEndpoint | None = None
    roles: dict[str, ResolvedEndpoint] = {}
    """For what a task would look at: its endpoints by their roles, as in `scm`."""
    options: Json = {}


class Inspected(Message):
    document: Json = {}
