"""Persons: for whom a command or query is made, with everything that rights are decided from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from shared.contracts.problems import Code, Refused, refuse

from .rights import WORDS, ProjectRole, Right, ServiceRole, right_in


@dataclass(frozen=True, slots=True)
class Person:
    """A user as of this unit of work. `system` is Portside itself and may do everything."""

    user: str
    service_role: ServiceRole = ServiceRole.USER
    project_roles: Mapping[str, ProjectRole] = field(default_factory=dict)
    """By project name."""
    email: str = ""
    user_id: str = ""
    token_id: str | None = None
    groups: tuple[str, ...] = ()
    only_project: str | None = None
    """Acting by an API token that is narrowed to this project."""
    at_most: Right = Right.RESTRICTED
    """What the API token by which the person acts leaves of their rights."""
    from_git: bool = False
    """Writes what the commit says that a project follows, and so what nobody else may write there."""

    @property
    def is_narrowed(self) -> bool:
        """Whether the person acts by a token that leaves only a part of their rights."""
        return self.only_project is not None or self.at_most < Right.RESTRICTED

    @property
    def administers(self) -> bool:
        """Whether this person administers the whole installation."""
        return self.service_role is ServiceRole.ADMINISTRATOR and not self.is_narrowed

    def token_allows(self, project: str, right: Right) -> bool:
        """Whether the token by which the person acts, if any, leaves this right."""
        return self.only_project in (None, project) and right <= self.at_most

    def right(self, project: str) -> Right:
        """What this person may do in the project."""
        if not self.token_allows(project, Right.NOTHING):
            return Right.NOTHING
        return min(self.at_most, right_in(self.service_role, self.project_roles.get(project)))

    def may_somewhere(self, right: Right) -> bool:
        """Whether this person may do that in any project."""
        projects = self.project_roles if self.only_project is None else (self.only_project,)
        in_all = self.only_project is None and min(self.at_most, right_in(self.service_role, None)) >= right
        return in_all or any(self.may(project, right) for project in projects)

    def may(self, project: str, right: Right) -> bool:
        """Whether this person may do that in the project."""
        return self.right(project) >= right

    def visible_projects(self) -> frozenset[str] | None:
        """The projects this person may read; None means all of them."""
        if self.only_project is not None:
            return frozenset({self.only_project} if self.may(self.only_project, Right.READ) else ())
        if right_in(self.service_role, None) >= Right.READ:
            return None
        return frozenset(name for name in self.project_roles if self.may(name, Right.READ))

    def demand(self, project: str, right: Right, action: str, *, ask: Iterable[str] = ()) -> None:
        """Refuse unless this person may; `what` completes "ann may not …", `ask` names who could grant it."""
        if self.may(project, right):
            return
        raise forbidden(self, f"{action} in project {project}", right, ask)

    def demand_whole(self, action: str) -> None:
        """Refuse who acts by a narrowed token: it would widen itself."""
        if self.is_narrowed:
            raise refuse(
                Code.FORBIDDEN,
                f"{self.user} may not {action} by an API token that is narrowed to a project, to running or to reading",
                subject=self.user,
                next_step="Sign in with your password, or use an API token with all of your rights.",
            )

    def demand_administrator(self, action: str) -> None:
        """Refuse unless this person administers the installation."""
        self.demand_whole(action)
        if not self.administers:
            raise refuse(
                Code.FORBIDDEN,
                f"{self.user} may not {action}: that needs the service role Administrator",
                subject=self.user,
                next_step="Ask an administrator of this installation.",
            )


SYSTEM = Person(user="system", service_role=ServiceRole.ADMINISTRATOR)


def forbidden(person: Person, action: str, right: Right, ask: Iterable[str] = ()) -> Refused:
    """The refusal of a right, with whom to ask by name."""
    names = ", ".join(ask)
    return refuse(
        Code.FORBIDDEN,
        f"{person.user} may not {action}: that needs the right to {WORDS[right]}",
        subject=person.user,
        next_step=f"Ask {names}." if names else "Ask an administrator of the project.",
    )
