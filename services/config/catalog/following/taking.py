"""A project becomes what a commit says: every object of it, or nothing."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from services.config.catalog import read_only
from services.config.catalog.transfer.exporting import TABLES, Resources, noun
from services.config.catalog.transfer.importing import ORDER, endpoint_types, exists, take_item
from services.config.catalog.transfer.outcomes import will_not_run
from services.config.model.definitions import DefinitionSource
from services.config.model.people import Person
from services.config.store import Reading, UnitOfWork
from shared.contracts.base import Json
from shared.contracts.catalog import Act, Get, Kind
from shared.contracts.definition_sources import SourceFile
from shared.contracts.problems import Refused
from shared.contracts.secrets import SECRET_VARIABLE_TYPES

from .files import FileFlaw, FileObject, flaws_of, read

NO_PRUNE = "its file is gone; an object goes with its file where prune is on"
NEVER_PRUNED = "its file is gone; a version of a custom integration stays until it is deleted"


@dataclass(slots=True)
class CommitOutcome:
    """What a commit did to a project, or why it did nothing."""

    flaws: list[FileFlaw] = field(default_factory=list)
    objects: list[Json] = field(default_factory=list)
    kept: list[Json] = field(default_factory=list)
    created: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)

    @property
    def moved(self) -> bool:
        """Whether anything differs from before."""
        return bool(self.created or self.changed or self.deleted)


class _Undone(Exception):
    """Takes back what a broken commit has written so far."""


def take(
    uow: UnitOfWork, person: Person, resources: Resources, source: DefinitionSource, files: Sequence[SourceFile]
) -> CommitOutcome:
    """Make the project what these files say; with any flaw nothing changes."""
    objects, flaws = read(files, source.project)
    taken = CommitOutcome(flaws=flaws, objects=[file_object.entry for file_object in objects])
    if flaws:
        return taken
    with suppress(_Undone), uow.savepoint():
        _write(uow, person, resources, source, objects, taken)
        if taken.flaws:
            raise _Undone
        _remove(uow, person, resources, source, taken)
        _examine(uow, person, resources, source.project, taken)
    return taken


def _write(
    uow: UnitOfWork,
    person: Person,
    resources: Resources,
    source: DefinitionSource,
    objects: Sequence[FileObject],
    taken: CommitOutcome,
) -> None:
    digests = {(entry["kind"], entry["name"], entry["version"]): entry["digest"] for entry in source.objects}
    import_act = Act(kind=Kind.PIPELINES, verb="import", options={"project": source.project, "exact": True})
    for file_object in sorted(objects, key=lambda file_object: ORDER.index(file_object.kind)):
        tree = file_object.item.tree
        is_there = exists(uow, file_object.kind, source.project, tree)
        if is_there and digests.get(file_object.key) == file_object.digest:
            continue
        _without_secret_value(file_object)
        try:
            with uow.savepoint():
                take_item(uow, person, resources, import_act, file_object.item)
        except Refused as error:
            taken.flaws += flaws_of(file_object.file, error.problem, file_object.item)
            continue
        (taken.changed if is_there else taken.created).append(f"{noun(file_object.kind)} {file_object.name}")


def _without_secret_value(file_object: FileObject) -> None:
    """A secret's value is given here alone: an empty one in a file must not take it away."""
    tree = file_object.item.tree
    if file_object.kind is Kind.VARIABLES and str(tree.get("type") or "").upper() in SECRET_VARIABLE_TYPES:
        tree.pop("value", None)


def _remove(
    uow: UnitOfWork, person: Person, resources: Resources, source: DefinitionSource, taken: CommitOutcome
) -> None:
    """Objects whose files are gone, those that refer to others first; what cannot go is kept with the reason."""
    in_git = {(entry["kind"], entry["name"]) for entry in taken.objects}
    before = [(entry["kind"], entry["name"], entry["version"]) for entry in source.objects]
    before += [(entry["kind"], entry["name"], "") for entry in source.kept]
    lost = {(kind, name): version for kind, name, version in before if (kind, name) not in in_git}
    waiting = [
        (Kind(kind), name, version)
        for (kind, name), version in sorted(lost.items(), key=lambda pair: -ORDER.index(Kind(pair[0][0])))
        if TABLES[Kind(kind)].one(uow, project=source.project, name=name) is not None
    ]
    reasons: dict[tuple[str, str], str] = {}
    while waiting:
        remaining = []
        for kind, name, version in waiting:
            reason = NEVER_PRUNED if version else NO_PRUNE
            if source.prune and not version:
                reason = _delete(uow, person, resources, source.project, kind, name)
            if reason:
                reasons[kind.value, name] = reason
                remaining.append((kind, name, version))
            else:
                reasons.pop((kind.value, name), None)
                taken.deleted.append(f"{noun(kind)} {name}")
        if len(remaining) == len(waiting):
            break
        waiting = remaining
    taken.kept = [{"kind": kind, "name": name, "reason": reason} for (kind, name), reason in sorted(reasons.items())]


def _examine(uow: UnitOfWork, person: Person, resources: Resources, project: str, taken: CommitOutcome) -> None:
    """Only now is there everything that a pipeline may refer to: which of its tasks will not run."""
    for entry in taken.objects:
        if entry["kind"] == Kind.PIPELINES.value:
            ask = Get(kind=Kind.PIPELINES, project=project, name=entry["name"])
            document = resources[Kind.PIPELINES].get(uow, person, ask).document
            entry["willNotRun"] = will_not_run(document, endpoint_types(uow, project))


def _delete(uow: UnitOfWork, person: Person, resources: Resources, project: str, kind: Kind, name: str) -> str:
    """Why it cannot be deleted; empty once it is."""
    try:
        with uow.savepoint():
            resources[kind].act(uow, person, Act(kind=kind, verb="delete", project=project, name=name))
    except Refused as error:
        return f"its file is gone, but {error.problem.message}"
    return ""


def not_in_git(uow: Reading, source: DefinitionSource) -> list[Json]:
    """The project's definitions that no file of the commit names, with the reason."""
    reasons = {(entry["kind"], entry["name"]): entry["reason"] for entry in source.kept}
    return [
        {"kind": kind.value, "name": name, "reason": reasons.get((kind.value, name), "no file names it")}
        for kind in ORDER
        if kind in TABLES
        for name in TABLES[kind].names(uow, source.project)
        if read_only.entry_of(source, kind, name) is None and not (kind is Kind.ENDPOINTS and name == source.endpoint)
    ]
