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

    @property
    def administers(self) -> bool:
        """Whether this person administers the whole installation."""
        return self.service_role is ServiceRole.ADMINISTRATOR

    def right(self, project: str) -> Right:
        """What this person may do in the project."""
        return right_in(self.service_role, self.project_roles.get(project))

    def may(self, project: str, right: Right) -> bool:
        """Whether this person may do that in the project."""
        return self.right(project) >= right

    def visible_projects(self) -> frozenset[str] | None:
        """The projects this person may read; None means all of them."""
        if right_in(self.service_role, None) >= Right.READ:
            return None
        return frozenset(name for name in self.project_roles if self.may(name, Right.READ))

    def demand(self, project: str, right: Right, action: str, *, ask: Iterable[str] = ()) -> None:
        """Refuse unless this person may; `what` completes "ann may not …", `ask` names who could grant it."""
        if self.may(project, right):
            return
        raise forbidden(self, f"{action} in project {project}", right, ask)

    def demand_administrator(self, action: str) -> None:
        """Refuse unless this person administers the installation."""
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
