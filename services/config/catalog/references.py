"""Endpoints and variables as a run needs them: looked up now, references filled in, secrets still sealed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from services.config.model.definitions import Endpoint, Variable
from services.config.store import Reading
from services.config.store.definitions.endpoints import ENDPOINTS, VARIABLES
from shared.contracts import runs
from shared.contracts.base import Sealed
from shared.contracts.secrets import RESTRICTED_TYPE, SECRET_VARIABLE_TYPES
from shared.grammar.plan import Plan

MARK = "${var."
"""How a reference to a variable begins."""
_REFERENCE = re.compile(r"\$\{var\.([^\s.${}\[\]'\"]+)\}")


def resolve_for_run(
    uow: Reading, project: str, plan: Plan, inputs: Mapping[str, Any] | None = None
) -> tuple[dict[str, runs.ResolvedEndpoint], dict[str, runs.ResolvedVariable]]:
    """What a plan may use, by name. What does not exist is left out: the task that needs it says so."""
    needs = plan.needs(inputs)
    stored = ENDPOINTS.named(uow, [(project, name) for name in needs.endpoints])
    names = set(needs.variables)
    for endpoint in stored.values():
        names |= referred(endpoint)
    variables = _variables(uow, project, names)
    endpoints = {name: _filled(endpoint, variables) for (_, name), endpoint in stored.items()}
    return endpoints, {name: _resolved(variables[name]) for name in needs.variables if name in variables}


def resolve_endpoint(uow: Reading, endpoint: Endpoint) -> runs.ResolvedEndpoint:
    """One endpoint with its references filled in."""
    return _filled(endpoint, _variables(uow, endpoint.project, referred(endpoint)))


def endpoint_of(uow: Reading, project: str, name: str) -> Endpoint | None:
    """The endpoint of that name, with its references to variables that are not secrets filled in."""
    endpoint = ENDPOINTS.one(uow, project=project, name=name) if name else None
    return None if endpoint is None else readable(uow, endpoint)


def readable(uow: Reading, endpoint: Endpoint) -> Endpoint:
    """The endpoint with its references to variables that are not secrets filled in."""
    if not (names := referred(endpoint)):
        return endpoint
    variables = _variables(uow, endpoint.project, names)
    return replace(endpoint, properties={key: _put_in(value, variables) for key, value in endpoint.properties.items()})


def referred(endpoint: Endpoint) -> set[str]:
    """The variables that an endpoint's properties refer to."""
    return {
        name for value in endpoint.properties.values() if isinstance(value, str) for name in _REFERENCE.findall(value)
    }


def restricted_in(uow: Reading, endpoint: Endpoint) -> list[str]:
    """The restricted variables that an endpoint's properties refer to, sorted."""
    variables = _variables(uow, endpoint.project, referred(endpoint))
    return sorted(name for name, variable in variables.items() if variable.type == RESTRICTED_TYPE)


def naming_restricted(uow: Reading, endpoints: Iterable[Endpoint]) -> dict[str, list[str]]:
    """By endpoint id the restricted variables that its properties refer to, sorted; the others are left out."""
    names = {endpoint.id: [(endpoint.project, name) for name in sorted(referred(endpoint))] for endpoint in endpoints}
    variables = VARIABLES.named(uow, {pair for pairs in names.values() for pair in pairs})
    restricted = {pair for pair, variable in variables.items() if variable.type == RESTRICTED_TYPE}
    by_id = {id: [name for project, name in pairs if (project, name) in restricted] for id, pairs in names.items()}
    return {id: restricted_names for id, restricted_names in by_id.items() if restricted_names}


def variable_in(text: str) -> str:
    """The variable that a text is, `${var.name}` and nothing else; blank for any other text."""
    lone = _REFERENCE.fullmatch(text.strip())
    return lone.group(1) if lone else ""


def _variables(uow: Reading, project: str, names: Iterable[str]) -> dict[str, Variable]:
    pairs = [(project, name) for name in sorted(set(names))]
    return {name: variable for (_, name), variable in VARIABLES.named(uow, pairs).items()}


def _filled(endpoint: Endpoint, variables: Mapping[str, Variable]) -> runs.ResolvedEndpoint:
    properties: dict[str, Any] = {}
    secrets = {key: Sealed.model_validate(box) for key, box in endpoint.secrets.items()}
    for key, value in endpoint.properties.items():
        lone = _REFERENCE.fullmatch(value) if isinstance(value, str) else None
        variable = variables.get(lone.group(1)) if lone else None
        if variable is not None and variable.sealed is not None:
            secrets[key] = Sealed.model_validate(variable.sealed)
        else:
            properties[key] = _put_in(value, variables)
    if endpoint.restricted:
        properties["isRestricted"] = True
    return runs.ResolvedEndpoint(name=endpoint.name, type=endpoint.type, properties=properties, secrets=secrets)


def _put_in(value: Any, variables: Mapping[str, Variable]) -> Any:
    """A text with the values of variables that are not secrets in place of its references to them."""

    def clear(match: re.Match[str]) -> str:
        variable = variables.get(match[1])
        return match[0] if variable is None or variable.value is None else variable.value

    return _REFERENCE.sub(clear, value) if isinstance(value, str) else value


def _resolved(variable: Variable) -> runs.ResolvedVariable:
    if variable.type in SECRET_VARIABLE_TYPES:
        sealed = None if variable.sealed is None else Sealed.model_validate(variable.sealed)
        return runs.ResolvedVariable(name=variable.name, type=variable.type, sealed=sealed)
    return runs.ResolvedVariable(name=variable.name, type=variable.type, value=variable.value or "")
