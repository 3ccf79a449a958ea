"""What the forms beside the editor do to a pipeline: inputs, stages and tasks. Pure: a tree in, another out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from shared.contracts.base import Json
from shared.grammar.inputs import TRIGGERS, blank, inject, injected
from shared.grammar.spec import split_group

INJECTIONS = {"Docker": "DOCKER_TRIGGER", "Git": "GIT_TRIGGER", "Gerrit": "GERRIT_TRIGGER", "None": ""}
"""The choices of the Input tab, as `options` writes them."""


def injection(tree: Json) -> str:
    """Which of the choices a pipeline has now."""
    options = [str(option).upper() for option in tree.get("options") or ()]
    return next((name for name, option in INJECTIONS.items() if option in options), "None")


def with_injection(tree: Json, choice: str) -> Json:
    """With the inputs that such a trigger fills in; those of another choice go, unless somebody gave them a value."""
    option = INJECTIONS.get(choice, "")
    kept = [option for option in tree.get("options") or () if str(option).upper() not in TRIGGERS]
    options = [*kept, *([option] if option else [])]
    stays = injected(options)
    others = {name for name in injected(TRIGGERS) if name not in stays}
    values, meta = _inputs(tree)
    values = {name: value for name, value in values.items() if name not in others or not blank(value)}
    meta = {name: about for name, about in meta.items() if name in values}
    values, meta = inject(values, meta, options)
    return _placed(tree, options=options, input=values, _inputMeta=meta)


def with_inputs(tree: Json, rows: list[Json]) -> Json:
    """With just these inputs: each a `name`, `value`, `mandatory`, `description`, `starred`."""
    values = {row["name"]: row["value"] for row in rows if row["name"]}
    _, old = _inputs(tree)
    meta = {
        row["name"]: {
            **(old.get(row["name"]) or {}),
            "mandatory": row["mandatory"],
            "description": row["description"],
        }
        for row in rows
        if row["name"]
    }
    before = (tree.get("starred") or {}).get("input")
    stars = [row["name"] for row in rows if row["starred"] and row["name"]]
    # One input is starred: of two, the one that was clicked just now.
    star = next((name for name in stars if name != before), stars[0] if stars else "")
    starred = {**(tree.get("starred") or {}), "input": star}
    return _placed(tree, input=values, _inputMeta=meta, starred={k: v for k, v in starred.items() if v})


def input_rows(tree: Json) -> list[Json]:
    """The inputs as the Input tab shows them."""
    values, meta = _inputs(tree)
    fixed = injected(tree.get("options") or ())
    star = (tree.get("starred") or {}).get("input")
    return [
        {
            "name": name,
            "value": "" if value is None else value,
            "mandatory": (meta.get(name) or {}).get("mandatory") is True,
            "description": (meta.get(name) or {}).get("description") or fixed.get(name, ""),
            "starred": name == star,
            "injected": name in fixed,
        }
        for name, value in values.items()
    ]


def with_stage(tree: Json) -> tuple[Json, str]:
    """With one stage more at the end, and its name."""
    tree = deepcopy(tree)
    stages = dict(tree.get("stages") or {})
    order = list(tree.get("stageOrder") or stages)
    name = _free("Stage", stages)
    stages[name] = {"taskOrder": [], "tasks": {}}
    return {**tree, "stageOrder": [*order, name], "stages": stages}, name


def with_task(tree: Json, stage: str, kind: str) -> tuple[Json, str]:
    """With one task more at the end of a stage, and its name."""
    tree = deepcopy(tree)
    holder = tree["stages"][stage] = dict(tree["stages"].get(stage) or {})
    tasks = dict(holder.get("tasks") or {})
    order = list(holder.get("taskOrder") or tasks)
    name = _free("Deploy" if kind == "K8S" else kind, tasks)
    tasks[name] = {"type": kind, "input": {"action": "APPLY"} if kind == "K8S" else {}}
    holder.update(taskOrder=[*order, name], tasks=tasks)
    return tree, name


def applying(tree: Json, stage: str, task: str) -> Json | None:
    """With APPLY where a Kubernetes task has CREATE; None where it has not."""
    spec = (((tree.get("stages") or {}).get(stage) or {}).get("tasks") or {}).get(task) or {}
    values = spec.get("input") or {}
    if spec.get("type") != "K8S" or str(values.get("action")).upper() != "CREATE":
        return None
    return with_task_changed(tree, stage, task, task, {**spec, "input": {**values, "action": "APPLY"}})


def without_task(tree: Json, stage: str, task: str) -> Json:
    """Without a task; a stage that is left empty goes too."""
    tree = deepcopy(tree)
    holder = tree["stages"][stage]
    holder["tasks"].pop(task, None)
    groups = [[name for name in split_group(str(group)) if name != task] for group in holder.get("taskOrder") or ()]
    holder["taskOrder"] = [",".join(group) for group in groups if group]
    if not holder["tasks"]:
        del tree["stages"][stage]
        tree["stageOrder"] = [name for name in tree.get("stageOrder") or () if name != stage]
    return tree


def with_task_changed(tree: Json, stage: str, task: str, name: str, changed: Json) -> Json:
    """With another content, and maybe another name, of a task."""
    tree = deepcopy(tree)
    holder = tree["stages"][stage]
    name = re.sub(r"[,.]", " ", name).strip() or task
    if name != task and name in holder["tasks"]:
        name = task
    holder["tasks"] = {name if key == task else key: value for key, value in holder["tasks"].items()}
    holder["tasks"][name] = changed
    if name != task and holder.get("taskOrder"):
        holder["taskOrder"] = [
            ",".join(name if other == task else other for other in split_group(str(group)))
            for group in holder["taskOrder"]
        ]
    return tree


def _inputs(tree: Json) -> tuple[Json, Json]:
    values, meta = tree.get("input"), tree.get("_inputMeta")
    return dict(values) if isinstance(values, Mapping) else {}, dict(meta) if isinstance(meta, Mapping) else {}


def _placed(tree: Json, **parts: Any) -> Json:
    """With these parts; what is empty and was not there stays away."""
    return {**tree, **{key: value for key, value in parts.items() if value or key in tree}}


def _free(base: str, taken: Mapping[str, Any]) -> str:
    suffix = 1
    while (name := base if suffix == 1 and base != "Stage" else f"{base} {suffix}") in taken:
        suffix += 1
    return name
