"""Projects and who is in them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import bindparam, delete, insert, select

from services.config.model.definitions import Project
from services.config.store.unit_of_work import Reading, UnitOfWork
from services.config.tables.catalog import MemberRow, ProjectRow, UserRow

from .rows import Table, stamped_fields

PROJECTS = Table(ProjectRow, Project, wire=stamped_fields(ProjectRow))


@dataclass(frozen=True, slots=True)
class ProjectMember:
    """One person's role in one project."""

    project: str
    user: str
    email: str
    role: str


def ids(uow: Reading, names: Iterable[str]) -> dict[str, str]:
    """The ids of projects by name."""
    return {row.name: row.id for row in uow.connection.execute(_IDS, {"names": sorted(set(names))})}


_IDS = select(ProjectRow.name, ProjectRow.id).where(ProjectRow.name.in_(bindparam("names", expanding=True)))


def members(uow: Reading, projects: Iterable[str]) -> list[ProjectMember]:
    """Everybody in these projects, by name."""
    statement = (
        select(MemberRow.project, UserRow.name, UserRow.email, MemberRow.role)
        .join(UserRow, UserRow.id == MemberRow.user_id)
        .where(MemberRow.project.in_(sorted(set(projects))))
        .order_by(UserRow.name)
    )
    return [ProjectMember(*row) for row in uow.session.execute(statement)]


def set_role(uow: UnitOfWork, project: str, user_id: str, role: str | None) -> None:
    """One person's role in a project; None takes it away."""
    uow.session.execute(delete(MemberRow).where(MemberRow.project == project, MemberRow.user_id == user_id))
    if role is not None:
        uow.session.execute(insert(MemberRow), {"project": project, "user_id": user_id, "role": role})


def set_members(uow: UnitOfWork, project: str, roles: dict[str, str]) -> None:
    """Make these user ids, with these roles, the project's people."""
    uow.session.execute(delete(MemberRow).where(MemberRow.project == project))
    rows = [{"project": project, "user_id": user_id, "role": role} for user_id, role in roles.items()]
    if rows:
        uow.session.execute(insert(MemberRow), rows)
