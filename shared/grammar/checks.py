"""What is wrong with a pipeline, all of it at once, each with its place and, where a name is wrong, the nearest one.

A flaw keeps a pipeline from being saved. A warning does not: what concerns task types that do not run here (imports
come whole), and what is legal but hardly meant.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from shared.contracts.bounds import excess
from shared.contracts.problems import Flaw

from .check_inputs import input_problems
from .check_references import ReferenceScope, reference_problems
from .check_shape import UNREADABLE, read_shape
from .conditions import ConditionError, check_condition
from .expressions import ROOTS, references
from .inputs import DOCKER, TRIGGERS, injected
from .manifest_values import MEND, YAML_FIELDS, alone_on_their_lines
from .names import Path, UnplacedFlaw, did_you_mean, nearest, path_text
from .spec import PipelineSpec, TaskSpec, split_group
from .task_schemas import TASK_SCHEMAS

Position = Callable[[Path, str], tuple[int, int]]
"""`Located.position`: line and column of a path, or of a text within it."""

EVENTS = ("STARTED", "WAITING", "SUCCESS", "FAILURE", "CANCELED")
NOTIFIERS = ("email", "jira", "webhook", "slack", "teams", "discord", "pagerduty")
STATES = ("ENABLED", "DISABLED", "RELEASED")


@dataclass(frozen=True)
class Findings:
    """What keeps a pipeline from being saved, and what its author should know."""

    flaws: list[Flaw] = field(default_factory=list)
    warnings: list[Flaw] = field(default_factory=list)


def examine_pipeline(
    tree: Mapping[str, Any],
    *,
    task_schemas: Mapping[str, Mapping[str, Any]] | None = None,
    position: Position | None = None,
    variables: Collection[str] | None = None,
    endpoints: Collection[str] | None = None,
) -> Findings:
    """Check a pipeline's tree.

    `variables` and `endpoints` are the project's, by name; without them those names are not checked. `position` gives
    lines and columns, for a tree that came from YAML.
    """
    if reason := excess(tree):
        return Findings([Flaw(message=f"the pipeline is {reason}")])
    schemas = TASK_SCHEMAS if task_schemas is None else task_schemas
    spec, problems = read_shape(tree)
    if spec is not None:
        problems += _about_names(spec)
        problems += _about_workspace(spec)
        problems += _about_tasks(spec, schemas, endpoints)
        problems += _about_levels(spec, endpoints)
        problems += reference_problems(spec, ReferenceScope.of(spec, variables), _foreign(spec, schemas))
        problems += _hardly_meant(spec)
    flaws = [_flaw(problem, position) for problem in problems if not problem.warning]
    warnings = [_flaw(problem, position) for problem in problems if problem.warning]
    return Findings(_in_order(flaws), _in_order(warnings))


def _flaw(problem: UnplacedFlaw, position: Position | None) -> Flaw:
    line, column = (None, None) if position is None else _place(problem, position)
    return Flaw(
        message=problem.message, path=path_text(problem.path), line=line, column=column, hint=problem.hint or None
    )


def _place(problem: UnplacedFlaw, position: Position) -> tuple[int, int]:
    line, column = position(problem.path, problem.needle)
    if problem.offset and (line, column) != position(problem.path, ""):
        column += problem.offset
    return line, column


def _in_order(flaws: Sequence[Flaw]) -> list[Flaw]:
    """Each once, from the top of the document down."""
    unique = {(flaw.path, flaw.message, flaw.line, flaw.column): flaw for flaw in flaws}
    return sorted(unique.values(), key=lambda flaw: (flaw.line or 0, flaw.column or 0))


def _about_names(spec: PipelineSpec) -> Iterator[UnplacedFlaw]:
    if spec.kind.upper() != "PIPELINE":
        yield UnplacedFlaw(("kind",), f"kind is {spec.kind}, and a pipeline's is PIPELINE")
    if spec.state and spec.state.upper() not in STATES:
        yield UnplacedFlaw(("state",), f"state {spec.state} is none of {', '.join(STATES)}", _hint(spec.state, STATES))
    for index, option in enumerate(spec.options):
        if option.upper() not in TRIGGERS:
            near = _hint(option, TRIGGERS)
            yield UnplacedFlaw(("options", index), f"option {option} is not known and does nothing", near, warning=True)
    yield from _order(("stageOrder",), spec.stage_order, ("stages",), spec.stages, "stage")
    for name, stage in spec.stages.items():
        if name in ROOTS:
            yield UnplacedFlaw(
                ("stages", name), f"a stage cannot be named {name}: ${{{name}.…}} has a meaning of its own"
            )
        place = ("stages", name)
        named: list[str] = []
        for index, item in enumerate(stage.task_order):
            group = split_group(item)
            if not group:
                yield UnplacedFlaw((*place, "taskOrder", index), "a group of tasks is empty")
            named += group
        yield from _order((*place, "taskOrder"), named, (*place, "tasks"), stage.tasks, "task", stage.task_order)
        for task in stage.tasks:
            if "," in task:
                message = f"task {task} has a comma in its name, and taskOrder reads a comma as “in parallel”"
                yield UnplacedFlaw((*place, "tasks", task), message)


def _order(
    place: Path, order: Sequence[str], home: Path, there: Mapping[str, Any], noun: str, items: Sequence[str] = ()
) -> Iterator[UnplacedFlaw]:
    """An order and the things it orders must name each other exactly once."""
    listed: set[str] = set()
    for index, name in enumerate(order):
        where = (*place, index) if not items else (*place, _item(items, name))
        if name not in there:
            near = _hint(name, there)
            yield UnplacedFlaw(where, f"{place[-1]} names {noun} {name}, which is not in {home[-1]}", near, name)
        elif name in listed:
            yield UnplacedFlaw(where, f"{place[-1]} names {noun} {name} twice", needle=name)
        listed.add(name)
    for name in there:
        if name not in listed and not (noun == "task" and "," in name):
            message = f"{noun} {name} is not in {place[-1]}, so it would never run"
            yield UnplacedFlaw((*home, name), message)


def _item(items: Sequence[str], name: str) -> int:
    return next((index for index, item in enumerate(items) if name in split_group(item)), 0)


def _about_workspace(spec: PipelineSpec) -> Iterator[UnplacedFlaw]:
    """Settings that Code Stream has, that imports keep, and that do nothing here."""
    for key, value in spec.workspace.items():
        if value and key in _WITHOUT_EFFECT:
            yield UnplacedFlaw(("workspace", key), f"{key} does nothing here: {_WITHOUT_EFFECT[key]}", warning=True)


_WITHOUT_EFFECT = {
    "cache": "every CI task begins with an empty folder; put what is slow to fetch into the image",
    "autoCloneForTrigger": "nothing is cloned; let a step fetch the source",
}


def _about_tasks(
    spec: PipelineSpec, schemas: Mapping[str, Mapping[str, Any]], endpoints: Collection[str] | None
) -> Iterator[UnplacedFlaw]:
    for stage, task, task_spec in _tasks(spec):
        place: Path = ("stages", stage, "tasks", task)
        schema = schemas.get(task_spec.type)
        if schema is None and task_spec.type != UNREADABLE:
            near = _hint(task_spec.type, schemas)
            message = f"tasks of type {task_spec.type} do not run here: {stage}.{task} will fail when it is reached"
            yield UnplacedFlaw((*place, "type"), message, near, warning=True)
        yield from _condition((*place, "preCondition"), task_spec.pre_condition, warning=schema is None)
        if schema is not None:
            unfinished = (task_spec.model_extra or {}).get("_configured") is False
            yield from input_problems(place, task_spec, schema, warning=unfinished)
            for path, condition, names in _conditions_within(task_spec):
                yield from _condition((*place, "input", *path), condition, names, warning=task_spec.type == "POLL")
        if task_spec.type == "K8S":
            yield from _fields_from_values((*place, "input"), task_spec)
        if task_spec.type == "CI" and task_spec.input.get("process"):
            message = "process does nothing here: name the reports in artifacts, which keeps them"
            yield UnplacedFlaw((*place, "input", "process"), message, warning=True)
        for role, name in task_spec.endpoints.items():
            yield from _endpoint((*place, "endpoints", role), name, endpoints, warning=schema is None)


def _fields_from_values(place: Path, task: TaskSpec) -> Iterator[UnplacedFlaw]:
    """References from which a manifest got fields as long as values were put in before it was read."""
    as_yaml = str(task.input.get("references") or "").lower() == "text"
    for name in YAML_FIELDS:
        text = task.input.get(name)
        for reference in alone_on_their_lines(text) if isinstance(text, str) else ():
            if as_yaml and reference.startswith("${var."):
                continue
            message = f"{reference} has a line for itself: if its value is YAML text, that stays a text and is refused"
            yield UnplacedFlaw((*place, name), message, MEND, reference, warning=True)


_CONDITIONS: Mapping[str, tuple[tuple[tuple[str, ...], frozenset[str]], ...]] = {
    "Condition": ((("condition",), frozenset()),),
    "POLL": (
        (("exitCriteria", "success"), frozenset({"response"})),
        (("exitCriteria", "failure"), frozenset({"response"})),
    ),
    "K8S": ((("waitFor",), frozenset({"object"})),),
}
"""Inputs that are conditions, by task type, and the names that the task binds in them."""


def _conditions_within(task: TaskSpec) -> Iterator[tuple[Path, str, frozenset[str]]]:
    for path, names in _CONDITIONS.get(task.type, ()):
        value: Any = task.input
        for step in path:
            value = value.get(step) if isinstance(value, Mapping) else None
        if isinstance(value, str):
            yield path, value, names


def _condition(
    place: Path, condition: str, names: frozenset[str] = frozenset(), *, warning: bool = False
) -> Iterator[UnplacedFlaw]:
    try:
        check_condition(condition, names)
    except ConditionError as error:
        yield UnplacedFlaw(
            place, f"the condition cannot be read: {error.reason}", "", condition, error.at or 0, warning
        )


def _endpoint(
    place: Path, name: Any, endpoints: Collection[str] | None, *, warning: bool = False
) -> Iterator[UnplacedFlaw]:
    if isinstance(name, str) and name and endpoints is not None and not references(name) and name not in endpoints:
        yield UnplacedFlaw(
            place, f"there is no endpoint {name} in this project", _hint(name, endpoints), name, 0, warning
        )


def _about_levels(spec: PipelineSpec, endpoints: Collection[str] | None) -> Iterator[UnplacedFlaw]:
    """Rollbacks and notifications name stages and tasks."""
    for index, rollback in enumerate(spec.rollbacks):
        yield from _level(spec, ("rollbacks", index), rollback.stage, rollback.task)
    for kind, entries in spec.notifications.items():
        if kind not in NOTIFIERS:
            message = f"notifications of kind {kind} are not sent"
            yield UnplacedFlaw(("notifications", kind), message, _hint(kind, NOTIFIERS), warning=True)
        for index, entry in enumerate(entries):
            place: Path = ("notifications", kind, index)
            event = str(entry.get("event") or "")
            if event.upper() not in EVENTS:
                flaw = f"event {event} is none of" if event else "event is missing; it is one of"
                yield UnplacedFlaw((*place, "event"), f"{flaw} {', '.join(EVENTS)}", _hint(event, EVENTS))
            yield from _level(spec, place, str(entry.get("stage") or ""), str(entry.get("task") or ""))
            yield from _endpoint((*place, "endpoint"), entry.get("endpoint"), endpoints)


def _level(spec: PipelineSpec, place: Path, stage: str, task: str) -> Iterator[UnplacedFlaw]:
    if stage and stage not in spec.stages:
        yield UnplacedFlaw((*place, "stage"), f"there is no stage {stage}", _hint(stage, spec.stages), stage)
    elif task and not stage:
        yield UnplacedFlaw((*place, "task"), f"task {task} is named without its stage", needle=task)
    elif task and task not in spec.stages[stage].tasks:
        near = _hint(task, spec.stages[stage].tasks)
        yield UnplacedFlaw((*place, "task"), f"stage {stage} has no task {task}", near, task)


def _hardly_meant(spec: PipelineSpec) -> Iterator[UnplacedFlaw]:
    if not spec.stages:
        yield UnplacedFlaw(("stages",), "the pipeline has no stages: a run of it ends at once", warning=True)
    for name in spec.input_meta:
        if name not in spec.input and name not in injected(spec.options):
            message = f"_inputMeta describes {name}, which is not an input"
            yield UnplacedFlaw(("_inputMeta", name), message, _hint(name, spec.input), warning=True)
    if "DOCKER_TRIGGER" in (option.upper() for option in spec.options) and spec.stages:
        used = {
            str(reference.steps[1])
            for reference in references(spec.model_dump(by_alias=True))
            if reference.root == "input"
        }
        if not used & (DOCKER.keys() - {"DOCKER_EVENT_OWNER_NAME", "DOCKER_PUSHED_AT", "DOCKER_REPO_NAMESPACE"}):
            message = "the pipeline never uses the pushed image or tag"
            hint = "write ${input.DOCKER_IMAGE_REF} in place of the image"
            yield UnplacedFlaw(("options",), message, hint, warning=True)


def _tasks(spec: PipelineSpec) -> Iterator[tuple[str, str, TaskSpec]]:
    return ((stage, task, task_spec) for stage, its in spec.stages.items() for task, task_spec in its.tasks.items())


def _foreign(spec: PipelineSpec, schemas: Mapping[str, Any]) -> frozenset[tuple[str, str]]:
    return frozenset((stage, task) for stage, task, task_spec in _tasks(spec) if task_spec.type not in schemas)


def _hint(name: str, names: Collection[str]) -> str:
    return did_you_mean(nearest(name, names))
