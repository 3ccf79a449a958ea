"""Whom one may name, and what roles allow, for pickers and previews. Nothing is changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from services.config.catalog.documents import texts
from services.config.model.people import Person
from services.config.model.rights import WORDS, ProjectRole, Right, ServiceRole, right_in
from services.config.store import Reading
from services.config.store.definitions import people, projects
from shared.contracts.base import Json
from shared.contracts.problems import Code, refuse

MOST = 20
MOST_NAMED = 500
MOST_PROJECTS = 1_000
LISTS = {
    "administrators": ProjectRole.ADMINISTRATOR,
    "members": ProjectRole.MEMBER,
    "viewers": ProjectRole.VIEWER,
}
"""A project's lists of people, the strongest first."""


def suggestions(uow: Reading, person: Person, part: str, of: str) -> Json:
    """Names of people, groups or projects that hold a text: for who may name them in a definition."""
    if not person.may_somewhere(Right.EDIT):
        raise refuse(
            Code.FORBIDDEN,
            f"{person.user} may not look people up: that is for who changes definitions",
            subject=person.user,
            next_step="Ask an administrator of a project to make you a member.",
        )
    if of == "projects":
        return {"names": _projects_like(uow, person, part)}
    names = [] if of == "groups" else people.names_like(uow, part, MOST)
    groups = people.groups_like(uow, part, MOST) if of in ("groups", "people and groups") else []
    return {"names": [*names, *groups]}


def _projects_like(uow: Reading, person: Person, part: str) -> list[str]:
    visible, key = person.visible_projects(), part.strip().casefold()
    names = (project.name for project in projects.PROJECTS.all(uow, limit=MOST_PROJECTS))
    return sorted(name for name in names if key in name.casefold() and (visible is None or name in visible))[:MOST]


def matrix() -> Json:
    """What each service role may do in a project, by the role there; blank for none."""
    project_roles = (None, *reversed(ProjectRole))
    return {
        "projectRoles": [role.value if role else "" for role in project_roles],
        "rows": [
            {
                "serviceRole": service.value,
                "rights": [right_in(service, role).name for role in project_roles],
            }
            for service in ServiceRole
        ],
        "words": {right.name: WORDS[right] for right in Right},
    }


def would_in_project(uow: Reading, lists: Mapping[str, Any]) -> Json:
    """What the people of these lists could do in a project; somebody whom nobody knows has no right."""
    rows: dict[str, Json] = {}
    for key, role in LISTS.items():
        for name in texts(lists, key)[:MOST_NAMED]:
            user = people.find_user(uow, name)
            user_name = user.name if user else name
            if user_name in rows:
                continue
            right = right_in(ServiceRole(user.service_role), role) if user else Right.NOTHING
            rows[user_name] = {
                "name": user_name,
                "serviceRole": user.service_role if user else "",
                "projectRole": role.value,
                "right": right.name,
                "words": WORDS[right],
                "known": user is not None,
                "enabled": bool(user and user.enabled),
            }
    return {"people": list(rows.values())}


def would_everywhere(uow: Reading, user_id: str, service_role: str) -> Json:
    """What a user could do in each project with that service role, beside the roles that they have there."""
    try:
        service = ServiceRole(service_role)
    except ValueError:
        raise refuse(Code.INVALID, f"there is no service role {service_role!r}", subject="serviceRole") from None
    roles = people.project_roles(uow, user_id) if user_id else {}
    others = right_in(service, None)
    rows = [
        {"project": project.name, "projectRole": roles[project.name].value, "words": WORDS[right_in(service, role)]}
        for project in projects.PROJECTS.all(uow, limit=MOST_NAMED)
        if (role := roles.get(project.name)) is not None
    ]
    return {"projects": rows, "others": WORDS[others], "administers": service is ServiceRole.ADMINISTRATOR}
