"""A dry run: every expression that can be resolved before the run is, and what stays open is said. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from services.config.model.triggers import RunnablePipeline
from shared.contracts.base import Json
from shared.contracts.runs import ResolvedVariable
from shared.contracts.secrets import MASK
from shared.grammar.conditions import ConditionError, evaluate
from shared.grammar.inputs import left_blank, run_inputs, starts_blank
from shared.grammar.malformed import Malformed
from shared.grammar.manifest_values import YAML_FIELDS, fill_input
from shared.grammar.manifests import shown_input
from shared.grammar.pipelines import read_pipeline
from shared.grammar.plan import Plan, TaskPlan
from shared.grammar.resolving import Scope, Unresolved, resolve_known
from shared.grammar.task_schemas import TASK_SCHEMAS


def preview(
    pipeline: RunnablePipeline,
    plan: Plan,
    values: Mapping[str, Any],
    user: str,
    endpoints: Sequence[str],
    variables: Mapping[str, ResolvedVariable],
) -> Json:
    """What would happen, by stage and task, with secrets masked."""
    spec = read_pipeline(pipeline.tree)
    inputs, flaws = run_inputs(spec, values)
    about = {
        "name": pipeline.name,
        "project": pipeline.project,
        "description": pipeline.description,
        "comments": "",
        "requestBy": user,
    }
    variable_values = {name: MASK if variable.value is None else variable.value for name, variable in variables.items()}
    scope = Scope(inputs=inputs, variables=variable_values, about=about)
    return {
        "name": pipeline.name,
        "project": pipeline.project,
        "kind": "DRY_RUN",
        "input": inputs,
        "problems": [flaw.message for flaw in flaws],
        "warnings": [starts_blank(name) for name in left_blank(spec, inputs)],
        "stages": [
            {
                "name": stage.name,
                "groups": [[_task(task, scope, endpoints) for task in group] for group in stage.groups],
            }
            for stage in plan.stages
        ],
        "output": resolve_known(plan.outputs, scope)[0],
    }


def _task(task: TaskPlan, scope: Scope, endpoints: Sequence[str]) -> Json:
    resolved, open_ = resolve_known(task.input, scope)
    if task.type == "K8S":
        resolved |= _manifests(task.input, scope)
    named, _ = resolve_known(task.endpoints, scope)
    return {
        "name": task.name,
        "type": task.type,
        "runs": task.type in TASK_SCHEMAS,
        "preCondition": task.pre_condition,
        "skipped": _skipped(task.pre_condition, scope),
        "endpoints": named,
        "missingEndpoints": sorted({str(item) for item in named.values() if item not in endpoints}),
        "input": shown_input(task.type, resolved),
        "unresolved": [item.name for item in open_],
    }


def _manifests(task_input: Json, scope: Scope) -> Json:
    """The YAML of a K8S task as a run reads it; what cannot be resolved yet stays a reference."""
    try:
        return fill_input(task_input, scope, lambda unresolved: f"${{{unresolved.name}}}")
    except Malformed as error:
        return {field: f"(this cannot be read{error.described})" for field in YAML_FIELDS if field in task_input}


def _skipped(condition: str, scope: Scope) -> bool | None:
    """Whether the condition holds the task back; None when that is known only during the run."""
    if not condition:
        return False
    try:
        return not evaluate(condition, scope)
    except (ConditionError, Unresolved):
        return None
