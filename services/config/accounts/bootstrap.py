"""What a new installation starts with: its id, one project and one administrator."""

from __future__ import annotations

import secrets

from services.config.catalog.projects import make_project
from services.config.model.people import SYSTEM
from services.config.model.rights import ProjectRole, ServiceRole
from services.config.store import Reading, UnitOfWork
from services.config.store.definitions import people, projects, settings

from .users import make_user

FIRST_PROJECT = "default"
FIRST_USER = "admin"


def ensure_first(uow: UnitOfWork, password: str | None) -> None:
    """Make what is missing; harmless when all is there. `password` as `hash_password` gives it."""
    if not settings.setting(uow, "installation"):
        settings.set_setting(uow, "installation", secrets.token_hex(4))
    if not projects.PROJECTS.all(uow, limit=1):
        make_project(uow, SYSTEM.user, FIRST_PROJECT, "The first project", [])
    if not lacks_users(uow):
        return
    user = make_user(uow, SYSTEM.user, FIRST_USER, role=ServiceRole.ADMINISTRATOR, password=password)
    projects.set_members(uow, FIRST_PROJECT, {user.id: ProjectRole.ADMINISTRATOR.value})


def lacks_users(uow: Reading) -> bool:
    """Whether the first administrator is still to be made."""
    return not people.USERS.all(uow, limit=1)
