"""Every `${…}` of a pipeline against what it may name at its place."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .expressions import (
    ABOUT_NAMES,
    NEAR_ENOUGH,
    ROOTS,
    TASK_FIELDS,
    Reference,
    is_plain_text,
    references,
    split_name,
)
from .inputs import injected
from .names import Path, UnplacedFlaw, nearest, path_text
from .spec import PipelineSpec, split_group

TaskName = tuple[str, str]


@dataclass(frozen=True)
class ReferenceScope:
    """All that references of one pipeline can name."""

    inputs: frozenset[str]
    outputs: frozenset[str]
    variables: frozenset[str] | None
    """None: not known here, so not checked."""
    tasks: Mapping[str, frozenset[str]]
    """By stage."""

    @classmethod
    def of(cls, spec: PipelineSpec, variables: Collection[str] | None) -> ReferenceScope:
        return cls(
            inputs=frozenset((*spec.input, *spec.input_meta, *injected(spec.options))),
            outputs=frozenset((*spec.output, *spec.output_meta)),
            variables=None if variables is None else frozenset(variables),
            tasks={name: frozenset(stage.tasks) for name, stage in spec.stages.items()},
        )


@dataclass(frozen=True)
class ReferencePlace:
    """Where a reference is, and so which tasks have ended before it is looked at; None: all have."""

    task: TaskName | None = None
    ended: frozenset[TaskName] | None = None
    outputs: bool = False
    """Whether the pipeline's outputs are known here."""


def reference_problems(
    spec: PipelineSpec, in_scope: ReferenceScope, foreign: Collection[TaskName]
) -> Iterator[UnplacedFlaw]:
    """What is wrong with the references; those in `foreign` tasks are only warned of."""
    ended: set[TaskName] = set()
    for stage in dict.fromkeys((*spec.stage_order, *spec.stages)):
        if stage not in spec.stages:
            continue
        its = spec.stages[stage].tasks
        groups = [split_group(item) for item in spec.stages[stage].task_order]
        unordered = tuple(name for name in its if name not in {task for group in groups for task in group})
        for group in (*groups, unordered):
            for task in group:
                if task in its:
                    from_place = ReferencePlace((stage, task), frozenset(ended))
                    fields = its[task].model_dump(by_alias=True, include={"pre_condition", "endpoints", "input"})
                    warning = (stage, task) in foreign
                    yield from _within(fields, ("stages", stage, "tasks", task), from_place, in_scope, warning=warning)
            ended |= {(stage, task) for task in group}
    after = ReferencePlace()
    yield from _within(spec.output, ("output",), after, in_scope)
    yield from _within(spec.workspace, ("workspace",), ReferencePlace(None, frozenset()), in_scope)
    at_end = ReferencePlace(outputs=True)
    for index, rollback in enumerate(spec.rollbacks):
        yield from _within(rollback.inputs, ("rollbacks", index, "inputs"), at_end, in_scope)
    for kind, entries in spec.notifications.items():
        yield from _within(list(entries), ("notifications", kind), at_end, in_scope)


def _within(
    value: Any, place: Path, from_place: ReferencePlace, in_scope: ReferenceScope, *, warning: bool = False
) -> Iterator[UnplacedFlaw]:
    for reference in references(value, place):
        problem = _problem(reference, from_place, in_scope)
        if problem is not None:
            message, near = problem
            hint = f"did you mean ${{{near}}}?" if near else ""
            if near is None and reference.root == "about":
                hint = f"to mean the text itself, write $${{{reference.text}}}"
            is_text = _takes_text(reference.path) and is_plain_text(reference.steps, in_scope.inputs)
            if is_text:
                message = f"{message}, so it stays as text"
            yield UnplacedFlaw(reference.path, message, hint, reference.token, 0, warning or is_text)


def _takes_text(path: Path) -> bool:
    """Where a `${…}` that is nobody's can stay as it is written: nowhere that a name or a condition is meant."""
    return not any(step in ("preCondition", "endpoints", "condition", "exitCriteria") for step in path)


Found = tuple[str, str | None] | None
"""What is wrong, and what was probably meant."""


def _problem(reference: Reference, from_place: ReferencePlace, in_scope: ReferenceScope) -> Found:
    steps = reference.steps
    if not steps:
        return f"{reference.token} is not of the form ${{SCOPE.KEY.PATH}}", None
    match reference.root:
        case "about":
            return _about(reference, in_scope)
        case "input":
            return _named(reference, in_scope.inputs, "the pipeline has no input")
        case "var":
            return (
                None
                if in_scope.variables is None
                else _named(reference, in_scope.variables, "the project has no variable")
            )
        case "output":
            if not from_place.outputs:
                return f"{reference.token}: the pipeline's outputs are known only when a run has ended", None
            return _named(reference, in_scope.outputs, "the pipeline has no output")
        case _:
            return _task(reference, from_place, in_scope)


def _about(reference: Reference, in_scope: ReferenceScope) -> Found:
    name = str(reference.steps[0])
    if name in ABOUT_NAMES:
        return None
    if name in ROOTS:
        return f"{reference.token} says not which one", None
    if name in in_scope.inputs:
        return f"{reference.token} names nothing", f"input.{name}"
    return f"{reference.token} names nothing that a run knows", nearest(name, ABOUT_NAMES, NEAR_ENOUGH)


def _named(reference: Reference, names: frozenset[str], problem: str) -> Found:
    name, _ = split_name(reference.steps[1:], names)
    if name is not None:
        return None
    wrong, near = str(reference.steps[1]), nearest(str(reference.steps[1]), names)
    return f"{problem} {wrong}", near and path_text((reference.root, near, *reference.steps[2:]))


def _task(reference: Reference, from_place: ReferencePlace, in_scope: ReferenceScope) -> Found:
    steps = reference.steps
    stage, rest = split_name(steps, in_scope.tasks)
    if stage is None:
        return _no_stage(reference, in_scope)
    task, fields = split_name(rest, in_scope.tasks[stage])
    if task is None:
        wrong = str(rest[0]) if rest else ""
        near = nearest(wrong, in_scope.tasks[stage])
        return f"stage {stage} has no task {wrong}", near and path_text((stage, near, *rest[1:]))
    if not fields or fields[0] not in TASK_FIELDS:
        near = nearest(str(fields[0]), TASK_FIELDS) if fields else "status"
        meant = near and path_text((stage, task, near, *fields[1:]))
        return f"{reference.token} must say output, input or status of {stage}.{task}", meant
    if from_place.ended is None or (stage, task) in from_place.ended:
        return None
    if from_place.task is None:
        return f"{reference.token}: no task has run when this is looked at", None
    if (stage, task) == from_place.task:
        return f"{reference.token} names its own task", None
    return f"{reference.token}: {stage}.{task} has not ended when {'.'.join(from_place.task)} starts", None


def _no_stage(reference: Reference, in_scope: ReferenceScope) -> Found:
    wrong, rest = str(reference.steps[0]), reference.steps[1:]
    near = nearest(wrong, (*in_scope.tasks, *ROOTS))
    if near is None and wrong in {task for tasks in in_scope.tasks.values() for task in tasks}:
        stage = next(stage for stage, tasks in in_scope.tasks.items() if wrong in tasks)
        return f"{wrong} is a task; its stage is missing", path_text((stage, wrong, *rest))
    return f"there is no stage {wrong}", near and path_text((near, *rest))
