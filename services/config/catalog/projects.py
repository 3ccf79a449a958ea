"""Projects: a team's room, with its administrators, members and viewers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from services.config.model.definitions import Project
from services.config.model.people import Person
from services.config.model.rights import ProjectRole, Right
from services.config.resource import chosen
from services.config.store import Reading, UnitOfWork
from services.config.store.definitions import people, uses
from services.config.store.definitions import projects as projects_store
from shared.contracts.base import Json
from shared.contracts.catalog import Act, Document, Find, Get, Kind, Page
from shared.contracts.problems import Code, refuse

from . import audit
from .base import demand, tags_of
from .context import new_id
from .documents import ORGANISATION, common, demand_known, name_of, name_taken, text
from .following import source

_ROLE_LISTS = {
    "administrators": ProjectRole.ADMINISTRATOR,
    "members": ProjectRole.MEMBER,
    "viewers": ProjectRole.VIEWER,
}


_FIELDS = frozenset({"name", "description", "tags", *_ROLE_LISTS})

_SourceVerb = Callable[[UnitOfWork, Person, Project, Act], Document]
_SOURCE_VERBS: dict[str, _SourceVerb] = {"follow": source.follow, "unfollow": source.unfollow, "sync": source.sync}


def _sourcing(change: _SourceVerb) -> Callable[[UnitOfWork, Person, Act], Document]:
    return lambda uow, person, ask: change(uow, person, _locate(uow, person, ask), ask)


class Projects:
    """The kind `projects`."""

    def __init__(self) -> None:
        self._verbs = {
            "create": self._create,
            "replace": self._change,
            "patch": self._change,
            "delete": self._delete,
            **{verb: _sourcing(change) for verb, change in _SOURCE_VERBS.items()},
        }

    def find(self, uow: Reading, person: Person, ask: Find) -> Page:
        """One page of the projects that the person may read; none is an answer too."""
        visible = person.visible_projects()
        table = projects_store.PROJECTS
        where = () if visible is None else (table.column("name").in_(sorted(visible)),)
        values, total = table.page(uow, ask, *where)
        return Page(documents=tuple(_documents(uow, values)), total=total)

    def get(self, uow: Reading, person: Person, ask: Get) -> Document:
        """One project; with `options.source` which repository its definitions come from."""
        if ask.options.get("source"):
            return Document(document=source.document(uow, _locate(uow, person, ask)))
        return Document(document=_documents(uow, [_locate(uow, person, ask)])[0])

    def act(self, uow: UnitOfWork, person: Person, ask: Act) -> Document:
        """Create and delete are for administrators of the installation; a project's own may change its people."""
        return chosen(self._verbs, ask)(uow, person, ask)

    def _create(self, uow: UnitOfWork, person: Person, ask: Act) -> Document:
        person.demand_administrator("create projects")
        demand_known(ask.body, "project", _FIELDS, {})
        name = name_of(ask.body, "project")
        if projects_store.PROJECTS.one(uow, name=name) is not None:
            raise name_taken(f"there is a project {name} already", name)
        project = make_project(uow, person.user, name, text(ask.body, "description"), tags_of(ask.body))
        roles = _roles(uow, ask.body, {})
        if not any(role is ProjectRole.ADMINISTRATOR for role in roles.values()) and person.user_id:
            roles[person.user_id] = ProjectRole.ADMINISTRATOR
        _set(uow, name, roles)
        document = _documents(uow, [project])[0]
        audit.record(uow, person, "create", Kind.PROJECTS, None, document)
        return Document(document=document)

    def _change(self, uow: UnitOfWork, person: Person, ask: Act) -> Document:
        old = _locate(uow, person, ask)
        demand(uow, person, old.name, Right.RESTRICTED, "change the people")
        name = text(ask.body, "name", old.name).strip()
        if name != old.name:
            raise refuse(
                Code.INVALID,
                f"project {old.name} cannot be renamed: its name is the address of all that is in it",
                subject=old.id,
                next_step="Create a new project, export from this one and import there.",
            )
        new = replace(
            old,
            description=text(ask.body, "description", old.description),
            tags=tags_of(ask.body, old.tags),
            version=old.version + 1,
            updated_at=uow.now,
            updated_by=person.user,
        )
        before = _documents(uow, [old])[0]
        demand_known(ask.body, "project", _FIELDS, before)
        projects_store.PROJECTS.update(uow, new)
        if any(key in ask.body for key in _ROLE_LISTS):
            _set(uow, old.name, _roles(uow, ask.body, _current(uow, old.name)))
        document = _documents(uow, [new])[0]
        audit.record(uow, person, ask.verb, Kind.PROJECTS, before, document)
        return Document(document=document)

    def _delete(self, uow: UnitOfWork, person: Person, ask: Act) -> Document:
        old = _locate(uow, person, ask)
        person.demand_administrator("delete projects")
        inside = uses.contents_of_project(uow, old.name)
        if inside:
            raise refuse(
                Code.IN_USE,
                f"cannot delete project {old.name}: it still has {', '.join(inside)}",
                subject=old.id,
                next_step="Delete what is in it first.",
            )
        document = _documents(uow, [old])[0]
        projects_store.PROJECTS.delete(uow, id=old.id)
        audit.record(uow, person, "delete", Kind.PROJECTS, document, None)
        return Document(document=document)


def make_project(uow: UnitOfWork, by: str, name: str, description: str, tags: list[str]) -> Project:
    """A new project without people."""
    project = Project(
        id=new_id(),
        name=name,
        description=description,
        tags=tags,
        created_at=uow.now,
        updated_at=uow.now,
        created_by=by,
        updated_by=by,
    )
    return projects_store.PROJECTS.insert(uow, project)


def _locate(uow: Reading, person: Person, ask: Act | Get) -> Project:
    table = projects_store.PROJECTS
    key = ask.id or ask.name or ask.project
    project = table.one(uow, id=key) or table.one(uow, name=key)
    if project is None or not person.may(project.name, Right.READ):
        raise refuse(Code.NOT_FOUND, f"there is no project {key}", subject=key)
    return project


def _documents(uow: Reading, projects: Sequence[Project]) -> list[Json]:
    lists: dict[str, dict[str, list[Json]]] = {p.name: {key: [] for key in _ROLE_LISTS} for p in projects}
    by_role = {role.value: key for key, role in _ROLE_LISTS.items()}
    for member in projects_store.members(uow, [p.name for p in projects]):
        entry = {"email": member.email or member.user, "name": member.user, "type": "user"}
        lists[member.project][by_role[member.role]].append(entry)
    return [
        {
            **common(project, kind="PROJECT", collection=Kind.PROJECTS.value),
            "orgId": ORGANISATION,
            **lists[project.name],
            "constraints": {},
            "properties": {},
            "operationTimeout": 0,
            "sharedResources": True,
        }
        for project in projects
    ]


def _current(uow: Reading, project: str) -> dict[str, ProjectRole]:
    return {
        user.id: ProjectRole(member.role)
        for member in projects_store.members(uow, [project])
        if (user := people.find_user(uow, member.user)) is not None
    }


def _roles(uow: Reading, body: Mapping[str, Any], current: dict[str, ProjectRole]) -> dict[str, ProjectRole]:
    """Roles by user id after a body; a list that it does not name stays."""
    named = {role for key, role in _ROLE_LISTS.items() if key in body}
    roles = {user_id: role for user_id, role in current.items() if role not in named}
    # The strongest list is read last, so that it wins for somebody who is in several.
    for key, role in reversed(_ROLE_LISTS.items()):
        entries = body.get(key) or []
        if not isinstance(entries, list):
            raise refuse(Code.INVALID, f"{key} must be a list of people", subject=key)
        for entry in entries:
            member = str(entry.get("email") or entry.get("name") or "") if isinstance(entry, dict) else str(entry)
            user = people.find_user(uow, member)
            if user is None:
                raise refuse(
                    Code.INVALID,
                    f"there is no user with the name or e-mail address {member!r}",
                    subject=key,
                    next_step="Create the user first.",
                )
            roles[user.id] = role
    return roles


def _set(uow: UnitOfWork, project: str, roles: dict[str, ProjectRole]) -> None:
    projects_store.set_members(uow, project, {user_id: role.value for user_id, role in roles.items()})
