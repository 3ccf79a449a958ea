"""Definitions written out as YAML, in Code Stream's order of fields; a secret is shown as the mask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from services.config.catalog.base import project_named
from services.config.catalog.integrations.resource import Integrations
from services.config.catalog.pipelines.resource import export_yaml
from services.config.catalog.sources.gerrit import GerritListeners, GerritTriggers
from services.config.catalog.sources.git import GitWebhooks
from services.config.model.definitions import Integration, Pipeline
from services.config.model.people import Person
from services.config.model.rights import Right
from services.config.resource import Resource
from services.config.store import Reading
from services.config.store.definitions import pipelines
from services.config.store.definitions import projects as projects_store
from services.config.store.definitions.endpoints import ENDPOINTS, VARIABLES
from services.config.store.definitions.integrations import INTEGRATIONS
from services.config.store.definitions.pipelines import PIPELINES
from services.config.store.definitions.schedules import SCHEDULES
from services.config.store.definitions.sources import GERRIT_LISTENERS, GERRIT_TRIGGERS, GIT_WEBHOOKS
from services.config.store.definitions.webhooks import WEBHOOKS
from shared.contracts.catalog import Get, Kind
from shared.contracts.problems import Code, refuse
from shared.grammar.export import to_yaml

from . import integration_versions

TABLES: dict[Kind, Any] = {
    Kind.ENDPOINTS: ENDPOINTS,
    Kind.VARIABLES: VARIABLES,
    Kind.PIPELINES: PIPELINES,
    Kind.WEBHOOKS: WEBHOOKS,
    Kind.GIT_WEBHOOKS: GIT_WEBHOOKS,
    Kind.GERRIT_LISTENERS: GERRIT_LISTENERS,
    Kind.GERRIT_TRIGGERS: GERRIT_TRIGGERS,
    Kind.CUSTOM_INTEGRATIONS: INTEGRATIONS,
    Kind.SCHEDULES: SCHEDULES,
}
_ASKED = {
    "variables": Kind.VARIABLES,
    "endpoints": Kind.ENDPOINTS,
    "customIntegration": Kind.CUSTOM_INTEGRATIONS,
    "pipelines": Kind.PIPELINES,
    "registry-webhooks": Kind.WEBHOOKS,
    "git-webhooks": Kind.GIT_WEBHOOKS,
    "gerrit-listeners": Kind.GERRIT_LISTENERS,
    "gerrit-triggers": Kind.GERRIT_TRIGGERS,
    "schedules": Kind.SCHEDULES,
}
"""What may be asked for by name, in the order in which an import needs it."""
_PROJECT_FIELDS = ("kind", "name", "description", "administrators", "members", "viewers")

_NOUNS = {
    Kind.WEBHOOKS: "webhook",
    **{it.kind: it.noun for it in (GitWebhooks, GerritListeners, GerritTriggers, Integrations)},
}

Resources = Mapping[Kind, Resource]


def export(
    uow: Reading, person: Person, resources: Resources, project: str, selection: Mapping[str, Sequence[str]]
) -> str:
    """The objects that are named, of one project or of all that the person may read; with no name, all of it."""
    projects = _projects(uow, person, project)
    texts: list[str] = []
    for name in selection.get("projects", ()):
        document = resources[Kind.PROJECTS].get(uow, person, Get(kind=Kind.PROJECTS, name=name)).document
        texts.append(to_yaml({key: document[key] for key in _PROJECT_FIELDS}))
    for name in selection.get("pipeline", ()):
        pipeline = _one(uow, Kind.PIPELINES, projects, name)
        needs = pipelines.needs(uow, pipeline.id)
        endpoints = ENDPOINTS.named(
            uow, [(pipeline.project, endpoint) for kind, endpoint in needs if kind == "endpoint"]
        )
        texts += [_written(uow, resources, Kind.ENDPOINTS, endpoint) for endpoint in endpoints.values()]
        texts.append(export_yaml(pipeline))
    everything = not any(names for key, names in selection.items() if key not in integration_versions.PARAMETERS)
    for parameter, kind in _ASKED.items():
        names = selection.get(parameter, ())
        values = _all(uow, kind, projects) if everything else [_one(uow, kind, projects, name) for name in names]
        for value in values:
            texts.append(_written(uow, resources, kind, value))
            if isinstance(value, Integration):
                texts += integration_versions.version_texts(uow, value, selection)
    return "".join(texts)


def noun(kind: Kind) -> str:
    """What one object of a kind is called."""
    return _NOUNS.get(kind, kind.value.removesuffix("s"))


def _written(uow: Reading, resources: Resources, kind: Kind, value: Any) -> str:
    if isinstance(value, Pipeline):
        return export_yaml(value)
    resource: Any = resources[kind]
    return to_yaml(resource.in_file(resource.document(uow, value)))


def _projects(uow: Reading, person: Person, key: str) -> list[str]:
    name = project_named(uow, key)
    if key and (name is None or not person.may(name, Right.READ)):
        raise refuse(Code.NOT_FOUND, f"there is no project {key}", subject=key)
    if name is not None:
        return [name]
    return [p.name for p in projects_store.PROJECTS.all(uow) if person.may(p.name, Right.READ)]


def _all(uow: Reading, kind: Kind, projects: Sequence[str]) -> list[Any]:
    table = TABLES[kind]
    values = table.all(uow, table.column("project").in_(projects))
    return sorted(values, key=lambda value: (value.project, value.name))


def _one(uow: Reading, kind: Kind, projects: Sequence[str], name: str) -> Any:
    table = TABLES[kind]
    values = table.all(uow, table.column("project").in_(projects), table.column("name") == name, limit=2)
    if not values:
        raise refuse(Code.NOT_FOUND, f"there is no {noun(kind)} {name} to export", subject=name)
    if len(values) > 1:
        raise refuse(
            Code.INVALID,
            f"several projects have a {noun(kind)} {name}",
            subject=name,
            next_step=f"Name one with ?project=: {', '.join(value.project for value in values)}.",
        )
    return values[0]
