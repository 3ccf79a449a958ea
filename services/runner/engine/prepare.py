"""From a planned task to what its type is given: its preCondition weighed, its references put in. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from services.runner.task_protocol import TaskFailed
from shared.contracts.base import Json
from shared.contracts.history import Status
from shared.grammar.conditions import ConditionError, evaluate
from shared.grammar.expressions import references
from shared.grammar.plan import RollbackPlan, TaskPlan
from shared.grammar.resolving import Scope, Unresolved, Writer, resolve


@dataclass(frozen=True, slots=True)
class Ready:
    """The task can begin."""

    input: Json
    roles: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NotStarted:
    """The task does not begin: it is skipped, or failed before it did anything."""

    status: Status
    message: str


@dataclass(frozen=True, slots=True)
class Barred:
    """The task waits until an administrator lets it use what is restricted."""

    restricted: tuple[str, ...]

    @property
    def message(self) -> str:
        return f"Waits until an administrator resumes the run: it uses the restricted {' and '.join(self.restricted)}."


Fill = Callable[[Json, Scope], Json]
"""Fields that a task's type fills in by rules of their own, as `TaskType.fill` does."""
Writers = Callable[[Ready], Mapping[str, Writer]]
"""How values are written into fields of a task's input, given the input as it is without that."""


def prepare(
    task: TaskPlan,
    scope: Scope,
    *,
    weigh: bool,
    raw: frozenset[str] = frozenset(),
    fill: Fill = lambda *_: {},
    writers: Writers = lambda _: {},
) -> Ready | NotStarted:
    """Weigh the preCondition where asked, then resolve the input, but for `raw` fields, and the endpoints' names."""
    try:
        if weigh and task.pre_condition and not evaluate(task.pre_condition, scope):
            return NotStarted(Status.SKIPPED, f"Skipped: its preCondition is false: {task.pre_condition}")
    except (ConditionError, Unresolved) as error:
        return NotStarted(Status.FAILED, f"Its preCondition cannot be evaluated: {error}")
    try:
        plain = {key: value for key, value in task.input.items() if key not in raw}
        own = fill(plain, scope)
        others = {key: None if key in own else value for key, value in plain.items()}
        values = resolve(others, scope, ("input",)) | own
        roles = _names(resolve(task.endpoints, scope, ("endpoints",)))
        by_field = writers(Ready(values, roles))
        values |= {
            key: resolve(plain[key], scope, ("input", key), write) for key, write in by_field.items() if key in plain
        }
    except Unresolved as error:
        return NotStarted(Status.FAILED, str(error))
    return Ready({**values, **{key: task.input[key] for key in raw & task.input.keys()}}, roles)


def outputs(templates: Json, scope: Scope) -> tuple[Json, str]:
    """The pipeline's outputs; one that names nothing is left out and said."""
    values: dict[str, Any] = {}
    missing: list[str] = []
    for name, value in templates.items():
        try:
            values[name] = resolve(value, scope, ("output", name))
        except (Unresolved, TaskFailed) as error:
            missing.append(str(error))
    return values, " ".join(missing)


def rollback_inputs(planned: RollbackPlan, scope: Scope) -> tuple[Json, str]:
    """What a rollback pipeline is given, or why it cannot be started."""
    try:
        return resolve(planned.inputs, scope, ("inputs",)), ""
    except (Unresolved, TaskFailed) as error:
        return {}, str(error)


def names_used(task: TaskPlan, ready: Ready) -> tuple[frozenset[str], frozenset[str]]:
    """The endpoints and the variables that a task uses."""
    trees = [task.input, task.endpoints, task.pre_condition]
    variables = frozenset(str(reference.steps[1]) for reference in references(trees) if reference.root == "var")
    return frozenset(ready.roles.values()), variables


def _names(roles: Any) -> dict[str, str]:
    return {str(role): str(name).strip() for role, name in dict(roles).items() if name}
