"""Pipeline documents between wire and store: fields of fixed types, what is used, what deserves a warning. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from services.config.catalog.documents import READ_ONLY
from services.config.model.triggers import RunnablePipeline
from shared.contracts.base import Json
from shared.contracts.problems import Code, Flaw, Problem, Refused
from shared.grammar.checks import examine_pipeline
from shared.grammar.documents import Located, load_yaml
from shared.grammar.inputs import left_blank, run_inputs, starts_blank
from shared.grammar.malformed import Malformed
from shared.grammar.names import Path, nearest, path_text
from shared.grammar.pipelines import read_pipeline
from shared.grammar.plan import Plan, compile_plan, supersede_of
from shared.grammar.spec import IMPORTED, PipelineSpec
from shared.grammar.task_schemas import CUSTOM

COLUMNS = frozenset({"kind", "project", "name", "description", "tags", "enabled", "state", "concurrency"})
MAPS = ("input", "_inputMeta", "output", "_outputMeta", "starred", "workspace", "stages", "notifications")
LISTS = ("options", "stageOrder", "rollbacks")


def read_text(text: str) -> Located:
    """The one document of a YAML body; refuses with line and column."""
    documents = read_texts(text)
    if len(documents) != 1:
        count = len(documents)
        raise refused(f"one pipeline is expected and the text holds {count} documents; use import for several", ())
    return documents[0]


def read_texts(text: str) -> list[Located]:
    """All documents of a YAML body; refuses with line and column. What was read a moment ago is not parsed again."""
    return [replace(located, tree=deepcopy(located.tree)) for located in _parsed(text)]


@lru_cache(maxsize=32)
def _parsed(text: str) -> tuple[Located, ...]:
    try:
        return tuple(load_yaml(text))
    except Malformed as error:
        raise unreadable(error) from None


def checked(tree: Mapping[str, Any], located: Located | None) -> tuple[PipelineSpec, list[Json]]:
    """The pipeline and its warnings; refuses one that has anything wrong with it, all at once, with places.

    In a pipeline that comes from another product the input of a task may be what only that product understands: it is
    kept, and a warning says that the task will not run.
    """
    name = str(tree.get("name") or "")
    findings = examine_pipeline(tree, position=located.position if located else None)
    foreign = [flaw for flaw in findings.flaws if tree.get(IMPORTED) and task_of(tree, flaw.path)]
    flaws = [flaw for flaw in findings.flaws if flaw not in foreign]
    if flaws:
        listed = "; ".join(flaw.placed for flaw in flaws[:5])
        more = f" (and {len(flaws) - 5} more)" if len(flaws) > 5 else ""
        raise refused(f"pipeline {name} has {_count(flaws)}: {listed}{more}", flaws)
    warnings = [warning(name, flaw.path, flaw.with_hint, "SEVERE") for flaw in foreign]
    try:
        spec = read_pipeline(tree)
    except Malformed as error:
        raise refused(f"pipeline {name} cannot be read", error.flaws) from None
    blanks = [warning(name, f"input.{key}", starts_blank(key), "WARNING") for key in left_blank(spec, spec.input)]
    return spec, warnings + blanks + static_warnings(name, tree, findings.warnings)


def stored_body(body: Mapping[str, Any]) -> Json:
    """What the store keeps of a body beside the columns: every other field, ours or not, with maps and lists typed."""
    tree = {key: value for key, value in body.items() if key not in READ_ONLY and key not in COLUMNS}
    for key in MAPS:
        if key in tree:
            tree[key] = _map(tree[key])
    for key in LISTS:
        if key in tree:
            tree[key] = _list(tree[key])
    return _with_typed_stages(tree)


def _with_typed_stages(tree: Json) -> Json:
    if not isinstance(tree.get("stages"), Mapping):
        return tree
    stages = {name: _typed(stage, ("tasks",), _typed_tasks) for name, stage in tree["stages"].items()}
    return {**tree, "stages": stages}


def _typed_tasks(stage: Json) -> Json:
    if not isinstance(stage.get("tasks"), Mapping):
        return stage
    return {**stage, "tasks": {name: _typed(task, ("endpoints", "input")) for name, task in stage["tasks"].items()}}


def _typed(part: Any, maps: Sequence[str], further: Callable[[Json], Json] = dict) -> Any:
    """A stage or a task with these fields as maps; what is not a map of fields itself stays, to be refused."""
    if not isinstance(part, Mapping):
        return part
    return further({**part, **{key: _map(part[key]) for key in maps if key in part}})


def completed(tree: Mapping[str, Any]) -> Json:
    """The tree with every field that typed clients expect, as the type that they expect."""
    document: Json = {"icon": "", "global": False, **{key: {} for key in MAPS}, **{key: [] for key in LISTS}}
    document |= {key: value for key, value in _with_typed_stages(dict(tree)).items() if key != IMPORTED}
    document["notifications"] = {"email": [], "jira": [], "webhook": [], **_map(tree.get("notifications"))}
    document["workspace"] = _workspace(_map(tree.get("workspace")))
    document["starred"] = _map(tree.get("starred"))
    return document


def needs_of(spec: PipelineSpec) -> set[tuple[str, str]]:
    """What a pipeline refers to by name, as (kind, name)."""
    plan = compile_plan(spec)
    needs = plan.needs()
    own = {("endpoint", name) for name in needs.endpoints} | {("variable", name) for name in needs.variables}
    return own | {("pipeline", call.pipeline) for call in _calls(spec)} | set(_integrations(plan))


def _integrations(plan: Plan) -> Iterator[tuple[str, str]]:
    """The custom integrations that tasks run, and the versions that they name."""
    for stage in plan.stages:
        for task in stage.tasks:
            name, label = (str(task.input.get(key) or "") for key in ("name", "version"))
            if task.type == CUSTOM and name and "${" not in name:
                yield "integration", name
                if label and "${" not in label:
                    yield "integration", f"{name}@{label}"


def missing_needs(name: str, needs: Iterable[tuple[str, str]], names: Callable[[str], Sequence[str]]) -> list[Json]:
    """A warning for each thing that the pipeline refers to and that is not there, with the nearest name."""
    warnings = []
    for kind, needed in sorted(needs):
        there = names(kind)
        if needed not in there and not (kind == "pipeline" and needed == name):
            near = nearest(needed, there)
            hint = f"; did you mean {near}?" if near else ""
            warnings.append(warning(name, kind, f"there is no {kind} {needed} in this project yet{hint}", "SEVERE"))
    return warnings


def unfit_inputs(name: str, spec: PipelineSpec, find: Callable[[str], RunnablePipeline | None]) -> list[Json]:
    """A warning for each input that a nested run or a rollback would be refused for at present."""
    warnings = []
    for call in _calls(spec):
        called = find(call.pipeline)
        if called is not None and isinstance(call.inputs, Mapping):
            _, flaws = run_inputs(read_pipeline(called.tree), call.inputs)
            for flaw in flaws:
                place = path_text((*call.path, flaw.path.removeprefix("input.")))
                warnings.append(warning(name, place, f"{call.who} runs {call.pipeline}: {flaw.with_hint}", "SEVERE"))
    return warnings


@dataclass(frozen=True, slots=True)
class _Call:
    """One pipeline runs another."""

    who: str
    path: Path
    """Where the inputs are."""
    pipeline: str
    inputs: Any


def _calls(spec: PipelineSpec) -> Iterator[_Call]:
    """The pipelines that are run by their name, which no expression makes."""
    calls: list[tuple[str, Path, Any, Any]] = [
        ("a rollback", ("rollbacks", index, "inputs"), entry.name, entry.inputs)
        for index, entry in enumerate(spec.rollbacks)
    ]
    for stage, its in spec.stages.items():
        for task, entry in its.tasks.items():
            if entry.type.casefold() == "pipeline":
                place = ("stages", stage, "tasks", task, "input", "inputProperties")
                calls.append(
                    (f"{stage}.{task}", place, entry.input.get("pipeline"), entry.input.get("inputProperties"))
                )
    for caller, path, name, inputs in calls:
        if isinstance(name, str) and name and "${" not in name:
            yield _Call(caller, path, name, inputs or {})


def static_warnings(name: str, tree: Mapping[str, Any], flaws: Sequence[Flaw]) -> list[Json]:
    """What is legal and probably not meant."""
    warnings = [warning(name, flaw.path, flaw.with_hint, "WARNING") for flaw in flaws]
    options = [str(option).upper() for option in tree.get("options") or []]
    for option, word in (("GIT_TRIGGER", "Git"), ("GERRIT_TRIGGER", "Gerrit")):
        if option in options:
            warnings.append(warning(name, "options", f"no {word} trigger fills these inputs yet", "INFO"))
    return warnings


def warning(container: str, field: str, message: str, level: str) -> Json:
    """One entry of `_warnings`."""
    return {
        "classType": "PIPELINE",
        "success": level != "SEVERE",
        "message": {"containerName": container, "fieldName": field, "level": level, "message": message},
    }


def task_of(tree: Mapping[str, Any], path: str, within: str = "input.") -> tuple[str, str] | None:
    """The stage and task in whose input a place is, or `within` another of its fields, or blank for all of it.

    Names may hold dots, so they are looked for.
    """
    for stage, its in _map(tree.get("stages")).items():
        for task in _map(its.get("tasks") if isinstance(its, Mapping) else None):
            if path.startswith(f"stages.{stage}.tasks.{task}.{within}"):
                return stage, task
    return None


def looks_exported(tree: Mapping[str, Any]) -> bool:
    """Whether a document has what Code Stream writes into every export and people do not write by hand."""
    return "supersede" not in tree and "workspace" in tree and ("icon" in tree or "_inputMeta" in tree)


def default_supersede() -> str:
    """The policy of a pipeline that names none."""
    return supersede_of(PipelineSpec(name="any")).value


def refused(message: str, flaws: Sequence[Flaw]) -> Refused:
    """The refusal of a document."""
    return Refused(Problem(code=Code.INVALID, message=message, flaws=tuple(flaws)))


def unreadable(error: Malformed) -> Refused:
    """The refusal of a text that is not YAML; many clients print its message alone."""
    return refused(f"the YAML cannot be read: {'; '.join(flaw.placed for flaw in error.flaws)}", error.flaws)


def _count(flaws: Sequence[Flaw]) -> str:
    return "one problem" if len(flaws) == 1 else f"{len(flaws)} problems"


def _map(value: Any) -> Any:
    if value in (None, "", []):
        return {}
    return value[0] if isinstance(value, list) and len(value) == 1 and isinstance(value[0], dict) else value


def _list(value: Any) -> Any:
    return [] if value in (None, "") else value


def _workspace(workspace: Json) -> Json:
    limits = _map(workspace.get("limits"))
    if not limits and "limits" not in workspace:
        return workspace
    return {**workspace, "limits": {**limits, **_numbers(limits)}}


def _numbers(limits: Mapping[str, Any]) -> Json:
    read: dict[str, Callable[[Any], Any]] = {"cpu": float, "memory": lambda value: int(float(value))}
    result: Json = {}
    for key, convert in read.items():
        try:
            result[key] = convert(limits.get(key) or 0)
        except (TypeError, ValueError, OverflowError):
            result[key] = convert(0)
    return result
