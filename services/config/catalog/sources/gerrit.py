"""Gerrit listeners and triggers, kept as Code Stream has them; a trigger can be tried on a change by hand."""

from __future__ import annotations

from services.config.catalog.base import demand
from services.config.catalog.context import Context, new_id
from services.config.model.definitions import GerritListener, GerritTrigger, SourceEvent
from services.config.model.people import Person
from services.config.model.rights import Right
from services.config.store import Reading, UnitOfWork
from services.config.store.definitions import sources
from services.config.store.definitions.endpoints import ENDPOINTS
from services.config.store.definitions.pipelines import PIPELINES
from services.config.store.definitions.sources import GERRIT_LISTENERS, GERRIT_TRIGGERS, SOURCE_EVENTS
from shared.contracts.base import Json
from shared.contracts.catalog import Act, Document, Get, Kind
from shared.contracts.problems import Code, refuse
from shared.contracts.secrets import LISTENER_SECRETS

from .base import DefinitionReference, Kept
from .fields import NO_PUSH_STARTS_ANYTHING, SourceField, configurations, file_filters, flag, required, text


class GerritListeners(Kept[GerritListener]):
    """The kind `gerrit-listeners`."""

    kind = Kind.GERRIT_LISTENERS
    noun = "Gerrit listener"
    word = "GERRIT_LISTENER"
    table = GERRIT_LISTENERS
    value = GerritListener
    secret_names = LISTENER_SECRETS
    must = ("endpoint",)
    must_secrets = LISTENER_SECRETS
    fields = (
        SourceField("endpoint", text, column="endpoint"),
        SourceField("connected", flag, False, column="connected"),
    )

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.verbs["validate"] = self.validate

    def get(self, uow: Reading, person: Person, ask: Get) -> Document:
        """One listener; with `options.projects` the Gerrit projects that its triggers name, as text."""
        if not ask.options.get("projects"):
            return super().get(uow, person, ask)
        listener = self.locate(uow, person, ask)
        return Document(text=", ".join(sources.gerrit_projects(uow, listener.project, listener.name)))

    def extra(self, uow: Reading, value: GerritListener) -> Json:
        return {"reason": NO_PUSH_STARTS_ANYTHING if value.connected else "", "expiresAt": ""}

    def references(self, value: GerritListener) -> list[DefinitionReference]:
        return [DefinitionReference("endpoint", ENDPOINTS, value.endpoint, "endpoint")]

    def users_of(self, uow: Reading, value: GerritListener) -> list[str]:
        triggers = sources.triggers_of_listener(uow, value.project, value.name)
        return [f"Gerrit trigger {name}" for name in triggers]

    def validate(self, uow: UnitOfWork, person: Person, ask: Act) -> Document:
        """What would be stored, with its warnings; nothing is stored."""
        project = self.project_of_new(uow, person, ask)
        demand(uow, person, project, Right.EDIT, f"validate {self.noun}s")
        return Document(document=self.document(uow, self.new_value(uow, person, ask, project)))


class GerritTriggers(Kept[GerritTrigger]):
    """The kind `gerrit-triggers`."""

    kind = Kind.GERRIT_TRIGGERS
    noun = "Gerrit trigger"
    word = "GERRIT_TRIGGER"
    table = GERRIT_TRIGGERS
    value = GerritTrigger
    must = ("branch", "gerritProject", "listener")
    fields = (
        SourceField("listener", text, column="listener"),
        SourceField("gerritProject", text, column="gerrit_project"),
        SourceField("branch", text, column="branch"),
        SourceField("enabled", flag, True, column="enabled"),
        SourceField("configurations", configurations, []),
        SourceField("inclusions", file_filters, []),
        SourceField("exclusions", file_filters, []),
        SourceField("prioritizeExclusion", flag, False),
    )

    def references(self, value: GerritTrigger) -> list[DefinitionReference]:
        pipelines = dict.fromkeys(configuration["pipeline"] for configuration in value.tree["configurations"])
        return [
            DefinitionReference("listener", GERRIT_LISTENERS, value.listener, "Gerrit listener"),
            *(DefinitionReference("configurations", PIPELINES, name, "pipeline") for name in pipelines),
        ]


def record_by_hand(uow: UnitOfWork, person: Person, triggers: GerritTriggers, ask: Act) -> Document:
    """Somebody tries a trigger on a change: one event for each pipeline that it names. None is started."""
    required(ask.body, "manual trigger", "changeId", "project", "trigger")
    meant = Get(kind=Kind.GERRIT_TRIGGERS, project=text(ask.body, "project"), name=text(ask.body, "trigger"))
    trigger = triggers.locate(uow, person, meant)
    demand(uow, person, trigger.project, Right.EXECUTE, "try Gerrit triggers")
    if not trigger.enabled:
        raise refuse(
            Code.CONFLICT,
            f"Gerrit trigger {trigger.name} is disabled",
            subject=trigger.id,
            next_step="Enable it, then try it again.",
        )
    events = [
        SOURCE_EVENTS.insert(uow, _event(uow, person, trigger, configuration, text(ask.body, "changeId")))
        for configuration in trigger.tree["configurations"] or [{}]
    ]
    return Document(
        document={"message": NO_PUSH_STARTS_ANYTHING, "pipelinesTriggered": [], "events": [it.id for it in events]}
    )


def _event(uow: UnitOfWork, person: Person, trigger: GerritTrigger, configuration: Json, change: str) -> SourceEvent:
    return SourceEvent(
        id=new_id(),
        source="gerrit",
        project=trigger.project,
        trigger_id=trigger.id,
        trigger=trigger.name,
        pipeline=str(configuration.get("pipeline") or ""),
        owner=person.user,
        message=NO_PUSH_STARTS_ANYTHING,
        received_at=uow.now,
        updated_at=uow.now,
        tree={
            "changeId": change,
            "branch": trigger.branch,
            "gerritProject": trigger.gerrit_project,
            "listener": trigger.listener,
            "type": str(configuration.get("eventType") or ""),
            "triggerType": "MANUAL",
        },
    )
