"""Who may do what: the matrix of service role and project role, as one table. Pure."""

from __future__ import annotations

from enum import IntEnum, StrEnum


class ServiceRole(StrEnum):
    """What a user is in the whole installation."""

    ADMINISTRATOR = "Administrator"
    DEVELOPER = "Developer"
    EXECUTOR = "Executor"
    VIEWER = "Viewer"
    USER = "User"


class ProjectRole(StrEnum):
    """What a user is in one project."""

    ADMINISTRATOR = "Administrator"
    MEMBER = "Member"
    VIEWER = "Viewer"


class Right(IntEnum):
    """What a person may do in a project; each includes those before it."""

    NOTHING = 0
    READ = 1
    EXECUTE = 2
    """Start, cancel, pause, resume, rerun."""
    EDIT = 3
    """Create, change and delete what is not restricted."""
    RESTRICTED = 4
    """Everything, restricted endpoints and variables and the project's people included."""


class TokenAccess(StrEnum):
    """What an API token lets its owner do at most."""

    EVERYTHING = "everything"
    RUN = "run"
    READ = "read"


MOST_BY_TOKEN: dict[TokenAccess, Right] = {
    TokenAccess.EVERYTHING: Right.RESTRICTED,
    TokenAccess.RUN: Right.EXECUTE,
    TokenAccess.READ: Right.READ,
}
"""The right in a project that a token leaves of its owner's."""

_N, _R, _X, _E, _A = Right.NOTHING, Right.READ, Right.EXECUTE, Right.EDIT, Right.RESTRICTED
_COLUMNS = (
    ServiceRole.ADMINISTRATOR,
    ServiceRole.DEVELOPER,
    ServiceRole.EXECUTOR,
    ServiceRole.VIEWER,
    ServiceRole.USER,
)
_ROWS: dict[ProjectRole | None, tuple[Right, ...]] = {
    # service role:             Admin Devel Exec View User
    None: (_A, _E, _X, _R, _N),
    ProjectRole.ADMINISTRATOR: (_A, _A, _A, _A, _A),
    ProjectRole.MEMBER: (_A, _E, _E, _E, _E),
    ProjectRole.VIEWER: (_A, _E, _X, _R, _R),
}
MATRIX: dict[tuple[ServiceRole, ProjectRole | None], Right] = {
    (service, project): right for project, row in _ROWS.items() for service, right in zip(_COLUMNS, row, strict=True)
}
"""The whole of it. No project role means: not in the project."""

WORDS: dict[Right, str] = {
    Right.NOTHING: "do nothing",
    Right.READ: "read",
    Right.EXECUTE: "run pipelines",
    Right.EDIT: "change definitions",
    Right.RESTRICTED: "change restricted objects and people",
}


def right_in(service: ServiceRole, project: ProjectRole | None) -> Right:
    """What these two roles together allow within a project."""
    return MATRIX[(service, project)]
