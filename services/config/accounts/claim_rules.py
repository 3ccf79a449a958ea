"""Which roles and groups somebody has by what a sign-in provider says of them: rules over claims. Pure.

A person is let in when at least one rule matches, and gets what all matching rules grant together: the highest service
role, the highest role in each project, every group. What no rule of the provider speaks of stays as people set it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from services.config.model.rights import ProjectRole, ServiceRole
from shared.contracts.base import Json

_SERVICE_ORDER = tuple(ServiceRole)
_PROJECT_ORDER = tuple(ProjectRole)
"""Both from the highest."""


@dataclass(frozen=True, slots=True)
class ClaimRule:
    """`claim` is a path of names with dots between (`realm_access.roles`); blank matches everybody.

    `value` must be the claim's, or in its list; blank matches everybody who has the claim at all.
    """

    claim: str = ""
    value: str = ""
    service_role: ServiceRole | None = None
    projects: Mapping[str, ProjectRole] = field(default_factory=dict)
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Grants:
    """What the matching rules give; None and absent: no rule of the provider speaks of it."""

    matched: tuple[int, ...]
    """The rules that matched, counted from 0."""
    service_role: ServiceRole | None
    projects: Mapping[str, ProjectRole | None]
    """By every project that a rule of the provider names; None: no role there."""
    groups: tuple[str, ...] | None


def grants(rules: Sequence[ClaimRule], claims: Json) -> Grants | None:
    """What somebody with these claims gets; None when no rule lets them in."""
    matched = tuple(position for position, rule in enumerate(rules) if _matches(rule, claims))
    if not matched:
        return None
    matching = [rules[position] for position in matched]
    speaks_of_roles = any(rule.service_role for rule in rules)
    speaks_of_groups = any(rule.groups for rule in rules)
    role = _highest(_SERVICE_ORDER, (rule.service_role for rule in matching)) or ServiceRole.USER
    names = dict.fromkeys(name for rule in rules for name in rule.projects)
    return Grants(
        matched,
        role if speaks_of_roles else None,
        {name: _highest(_PROJECT_ORDER, (rule.projects.get(name) for rule in matching)) for name in names},
        tuple(dict.fromkeys(group for rule in matching for group in rule.groups)) if speaks_of_groups else None,
    )


def _matches(rule: ClaimRule, claims: Json) -> bool:
    if not rule.claim:
        return True
    values = _values(claims, rule.claim)
    return rule.value in values if rule.value else bool(values)


def _values(claims: Json, path: str) -> list[str]:
    """What a claim says, as texts. A name that holds dots itself, as in `https://acme.example/groups`, comes first."""
    value: Any = claims.get(path)
    if value is None:
        value = claims
        for name in path.split("."):
            value = value.get(name) if isinstance(value, dict) else None
    values = value if isinstance(value, list) else [value]
    return [_text(each) for each in values if isinstance(each, str | int | float | bool)]


def _text(value: str | float | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _highest(order: Sequence[Any], roles: Iterable[Any]) -> Any:
    present = set(roles)
    return next((role for role in order if role in present), None)
