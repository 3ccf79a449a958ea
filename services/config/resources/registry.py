"""The catalog as config's wiring sees it: its kinds, its timers, and what the ledger asks of definitions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from services.config.accounts import sign_on_checks
from services.config.accounts.api_tokens import ApiTokens
from services.config.accounts.device_sign_ins import DeviceSignIns
from services.config.accounts.password_checks import LocalPasswords, Passwords
from services.config.accounts.providers import SignInProviders
from services.config.accounts.sessions import AccountSessions
from services.config.accounts.users import Users
from services.config.catalog import look_timer
from services.config.catalog.audit import Audit
from services.config.catalog.context import Context
from services.config.catalog.endpoints.resource import Endpoints
from services.config.catalog.following import looking
from services.config.catalog.hooks import allowlist, wanted
from services.config.catalog.installation import InstallationSettings
from services.config.catalog.integrations.resource import Integrations
from services.config.catalog.pipelines.resource import Pipelines
from services.config.catalog.projects import Projects
from services.config.catalog.references import resolve_for_run
from services.config.catalog.schedules.resource import DUE as SCHEDULE_DUE
from services.config.catalog.schedules.resource import Schedules
from services.config.catalog.sources.events import SourceEvents
from services.config.catalog.sources.gerrit import GerritListeners, GerritTriggers
from services.config.catalog.sources.git import GitWebhooks
from services.config.catalog.transfer.files import PipelinesAndFiles
from services.config.catalog.variables import Variables
from services.config.catalog.webhooks import for_matching, identity
from services.config.catalog.webhooks.resource import Webhooks
from services.config.model.triggers import MatchWebhook, RunnablePipeline
from services.config.resource import Resource
from services.config.runs import admission, scheduled
from services.config.store import Reading, UnitOfWork
from services.config.store.definitions import pipelines
from shared.contracts.catalog import Kind
from shared.contracts.mirror import MirrorReport, Wanted, WantedAsk
from shared.contracts.pushes import Allowlist, AllowlistAsk
from shared.contracts.runs import ResolvedEndpoint, ResolvedVariable
from shared.grammar.plan import Plan

from . import executions
from .notices import Notices

Timer = Callable[[UnitOfWork, str], None]
TIMERS: dict[str, Timer] = {
    wanted.PASS_TIMER: wanted.on_timer,
    allowlist.TOKEN_END_TIMER: allowlist.end_overlap,
    SCHEDULE_DUE: scheduled.due,
    identity.TOKEN_TIMER: identity.on_timer,
    look_timer.LOOK: looking.on_timer,
    sign_on_checks.CHECK: sign_on_checks.on_timer,
}
"""What to do when a timer of that kind is due, given its subject."""


@dataclass(frozen=True, slots=True)
class Catalog:
    """Everything that is defined."""

    context: Context
    passwords: Passwords = field(default_factory=LocalPasswords)

    def resources(self) -> dict[Kind, Resource]:
        """The kinds, by what the gateway asks for."""
        endpoints = Endpoints(self.context)
        triggers = GerritTriggers(self.context)
        defined: dict[Kind, Resource] = {
            Kind.PROJECTS: Projects(),
            Kind.USERS: Users(self.passwords),
            Kind.TOKENS: ApiTokens(),
            Kind.SESSIONS: AccountSessions(),
            Kind.PROVIDERS: SignInProviders(),
            Kind.DEVICES: DeviceSignIns(),
            Kind.ENDPOINTS: endpoints,
            Kind.VARIABLES: Variables(self.context),
            Kind.WEBHOOKS: Webhooks(self.context, endpoints),
            Kind.GIT_WEBHOOKS: GitWebhooks(self.context),
            Kind.GIT_EVENTS: SourceEvents(Kind.GIT_EVENTS, "git", triggers),
            Kind.GERRIT_LISTENERS: GerritListeners(self.context),
            Kind.GERRIT_TRIGGERS: triggers,
            Kind.GERRIT_EVENTS: SourceEvents(Kind.GERRIT_EVENTS, "gerrit", triggers),
            Kind.CUSTOM_INTEGRATIONS: Integrations(self.context),
            Kind.SCHEDULES: Schedules(self.context, admission.manual_order),
            Kind.AUDIT: Audit(),
            Kind.SETTINGS: InstallationSettings(self.context.options),
            Kind.NOTICES: Notices(),
        }
        catalog_pipelines = Pipelines(self.context)
        catalog_pipelines.verbs["execute"] = partial(executions.execute, catalog_pipelines)
        return {**defined, Kind.PIPELINES: PipelinesAndFiles(catalog_pipelines, defined)}

    def start(self, uow: UnitOfWork) -> None:
        """When config becomes active."""
        options = self.context.options
        wanted.start(uow, options.public_url, options.local_url)
        sign_on_checks.start(uow)

    def webhook(self, uow: Reading, *, token_hash: str = "", webhook_id: str = "") -> MatchWebhook | None:
        """The webhook that has this token, or this id."""
        key = ("webhook", webhook_id, token_hash)
        return uow.once(key, lambda: for_matching.webhook_for_match(uow, webhook_id, token_hash))

    def pipeline(self, uow: Reading, project: str, name: str) -> RunnablePipeline | None:
        """The pipeline of that name."""
        key = ("pipeline", project, name)
        return uow.once(key, lambda: pipelines.pipeline_for_run(uow, project, name))

    def allowlist(self, uow: Reading, ask: AllowlistAsk) -> Allowlist:
        """Answer `allowlist.ask`."""
        return allowlist.snapshot(uow, ask)

    def wanted(self, uow: Reading, ask: WantedAsk) -> Wanted:
        """Answer `mirror.wanted`."""
        return wanted.wanted(uow, ask)

    def resolve(
        self, uow: Reading, project: str, plan: Plan, inputs: Mapping[str, Any]
    ) -> tuple[dict[str, ResolvedEndpoint], dict[str, ResolvedVariable]]:
        """Endpoints and variables that a plan may use, as they are now."""
        return resolve_for_run(uow, project, plan, inputs)

    def report(self, uow: UnitOfWork, mirror_report: MirrorReport) -> None:
        """Take `mirror.report`."""
        wanted.report(uow, mirror_report)
