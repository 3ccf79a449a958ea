"""The editor of a pipeline: its YAML with problems by line, and beside it forms for inputs, stages and tasks.

The text is the truth: forms are drawn from it, and what they change is written back into it. Nothing is stored before
Save.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from flask import render_template, request

from services.gateway.commands.imports import seal_yaml
from shared.contracts.base import Json
from shared.contracts.catalog import Act, Get, Kind
from shared.contracts.problems import Code, Flaw, Problem, Refused, refuse
from shared.contracts.texts import whole_number
from shared.grammar.checks import examine_pipeline
from shared.grammar.documents import load_yaml
from shared.grammar.expressions import ABOUT_NAMES
from shared.grammar.malformed import Malformed
from shared.grammar.task_schemas import TASK_SCHEMAS

from . import notification_form, pipeline_edits, session, task_form
from .execution_view import stages_of
from .forms import definable_projects, demand_unchanged, done, every, field, preset_project
from .pipeline_template import template
from .routing import PageRoute
from .schedules import schedules_of
from .words import NOTICE_EVENTS
from .yaml_edit import rewritten

TABS = {
    "head": "Pipeline",
    "input": "Input",
    "tasks": "Workspace",
    "notifications": "Notifications",
    "schedules": "Schedules",
}
INJECTIONS = tuple(pipeline_edits.INJECTIONS)
SPARE_LINES = 6
ODD_SHAPE = (AttributeError, IndexError, KeyError, TypeError, ValueError)
"""What the forms fail with at a text that is YAML, and a list or a word where a pipeline has a map."""


def new() -> str:
    project = request.args.get("project") or preset_project()
    injected = request.args.get("inputs", "")
    name = request.args.get("name", "").strip() or "New pipeline"
    text = template(project, name, injected if injected in INJECTIONS else INJECTIONS[0])
    return _editor(text, tab="head")


def edit(id: str) -> str:
    stored = session.get(Get(kind=Kind.PIPELINES, id=id))
    return _editor(stored.text, pipeline=stored.document)


def create() -> Any:
    return _sent(Act(kind=Kind.PIPELINES, verb="create", options={"keepEnabled": True}), None)


def save(id: str) -> Any:
    pipeline = session.get(Get(kind=Kind.PIPELINES, id=id)).document
    command = Act(kind=Kind.PIPELINES, verb="replace", id=id, options={"keepEnabled": True})
    return _sent(command, pipeline)


def change_to_apply(id: str) -> Any:
    """Let a task that failed because its objects exist update them from now on; the pipeline gets a new version."""
    stored = session.get(Get(kind=Kind.PIPELINES, id=id))
    run, stage, task = field("run"), field("stage"), field("task")
    tree = load_yaml(stored.text)[0].tree
    changed = pipeline_edits.applying(tree, stage, task)
    if changed is None:
        message = (
            f"{stage}.{task} of {stored.document.get('name')} no longer creates: somebody has changed the pipeline."
        )
        raise refuse(Code.CONFLICT, message, subject=id, next_step="Look at its versions, or run it again.")
    text = seal_yaml(rewritten(stored.text, changed), session.context().sealer.seal_secret).text
    session.act(Act(kind=Kind.PIPELINES, verb="replace", id=id, options={"keepEnabled": True}, text=text))
    sentence = f"{stage}.{task} applies from now on. Rerun to deploy."
    return done(f"/executions/{run}", sentence, f"/pipelines/{id}/versions", "What changed")


def side() -> str:
    """The forms for the text as it is now."""
    return _side(written())


def change() -> str:
    """What a form did to the text, and, where the forms themselves change, these again."""
    text, where = written(), {"tab": field("tab"), "stage": field("stage"), "task": field("task")}
    try:
        tree, where = _CHANGES[field("change")](load_yaml(text)[0].tree, where)
        text = rewritten(text, tree)
    except (Malformed, *ODD_SHAPE):
        return _side(text)
    redraw = field("change") not in _QUIET
    drawn = _side(text, **where) if redraw else ""
    return drawn + render_template("_pipelines_next.html", text=text)


def written() -> str:
    """The text of a form, with the line ends of a file."""
    return request.form.get("text", "").replace("\r\n", "\n")


def checked(text: str) -> Problem | None:
    """What can be said of a text without asking anybody."""
    try:
        documents = load_yaml(text)
    except Malformed as error:
        return _flawed("The YAML cannot be read.", error.flaws)
    if len(documents) != 1:
        count = len(documents) or "no"
        return Problem(
            code=Code.INVALID,
            message=f"Expected one pipeline, but the text contains {count} documents.",
            next_step="Use Import for several documents.",
        )
    flaws = examine_pipeline(documents[0].tree, task_schemas=TASK_SCHEMAS, position=documents[0].position).flaws
    return _flawed("The pipeline cannot be saved yet.", flaws) if flaws else None


def _flawed(message: str, flaws: Sequence[Flaw]) -> Problem:
    ordered = sorted(flaws, key=lambda flaw: (flaw.line or 0, flaw.column or 0))
    return Problem(code=Code.INVALID, message=message, flaws=tuple(ordered))


def _doubtful(text: str) -> list[Flaw]:
    """What is legal in a text without problems and probably not meant."""
    (document,) = load_yaml(text)
    return examine_pipeline(document.tree, task_schemas=TASK_SCHEMAS, position=document.position).warnings


def _sent(command: Act, pipeline: Json | None) -> Any:
    """Check, or save and go to the pipeline; problems are shown beside the lines that have them."""
    text = written()
    problem, good = checked(text), field("do") != "save"
    if problem is None and not good:
        try:
            sealed_text = seal_yaml(text, session.context().sealer.seal_secret)
            demand_unchanged(pipeline or {}, "Save again to replace it. Versions shows what changed.")
            saved = session.act(command.model_copy(update={"text": sealed_text.text})).document
            address = f"/pipelines/{saved['id']}"
            sentence = f"{saved.get('name')} is saved as version {saved.get('version') or 1}."
            return done(address, sentence, f"{address}/versions", "What changed")
        except Refused as refused:
            if refused.problem.code is Code.UNAUTHENTICATED:
                raise
            problem = refused.problem
    if request.headers.get("HX-Request"):
        return _notice(text, problem, good, pipeline)
    return _editor(text, pipeline=pipeline, notice=_notice(text, problem, good, pipeline), problem=problem)


def _notice(text: str, problem: Problem | None, good: bool, pipeline: Json | None) -> str:
    flaws = [flaw.model_dump(include={"line", "message", "hint"}) for flaw in problem.flaws] if problem else []
    return render_template(
        "_pipelines_notice.html",
        problem=problem,
        flaws=flaws,
        lines=text.split("\n"),
        doubts=_doubtful(text) if good and not problem else [],
        pipeline=pipeline,
    )


def _editor(
    text: str,
    *,
    pipeline: Json | None = None,
    notice: str = "",
    problem: Problem | None = None,
    tab: str = "tasks",
) -> str:
    return render_template(
        "pipelines_edit.html",
        text=text,
        rows=text.count("\n") + SPARE_LINES,
        marked={flaw.line for flaw in problem.flaws if flaw.line} if problem else set(),
        pipeline=pipeline,
        notice=notice,
        side=_side(
            text, **{**_asked(), "tab": _asked()["tab"] or tab, "pipeline": str((pipeline or {}).get("id") or "")}
        ),
        words=_completions(),
    )


def _completions() -> Json:
    """What the editor completes besides the names in the text: facts of a run, variables, and fields by task type."""
    fields = {
        kind: {
            name: {"about": about.get("description") or about.get("title") or "", "choices": about.get("enum") or []}
            for name, about in (schema.get("properties") or {}).items()
        }
        for kind, schema in TASK_SCHEMAS.items()
    }
    variables = [str(variable.get("name")) for variable in every(Kind.VARIABLES)]
    return {"facts": list(ABOUT_NAMES), "variables": variables, "fields": fields}


def _asked() -> dict[str, str]:
    return {key: request.values.get(key, "") for key in ("tab", "stage", "task")}


def _side(text: str, **where: str) -> str:
    """The forms; none for a text that has not the shape of a pipeline: its flaws say where."""
    place = where or _asked()
    try:
        return _forms(load_yaml(text)[0].tree, place)
    except (Malformed, *ODD_SHAPE):
        return render_template("_pipelines_side.html", tree=None, tabs=TABS, tab=place["tab"] or "tasks")


def _forms(tree: Json, place: dict[str, str]) -> str:
    stages = stages_of(tree)
    stage, name = place["stage"], place["task"]
    tab = place["tab"] if place["tab"] in TABS else "tasks"
    task = (((tree.get("stages") or {}).get(stage) or {}).get("tasks") or {}).get(name)
    schema = TASK_SCHEMAS.get(str((task or {}).get("type")))
    return render_template(
        "_pipelines_side.html",
        tree=tree,
        tabs=TABS,
        tab=tab,
        injections=INJECTIONS,
        injection=pipeline_edits.injection(tree),
        inputs=pipeline_edits.input_rows(tree),
        stages=stages,
        stage=stage,
        name=name,
        task=task,
        schema=schema,
        fields=task_form.fields(schema, task) if schema and task else [],
        source=task_form.source_of(task) if task else "",
        projects=definable_projects(),
        kinds={kind: schema["title"] for kind, schema in TASK_SCHEMAS.items()},
        endpoints=every(Kind.ENDPOINTS) if task or tab == "notifications" else [],
        pipeline_id=request.values.get("pipeline", "") or place.get("pipeline", ""),
        notices=notification_form.rows(tree),
        notice_kinds=tuple(notification_form.KINDS),
        notice_events=NOTICE_EVENTS,
        notice_levels=notification_form.levels(stages),
        schedules=schedules_of(tree) if tab == "schedules" else [],
    )


Where = dict[str, str]


def _head(tree: Json, where: Where) -> tuple[Json, Where]:
    fields = {key: field(key) for key in ("name", "project", "description")}
    kept = {key: value for key, value in fields.items() if value or key in tree}
    return {**tree, **kept, "enabled": bool(field("enabled"))}, where


def _inject(tree: Json, where: Where) -> tuple[Json, Where]:
    return pipeline_edits.with_injection(tree, field("inputs")), where


def _inputs(tree: Json, where: Where) -> tuple[Json, Where]:
    keys = (key.removeprefix("name.") for key in request.form if key.startswith("name."))
    numbers = sorted({index for key in keys if (index := whole_number(key)) is not None})
    rows = [
        {
            "name": field(f"name.{index}"),
            "value": request.form.get(f"value.{index}", ""),
            "mandatory": bool(field(f"must.{index}")),
            "description": field(f"about.{index}"),
            "starred": bool(field(f"star.{index}")),
        }
        for index in numbers
        if field("remove") != str(index)
    ]
    return pipeline_edits.with_inputs(tree, rows), where


def _add_stage(tree: Json, where: Where) -> tuple[Json, Where]:
    tree, stage = pipeline_edits.with_stage(tree)
    tree, task = pipeline_edits.with_task(tree, stage, "K8S")
    return tree, {**where, "stage": stage, "task": task}


def _add_task(tree: Json, where: Where) -> tuple[Json, Where]:
    tree, task = pipeline_edits.with_task(tree, where["stage"], "K8S")
    return tree, {**where, "task": task}


def _notifications(tree: Json, where: Where) -> tuple[Json, Where]:
    return notification_form.changed(tree, request.form), where


def _add_notification(tree: Json, where: Where) -> tuple[Json, Where]:
    return notification_form.added(tree, field("kind"), session.get(Get(kind=Kind.SETTINGS)).document), where


def _remove_notification(tree: Json, where: Where) -> tuple[Json, Where]:
    position = whole_number(field("remove"))
    return (tree if position is None else notification_form.removed(tree, position)), where


def _remove_task(tree: Json, where: Where) -> tuple[Json, Where]:
    return pipeline_edits.without_task(tree, where["stage"], where["task"]), {**where, "stage": "", "task": ""}


def _task(tree: Json, where: Where) -> tuple[Json, Where]:
    old = tree["stages"][where["stage"]]["tasks"][where["task"]]
    changed = task_form.read(TASK_SCHEMAS.get(str(old.get("type")), {}), old, request.form)
    name = field("rename") or where["task"]
    tree = pipeline_edits.with_task_changed(tree, where["stage"], where["task"], name, changed)
    return tree, {**where, "task": name if name in tree["stages"][where["stage"]]["tasks"] else where["task"]}


def _type(tree: Json, where: Where) -> tuple[Json, Where]:
    fresh = {"type": field("kind"), "input": {}}
    return pipeline_edits.with_task_changed(tree, where["stage"], where["task"], where["task"], fresh), where


_CHANGES: dict[str, Callable[[Json, Where], tuple[Json, Where]]] = {
    "head": _head,
    "inject": _inject,
    "inputs": _inputs,
    "add-input": _inputs,
    "remove-input": _inputs,
    "add-stage": _add_stage,
    "add-task": _add_task,
    "remove-task": _remove_task,
    "task": _task,
    "rename-task": _task,
    "type": _type,
    "notifications": _notifications,
    "add-notification": _add_notification,
    "remove-notification": _remove_notification,
}
_QUIET = frozenset({"head", "inputs", "task", "notifications"})
"""These leave the forms as they are, so that one can keep typing."""


ROUTES = (
    PageRoute("GET", "/pipelines/new", new),
    PageRoute("GET", "/pipelines/<id>/edit", edit),
    PageRoute("POST", "/pipelines/new", create),
    PageRoute("POST", "/pipelines/<id>/edit", save),
    PageRoute("POST", "/pipelines/<id>/change-to-apply", change_to_apply),
    PageRoute("POST", "/pipelines/side", side),
    PageRoute("POST", "/pipelines/change", change),
)
