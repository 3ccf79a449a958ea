"""What a new installation starts with: its id, one project and one administrator."""

from __future__ import annotations

import secrets

from services.config.people import SYSTEM
from services.config.rights import ProjectRole, ServiceRole
from services.config.store import UnitOfWork, catalog_people, catalog_projects, catalog_settings

from .projects import make_project
from .users import make_user

FIRST_PROJECT = "default"
FIRST_USER = "admin"


def ensure_first(uow: UnitOfWork, password: str | None) -> None:
    """Make what is missing; harmless when all is there. `password` as `hash_password` gives it."""
    if not catalog_settings.setting(uow, "installation"):
        catalog_settings.set_setting(uow, "installation", secrets.token_hex(4))
    if not catalog_projects.PROJECTS.all(uow, limit=1):
        make_project(uow, SYSTEM.user, FIRST_PROJECT, "The first project", [])
    if catalog_people.USERS.all(uow, limit=1):
        return
    user = make_user(uow, SYSTEM.user, FIRST_USER, role=ServiceRole.ADMINISTRATOR, password=password)
    catalog_projects.set_members(uow, FIRST_PROJECT, {user.id: ProjectRole.ADMINISTRATOR.value})
