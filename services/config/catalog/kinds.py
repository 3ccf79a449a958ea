"""The catalog as config's wiring sees it: its kinds, its timers, and what the ledger asks of definitions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from services.config.resources import Resource
from services.config.store import Reading, UnitOfWork, catalog_pipelines
from shared.contracts.catalog import Kind
from shared.contracts.mirror import MirrorReport, Wanted, WantedAsk
from shared.contracts.pushes import Allowlist, AllowlistAsk
from shared.contracts.runs import Endpoint, Variable
from shared.grammar.plan import Plan

from . import actors, allowlist, matchable, mirroring, schedules
from .api_tokens import ApiTokens
from .auditing import Audit
from .context import Context
from .endpoints import Endpoints
from .files import PipelinesAndFiles
from .installation import Settings
from .pipelines import Pipelines
from .projects import Projects
from .resolving import resolve_for_run
from .schedules import Schedules
from .users import Users
from .values import MatchWebhook, RunnablePipeline
from .variables import Variables
from .webhooks import Webhooks

Timer = Callable[[UnitOfWork, str], None]
TIMERS: dict[str, Timer] = {
    mirroring.PASS_TIMER: mirroring.on_timer,
    allowlist.TOKEN_END_TIMER: allowlist.end_overlap,
    schedules.DUE: schedules.due,
    actors.TOKEN_TIMER: actors.on_timer,
}
"""What to do when a timer of that kind is due, given its subject."""


@dataclass(frozen=True, slots=True)
class Catalog:
    """Everything that is defined."""

    context: Context

    def resources(self) -> dict[Kind, Resource]:
        """The kinds, by what the gateway asks for."""
        endpoints = Endpoints(self.context)
        defined: dict[Kind, Resource] = {
            Kind.PROJECTS: Projects(),
            Kind.USERS: Users(),
            Kind.TOKENS: ApiTokens(),
            Kind.ENDPOINTS: endpoints,
            Kind.VARIABLES: Variables(self.context),
            Kind.WEBHOOKS: Webhooks(self.context, endpoints),
            Kind.SCHEDULES: Schedules(self.context),
            Kind.AUDIT: Audit(),
            Kind.SETTINGS: Settings(),
        }
        return {**defined, Kind.PIPELINES: PipelinesAndFiles(Pipelines(self.context), defined)}

    def start(self, uow: UnitOfWork) -> None:
        """When config becomes active."""
        mirroring.start(uow, self.context.public_url)

    def webhook(self, uow: Reading, *, token_hash: str = "", webhook_id: str = "") -> MatchWebhook | None:
        """The webhook that has this token, or this id."""
        key = ("webhook", webhook_id, token_hash)
        return uow.once(key, lambda: matchable.webhook_for_match(uow, webhook_id, token_hash))

    def pipeline(self, uow: Reading, project: str, name: str) -> RunnablePipeline | None:
        """The pipeline of that name."""
        key = ("pipeline", project, name)
        return uow.once(key, lambda: catalog_pipelines.pipeline_for_run(uow, project, name))

    def allowlist(self, uow: Reading, ask: AllowlistAsk) -> Allowlist:
        """Answer `allowlist.ask`."""
        return allowlist.snapshot(uow, ask)

    def wanted(self, uow: Reading, ask: WantedAsk) -> Wanted:
        """Answer `mirror.wanted`."""
        return mirroring.wanted(uow, ask)

    def resolve(
        self, uow: Reading, project: str, plan: Plan, inputs: Mapping[str, Any]
    ) -> tuple[dict[str, Endpoint], dict[str, Variable]]:
        """Endpoints and variables that a plan may use, as they are now."""
        return resolve_for_run(uow, project, plan, inputs)

    def report(self, uow: UnitOfWork, said: MirrorReport) -> None:
        """Take `mirror.report`."""
        mirroring.report(uow, said)
