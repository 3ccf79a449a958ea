"""What all kinds within a project share: finding, rights, names that are taken, deletion, the audit line."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Generic, TypeVar

from services.config.model.definitions import InProject
from services.config.model.people import Person
from services.config.model.rights import Right
from services.config.resource import chosen
from services.config.store import Reading, UnitOfWork
from services.config.store.definitions import people as people_store
from services.config.store.definitions import projects as projects_store
from services.config.store.definitions.rows import Table
from shared.contracts.base import Json
from shared.contracts.catalog import Act, Document, Find, Get, Kind, Page
from shared.contracts.problems import Code, Refused, refuse
from shared.grammar.names import nearest

from . import audit, read_only
from .context import Context, new_id
from .documents import demand_known, name_taken

V = TypeVar("V", bound=InProject)
Verb = Callable[[UnitOfWork, Person, Act], Document]


class Scoped(Generic[V]):
    """A kind within projects. Subclasses say what is valid, what it looks like, and what a change sets off."""

    kind: Kind
    noun: str
    table: Table[V]
    file_fields: tuple[str, ...]
    """What a file holds of an object, in the order in which an export writes it."""
    settable: frozenset[str] | None = None
    """The fields that a body may set, any other being refused; None where Code Stream's clients send more."""
    computed: frozenset[str] = frozenset()
    """Of the others those that change by themselves: what was read of them may be sent back."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.verbs: dict[str, Verb] = {
            "create": self.create,
            "replace": self.replace,
            "patch": self.patch,
            "delete": self.delete,
        }

    # What the desk asks

    def find(self, uow: Reading, person: Person, ask: Find) -> Page:
        """One page of what the person may read."""
        values, total = self.table.page(uow, ask, *visible(uow, person, self.table))
        return Page(documents=tuple(self.documents(uow, values)), total=total)

    def get(self, uow: Reading, person: Person, ask: Get) -> Document:
        """One object."""
        return Document(document=self.document(uow, self.locate(uow, person, ask)))

    def act(self, uow: UnitOfWork, person: Person, ask: Act) -> Document:
        """A change, by its verb."""
        return chosen(self.verbs, ask)(uow, person, ask)

    # What a subclass says

    def documents(self, uow: Reading, values: Sequence[V]) -> list[Json]:
        """The wire documents of these values."""
        raise NotImplementedError

    def new_value(self, uow: UnitOfWork, person: Person, ask: Act, project: str) -> V:
        """A new value out of a create; `stamp` gives the common fields."""
        raise NotImplementedError

    def changed_value(self, uow: UnitOfWork, person: Person, ask: Act, old: V, *, partial: bool) -> V:
        """The value after a replace or a patch."""
        raise NotImplementedError

    def is_restricted(self, value: V) -> bool:
        """Whether only administrators may change it."""
        return False

    def users_of(self, uow: Reading, value: V) -> list[str]:
        """What refers to it, in words; a deletion is refused while there is any."""
        return []

    def after_change(self, uow: UnitOfWork, person: Person, before: V | None, after: V | None) -> V | None:
        """What a change sets off; may answer with the value that results."""
        return after

    def in_file(self, document: Json) -> Json:
        """What a file holds of an object."""
        return {key: document[key] for key in self.file_fields}

    # What all share

    def document(self, uow: Reading, value: V) -> Json:
        """One wire document."""
        return self.documents(uow, [value])[0]

    def create(self, uow: UnitOfWork, person: Person, ask: Act) -> Document:
        """A new object; its name must be free in its project."""
        project = self.project_of_new(uow, person, ask)
        demand(uow, person, project, Right.EDIT, f"create {self.noun}s")
        self._demand_known(ask, {})
        value = self.new_value(uow, person, ask, project)
        if self.is_restricted(value):
            demand(uow, person, project, Right.RESTRICTED, f"create restricted {self.noun}s")
        self.demand_free(uow, value)
        self.table.insert(uow, value)
        value = self.after_change(uow, person, None, value) or value
        document = self.document(uow, value)
        self._demand_writable(uow, person, None, document)
        audit.record(uow, person, "create", self.kind, None, document)
        return Document(document=document)

    def project_of_new(self, uow: Reading, person: Person, ask: Act) -> str:
        """The project in which a create puts its object."""
        return choose_project(uow, person, str(ask.body.get("project") or ask.project or ""), self.noun)

    def replace(self, uow: UnitOfWork, person: Person, ask: Act) -> Document:
        """Replace the whole object."""
        return self.change(uow, person, ask, partial=False)

    def patch(self, uow: UnitOfWork, person: Person, ask: Act) -> Document:
        """Some fields of an object."""
        return self.change(uow, person, ask, partial=True)

    def change(self, uow: UnitOfWork, person: Person, ask: Act, *, partial: bool) -> Document:
        """The common way of replace and patch."""
        old = self.locate(uow, person, ask)
        self.demand_edit(uow, person, old, "change")
        if self.settable is not None:
            self._demand_known(ask, self.document(uow, old))
        other = str(ask.body.get("project") or "")
        if other and other != old.project and projects_store.ids(uow, [old.project]).get(old.project) != other:
            raise refuse(
                Code.INVALID,
                f"the {self.noun} {old.name} cannot move from project {old.project} to {other}",
                subject=old.id,
                next_step=f"Export it, import it into {other}, then delete this one.",
            )
        new = self.changed_value(uow, person, ask, old, partial=partial)
        return self.save(uow, person, old, new, ask.verb)

    def save(self, uow: UnitOfWork, person: Person, old: V, new: V, verb: str) -> Document:
        """Write a changed value, with everything that follows."""
        if self.is_restricted(new) and not self.is_restricted(old):
            demand(uow, person, new.project, Right.RESTRICTED, f"restrict {self.noun}s")
        new = replace(new, version=old.version + 1, updated_at=uow.now, updated_by=person.user)
        if new.name != old.name:
            self.demand_free(uow, new)
            self.demand_unused(uow, old, "rename")
        before = self.document(uow, old)
        self.table.update(uow, new)
        new = self.after_change(uow, person, old, new) or new
        document = self.document(uow, new)
        self._demand_writable(uow, person, before, document)
        audit.record(uow, person, verb, self.kind, before, document)
        return Document(document=document)

    def delete(self, uow: UnitOfWork, person: Person, ask: Act) -> Document:
        """Remove an object that nothing refers to; answers with it as it was."""
        old = self.locate(uow, person, ask)
        self.demand_edit(uow, person, old, "delete")
        document = self.document(uow, old)
        self._demand_writable(uow, person, document, None)
        self.demand_unused(uow, old, "delete")
        self.after_change(uow, person, old, None)
        self.table.delete(uow, id=old.id)
        audit.record(uow, person, "delete", self.kind, document, None)
        return Document(document=document)

    def locate(self, uow: Reading, person: Person, ask: Act | Get) -> V:
        """The object that is meant, by id or by project and name; what may not be read is not there."""
        if ask.id:
            value = self.table.one(uow, id=ask.id)
        else:
            project = project_named(uow, ask.project) or ask.project
            value = self.table.one(uow, project=project, name=ask.name)
        if value is None or not person.may(value.project, Right.READ):
            raise self.not_found(uow, person, ask)
        return value

    def not_found(self, uow: Reading, person: Person, ask: Act | Get) -> Refused:
        """Says what is missing, and the nearest name that exists."""
        if ask.id:
            return refuse(Code.NOT_FOUND, f"there is no {self.noun} with the id {ask.id}", subject=ask.id)
        near = nearest(ask.name, self.table.names(uow, ask.project)) if person.may(ask.project, Right.READ) else None
        return refuse(
            Code.NOT_FOUND,
            f"there is no {self.noun} {ask.name} in project {ask.project}",
            subject=ask.name,
            next_step=f"Did you mean {near}?" if near else "",
        )

    def demand_edit(self, uow: Reading, person: Person, value: V, action: str) -> None:
        """Refuse who may not change this one."""
        restricted = self.is_restricted(value)
        right = Right.RESTRICTED if restricted else Right.EDIT
        demand(uow, person, value.project, right, f"{action} {'the restricted ' if restricted else ''}{self.noun}s")

    def _demand_known(self, ask: Act, stored: Json) -> None:
        """Refuse a field that would be ignored, of a kind that has none such."""
        if self.settable is not None:
            demand_known(ask.body, self.noun, self.settable, stored, self.computed)

    def _demand_writable(self, uow: Reading, person: Person, before: Json | None, after: Json | None) -> None:
        """Refuse what only a commit may change."""
        old, new = (self.in_file(document) if document else None for document in (before, after))
        read_only.demand_writable(uow, person, self.kind, self.noun, old, new)

    def demand_free(self, uow: Reading, value: V) -> None:
        """Refuse a name that another object of the kind has in the project."""
        other = self.table.one(uow, project=value.project, name=value.name)
        if other is not None and other.id != value.id:
            raise name_taken(f"project {value.project} already has {self.noun} {value.name}", other.id)

    def demand_unused(self, uow: Reading, value: V, action: str) -> None:
        """Refuse while something refers to the object by its name."""
        users = self.users_of(uow, value)
        if users:
            names = ", ".join(users[:10]) + (f" and {len(users) - 10} more" if len(users) > 10 else "")
            raise refuse(
                Code.IN_USE,
                f"cannot {action} {self.noun} {value.name}: {names} refers to it"
                if len(users) == 1
                else f"cannot {action} {self.noun} {value.name}: {names} refer to it",
                subject=value.id,
                next_step="Change or delete what refers to it first.",
            )

    def stamp(self, uow: Reading, person: Person, project: str, name: str, body: Mapping[str, Any]) -> Json:
        """The common fields of a new value."""
        return {
            "id": new_id(),
            "project": project,
            "name": name,
            "description": str(body.get("description") or ""),
            "tags": tags_of(body),
            "created_at": uow.now,
            "updated_at": uow.now,
            "created_by": person.user,
            "updated_by": person.user,
        }


def tags_of(body: Mapping[str, Any], default: Sequence[str] = ()) -> list[str]:
    """The tags of a body."""
    value = body.get("tags")
    if value is None:
        return list(default)
    return [str(item) for item in value] if isinstance(value, list | tuple) else [str(value)]


def readable(uow: Reading, person: Person) -> frozenset[str] | None:
    """The projects whose objects the person may list; None means all. Refused for who is in no project at all."""
    projects = person.visible_projects()
    if projects is not None and not projects:
        raise homeless(uow, person)
    return projects


def visible(uow: Reading, person: Person, table: Table[Any]) -> tuple[Any, ...]:
    """The condition that leaves what the person may read; refused for who is in no project at all."""
    projects = readable(uow, person)
    return () if projects is None else (table.column("project").in_(sorted(projects)),)


def homeless(uow: Reading, person: Person) -> Refused:
    """The refusal for somebody who is in no project: whom to ask, by name."""
    names = ", ".join(people_store.administrators(uow))
    return refuse(
        Code.FORBIDDEN,
        f"{person.user} is in no project yet, so there is nothing to see",
        subject=person.user,
        next_step=f"Ask {names} to add you to a project." if names else "Ask an administrator to add you to a project.",
    )


def demand(uow: Reading, person: Person, project: str, right: Right, action: str) -> None:
    """Refuse unless the person may, naming who could grant it."""
    if not person.may(project, right):
        people = [m.user for m in projects_store.members(uow, [project]) if m.role == "Administrator"]
        person.demand(project, right, action, ask=people or people_store.administrators(uow))


def project_named(uow: Reading, key: str) -> str | None:
    """A project's name, given its name or its id."""
    if not key:
        return None
    project = projects_store.PROJECTS.one(uow, name=key) or projects_store.PROJECTS.one(uow, id=key)
    return project.name if project else None


def choose_project(uow: Reading, person: Person, key: str, noun: str) -> str:
    """The project of a new object: the one that is named, else the only one that the person can mean."""
    if key:
        name = project_named(uow, key)
        if name is None or not person.may(name, Right.READ):
            raise refuse(Code.NOT_FOUND, f"there is no project {key} that {person.user} may use", subject=key)
        return name
    names = [p.name for p in projects_store.PROJECTS.all(uow, limit=50) if person.may(p.name, Right.EDIT)]
    if len(names) == 1:
        return names[0]
    if not names:
        raise homeless(uow, person)
    raise refuse(
        Code.INVALID,
        f"the {noun} names no project: project is required",
        subject="project",
        next_step=f"Use one of: {', '.join(names[:10])}.",
    )
