"""Versions of custom integrations in files: one document each, with the version and its status."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from services.config.catalog.integrations.versions import DRAFT, STATUSES
from services.config.model.definitions import Integration, IntegrationVersion
from services.config.model.people import Person
from services.config.resource import Resource
from services.config.store import Reading, UnitOfWork
from services.config.store.definitions.integrations import INTEGRATION_VERSIONS, INTEGRATIONS, RELEASED
from shared.contracts.base import Json
from shared.contracts.catalog import Act, Kind
from shared.contracts.problems import Code, refuse
from shared.grammar.export import plain_yaml

ALL, ONLY_RELEASED, NAMED = (
    "exportAllCustomIntegrationVersions",
    "exportOnlyReleasedCustomIntegrationVersions",
    "customIntegrationVersions",
)
PARAMETERS = (ALL, ONLY_RELEASED, NAMED)
"""Of an export: which versions come with the custom integrations that it names."""
CODE_FIELDS = ("runtime", "image", "code", "inputProperties", "outputProperties")


def version_texts(uow: Reading, integration: Integration, selection: Mapping[str, Sequence[str]]) -> list[str]:
    """The versions that an export asks for, oldest first; all of them where it names nothing at all."""
    table = INTEGRATION_VERSIONS
    versions = sorted(
        table.all(uow, table.column("integration_id") == integration.id), key=lambda version: version.created_at
    )
    return [_yaml(version) for version in versions if _is_wanted(version, selection)]


def _is_wanted(version: IntegrationVersion, selection: Mapping[str, Sequence[str]]) -> bool:
    if not selection or _is_on(selection, ALL):
        return True
    if _is_on(selection, ONLY_RELEASED):
        return version.status == RELEASED
    return version.label in selection.get(NAMED, ())


def _is_on(selection: Mapping[str, Sequence[str]], name: str) -> bool:
    return any(value.lower() == "true" for value in selection.get(name, ()))


def _yaml(version: IntegrationVersion) -> str:
    tree = {
        "project": version.project,
        "kind": "CUSTOM_INTEGRATION",
        "name": version.name,
        "description": version.description,
        "version": version.label,
        "status": version.status,
        "changeLog": version.change_log,
        "yaml": version.yaml,
    }
    return "---\n" + plain_yaml(tree)


def exists(uow: Reading, project: str, tree: Json) -> bool:
    """Whether a file's version is there."""
    label = str(tree.get("version") or "")
    return INTEGRATION_VERSIONS.one(uow, project=project, name=str(tree.get("name") or ""), label=label) is not None


def take(uow: UnitOfWork, person: Person, resources: Mapping[Kind, Resource], project: str, tree: Json) -> Json:
    """A version out of a file, with its integration where that is missing; answers with the version.

    Its status becomes the one that the file names; its content must be what is there.
    """
    resource, body = resources[Kind.CUSTOM_INTEGRATIONS], {**with_code(tree), "project": project}
    kind, name, label = Kind.CUSTOM_INTEGRATIONS, str(tree.get("name") or ""), str(tree["version"])
    options = {"imported": True, "version": label}
    if INTEGRATIONS.one(uow, project=project, name=name) is None:
        resource.act(uow, person, Act(kind=kind, verb="create", body=body))
    if not exists(uow, project, tree):
        added = Act(kind=kind, verb="version", project=project, name=name, body=body, options=options)
        resource.act(uow, person, added)
    version = INTEGRATION_VERSIONS.one(uow, project=project, name=name, label=label)
    if version is not None and version.yaml != body["yaml"]:
        raise refuse(
            Code.CONFLICT,
            f"custom integration {name} has another version {label}: a version's content never changes",
            subject=version.id,
            next_step="Give the file's version another name.",
        )
    return resource.act(uow, person, _to_status(project, name, label, str(tree.get("status") or DRAFT))).document


def _to_status(project: str, name: str, label: str, status: str) -> Act:
    if status.upper() not in STATUSES:
        raise refuse(
            Code.INVALID, f"status must be one of {', '.join(STATUSES)}, not {status[:50]!r}", subject="status"
        )
    options = {"version": label, "status": status.upper()}
    return Act(kind=Kind.CUSTOM_INTEGRATIONS, verb="set-status", project=project, name=name, options=options)


def with_code(tree: Json) -> Json:
    """The body of a file's integration; one that holds the code itself gets its `yaml`."""
    if tree.get("yaml") or "code" not in tree:
        return {**tree, "yaml": str(tree.get("yaml") or "")}
    return {**tree, "yaml": "---\n" + plain_yaml({key: tree[key] for key in CODE_FIELDS if key in tree})}
