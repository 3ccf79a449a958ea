"""Definitions taken in from YAML files, with a report that says of each object what became of it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

import yaml

from services.config.catalog.base import project_named
from services.config.catalog.documents import table
from services.config.catalog.endpoints.types import endpoint_type, spelled
from services.config.catalog.pipelines.documents import read_texts
from services.config.catalog.references import variable_in
from services.config.model.people import Person
from services.config.model.rights import Right
from services.config.store import Reading, UnitOfWork
from services.config.store.definitions import projects
from services.config.store.definitions.endpoints import ENDPOINTS, VARIABLES
from shared.contracts.base import Json, Sealed
from shared.contracts.catalog import Act, Document, Get, Kind
from shared.contracts.problems import Code, Refused, refuse
from shared.contracts.secrets import LISTENER_SECRETS, MASK, SECRET_VARIABLE_TYPES, endpoint_secret_keys
from shared.grammar.documents import Located
from shared.grammar.names import nearest

from . import integration_versions, outcomes
from .exporting import TABLES, Resources, noun

KINDS: dict[str, Kind] = {
    "PROJECT": Kind.PROJECTS,
    "VARIABLE": Kind.VARIABLES,
    "ENDPOINT": Kind.ENDPOINTS,
    "CUSTOM_INTEGRATION": Kind.CUSTOM_INTEGRATIONS,
    "PIPELINE": Kind.PIPELINES,
    "DOCKER_WEBHOOK": Kind.WEBHOOKS,
    "REGISTRY_WEBHOOK": Kind.WEBHOOKS,
    "DOCKERHUB_WEBHOOK": Kind.WEBHOOKS,
    "GIT_WEBHOOK": Kind.GIT_WEBHOOKS,
    "GERRIT_LISTENER": Kind.GERRIT_LISTENERS,
    "GERRIT_TRIGGER": Kind.GERRIT_TRIGGERS,
    "SCHEDULE": Kind.SCHEDULES,
}
"""Kinds in a file, in the order in which they must be taken: what others refer to comes first."""
ORDER = list(dict.fromkeys(KINDS.values()))
"""The same for the kinds themselves."""


@dataclass(frozen=True, slots=True)
class Item:
    """One object of a file."""

    located: Located
    text: str

    @property
    def number(self) -> int:
        """The gateway names sealed secrets by it."""
        return self.located.number

    @property
    def tree(self) -> Json:
        return self.located.tree

    @property
    def kind(self) -> Kind | None:
        return KINDS.get(str(self.tree.get("kind") or "PIPELINE").upper())


class _Undone(Exception):
    """Takes a plan's changes back."""


def take_file(uow: UnitOfWork, person: Person, resources: Resources, ask: Act) -> Document:
    """Take the objects of a file. One that fails leaves the others alone; the answer is a report of each.

    With `options.plan` nothing is kept: the report says what would become of each.
    """
    items = read_items(ask.text)
    if not items:
        raise refuse(Code.INVALID, "the text holds no object", next_step="Send YAML documents, each with its kind.")
    if not ask.options.get("plan"):
        return _take_all(uow, person, resources, ask, items)
    reports: list[Document] = []
    with suppress(_Undone), uow.savepoint():
        reports.append(_take_all(uow, person, resources, ask, items))
        raise _Undone
    return reports[0]


def _take_all(uow: UnitOfWork, person: Person, resources: Resources, ask: Act, items: list[Item]) -> Document:
    reports: dict[int, Json] = {}
    for item in sorted(items, key=lambda item: ORDER.index(item.kind) if item.kind else len(ORDER)):
        try:
            with uow.savepoint():
                reports[item.number] = take_item(uow, person, resources, ask, item)
        except Refused as error:
            reports[item.number] = _failed(item, error)
    ordered = [reports[item.number] for item in items]
    for report in ordered:
        if report["id"] and KINDS.get(report["kind"].upper()) is Kind.PIPELINES:
            # Only now is there everything of the file that a pipeline may refer to.
            document = resources[Kind.PIPELINES].get(uow, person, Get(kind=Kind.PIPELINES, id=report["id"])).document
            report["willNotRun"] = outcomes.will_not_run(document, endpoint_types(uow, report["project"]))
            report["warnings"] = outcomes.warnings(document, report["willNotRun"])
    document = {
        "kind": "IMPORT_REPORT",
        "name": ", ".join(report["name"] for report in ordered),
        "objects": ordered,
        "needsSecrets": [need for report in ordered for need in report["needsSecrets"]],
    }
    answers = [{key: report[key] for key in ("name", "status", "statusMessage")} for report in ordered]
    return Document(document=document, text=yaml.safe_dump_all(answers, sort_keys=False, allow_unicode=True))


def take_item(uow: UnitOfWork, person: Person, resources: Resources, ask: Act, item: Item) -> Json:
    """Create or change one object; answers with its report. Raises `Refused`.

    With `options.exact` the object becomes just what the item says; else fields that it leaves out stay.
    """
    kind = item.kind
    if kind is None:
        raise refuse(
            Code.UNSUPPORTED,
            f"objects of kind {item.tree.get('kind')} are not kept here",
            next_step=f"Known kinds: {', '.join(KINDS)}.",
        )
    changed: list[str] = []
    project = "" if kind is Kind.PROJECTS else _project_of(uow, person, ask, item, changed)
    name = str(item.tree.get("name") or "")
    is_version = kind is Kind.CUSTOM_INTEGRATIONS and bool(item.tree.get("version"))
    is_there = exists(uow, kind, project, item.tree)
    action = str(ask.options.get("action") or "apply")
    if is_there and action == "create":
        raise refuse(
            Code.CONFLICT, f"{noun(kind)} {name} already exists", next_step="Import it with the action apply or update."
        )
    if not is_there and action == "update":
        raise refuse(Code.NOT_FOUND, f"there is no {noun(kind)} {name} to update")
    if is_version:
        document = integration_versions.take(uow, person, resources, project, item.tree)
    else:
        document = resources[kind].act(uow, person, _act(ask, item, kind, project, name, is_there=is_there)).document
    return {
        "name": name,
        "kind": str(item.tree.get("kind") or "PIPELINE"),
        "project": project,
        "id": document.get("id", ""),
        "status": "UPDATED" if is_there else "CREATED",
        "statusMessage": "; ".join(changed),
        "changed": changed,
        "warnings": [
            *(entry["message"]["message"] for entry in document.get("_warnings") or []),
            *(outcomes.endpoint_warnings(document["type"]) if kind is Kind.ENDPOINTS else ()),
        ],
        "willNotRun": [],
        "needsSecrets": _needs_secrets(uow, item, kind, document),
        "lacks": list(document.get("missing") or []),
    }


def endpoint_types(uow: Reading, project: str) -> dict[str, str]:
    """The type of each endpoint of a project, by name."""
    return {entry.name: entry.type for entry in ENDPOINTS.all(uow, ENDPOINTS.column("project") == project)}


def _needs_secrets(uow: Reading, item: Item, kind: Kind, document: Json) -> list[str]:
    name = document.get("name", "")
    if kind is Kind.VARIABLES and document["type"] in SECRET_VARIABLE_TYPES:
        stored = VARIABLES.one(uow, id=document["id"])
        return [f"variable {name}: value"] if stored is not None and stored.sealed is None else []
    if kind is Kind.ENDPOINTS:
        sent = spelled(document["type"], item.tree.get("properties") or {})
        masks = [key for key, value in sent.items() if value == MASK]
        return [f"endpoint {name}: properties.{key}" for key in masks if key not in document["properties"]]
    if kind is Kind.GERRIT_LISTENERS:
        return [f"Gerrit listener {name}: {key}" for key in LISTENER_SECRETS if not document.get(key)]
    return []


def read_items(text: str) -> list[Item]:
    """The documents of a file; refuses with line and column what is not YAML."""
    return [Item(located, _own_text(located)) for located in read_texts(text)]


def parse_ahead(text: str) -> None:
    """Parse a file and its pipelines before a transaction takes them."""
    for item in read_items(text):
        if item.kind is Kind.PIPELINES:
            read_texts(item.text)


def _own_text(located: Located) -> str:
    """The document alone, on the lines where it stands in the file."""
    first, _, last, end = located.spans[()]
    lines = list(located.lines[first:last])
    if last < len(located.lines) and end:
        lines.append(located.lines[last][:end])
    return "\n" * first + "\n".join(lines) + "\n"


def _act(ask: Act, item: Item, kind: Kind, project: str, name: str, *, is_there: bool) -> Act:
    prefix = f"{item.number}."
    sealed: dict[str, Sealed] = {p.removeprefix(prefix): box for p, box in ask.sealed.items() if p.startswith(prefix)}
    hashes = {p.removeprefix(prefix): value for p, value in ask.hashes.items() if p.startswith(prefix)}
    where = {"project": project, "name": name} if is_there else {}
    if kind is Kind.PIPELINES:
        options = {"keepEnabled": True, "imported": True, "project": project}
        return Act(kind=kind, verb="replace" if is_there else "create", text=item.text, options=options, **where)
    is_exact = bool(ask.options.get("exact"))
    left_out = {"description": "", "tags": []} if is_exact else {}
    body = {**left_out, **item.tree, **({"project": project} if project else {})}
    if kind is Kind.CUSTOM_INTEGRATIONS:
        body = integration_versions.with_code(body)
    if kind is Kind.ENDPOINTS:
        body, sealed = _without_unknown_secrets(body, sealed, exists=is_there)
    if kind is Kind.WEBHOOKS and "refreshToken" not in hashes and not variable_in(str(body.get("refreshToken") or "")):
        body.pop("refreshToken", None)
    verb = ("replace" if is_exact else "patch") if is_there else "create"
    return Act(kind=kind, verb=verb, body=body, sealed=sealed, hashes=hashes, options={"imported": True}, **where)


def _without_unknown_secrets(body: Json, sealed: dict[str, Sealed], *, exists: bool) -> tuple[Json, dict[str, Sealed]]:
    """A mask that stands for a secret which nobody has given cannot be kept."""
    properties = dict(table(body, "properties"))
    if not exists:
        for key in endpoint_secret_keys(endpoint_type(str(body.get("type") or ""), properties), properties):
            if properties.get(key) == MASK and f"properties.{key}" not in sealed:
                properties.pop(key)
    return {**body, "properties": properties}, sealed


def _project_of(uow: Reading, person: Person, ask: Act, item: Item, changed: list[str]) -> str:
    own_name = str(item.tree.get("project") or "")
    chosen_name = str(ask.options.get("project") or "")
    project = project_named(uow, own_name)
    if project is None and chosen_name:
        project = project_named(uow, chosen_name)
        if project is not None and own_name:
            changed.append(f"project {own_name} is not here: taken into {project}")
    if project is not None and person.may(project, Right.READ):
        return project
    names = [p.name for p in projects.PROJECTS.all(uow, limit=200) if person.may(p.name, Right.EDIT)]
    if not own_name and not chosen_name and len(names) == 1:
        return names[0]
    near = nearest(own_name or chosen_name, names)
    raise refuse(
        Code.NOT_FOUND,
        f"there is no project {own_name or chosen_name or '(none is named)'} that {person.user} may use"
        + (f"; did you mean {near}?" if near else ""),
        next_step=f"Create it, or name one with ?project=: {', '.join(names[:10])}.",
    )


def exists(uow: Reading, kind: Kind, project: str, tree: Json) -> bool:
    """Whether the object that a document is about is there."""
    name = str(tree.get("name") or "")
    if kind is Kind.CUSTOM_INTEGRATIONS and tree.get("version"):
        return integration_versions.exists(uow, project, tree)
    if kind is Kind.PROJECTS:
        return projects.PROJECTS.one(uow, name=name) is not None
    return TABLES[kind].one(uow, project=project, name=name) is not None


def _failed(item: Item, error: Refused) -> Json:
    problem = error.problem
    sentence = " ".join(part for part in (problem.message + ".", problem.next_step) if part).replace("..", ".")
    return {
        "name": str(item.tree.get("name") or ""),
        "kind": str(item.tree.get("kind") or ""),
        "project": str(item.tree.get("project") or ""),
        "id": "",
        "status": "FAILED",
        "statusMessage": sentence,
        "changed": [],
        "warnings": [],
        "flaws": [flaw.model_dump(mode="json", exclude_none=True) for flaw in problem.flaws],
        "willNotRun": [],
        "needsSecrets": [],
        "lacks": [],
    }
