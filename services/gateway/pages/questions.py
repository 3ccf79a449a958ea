"""What the answer to an approval decides: which image, what started it, and what of the cluster it changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shared.contracts.base import Json
from shared.contracts.catalog import Find, Kind

from . import session
from .deployments import workloads_of
from .execution_view import diff_rows, stages_of
from .formats import image_named, quoted

DiffRow = tuple[str, str]
"""The class of a line's colour, and the line."""


@dataclass(frozen=True, slots=True)
class Change:
    """`image` is what the run was started with; `diffs` are what it changes, each with its title."""

    image: str
    diffs: tuple[tuple[str, tuple[DiffRow, ...]], ...]


def image_of(execution: Json) -> str:
    """The image that a run was started with, as `acme/web:1.4.0`; empty where it has none."""
    values = execution.get("_push") or {}
    inputs = execution.get("input") or {}
    image = values.get("image") or inputs.get("DOCKER_IMAGE") or ""
    tag = values.get("tag") or inputs.get("DOCKER_TAG") or ""
    return f"{image}:{tag}" if image and tag else str(image)


def executions_of(operations: Sequence[Json]) -> dict[str, Json]:
    """The runs that ask, by their ids, with one question to config."""
    ids = sorted({str(operation.get("executionId")) for operation in operations})
    if not ids:
        return {}
    where = " or ".join(f"id eq {quoted(id)}" for id in ids)
    ask = Find(kind=Kind.EXECUTIONS, filter=where, top=len(ids), options={"brief": True})
    return {str(execution.get("id")): execution for execution in session.find(ask).documents}


def change(execution: Json) -> Change:
    """What approving lets the run do: the images that it replaces, and the differences that its dry runs printed."""
    image = image_of(execution)
    replaced = [diff for row in workloads_of(execution) if (diff := _replaced(row, image))]
    return Change(image, (*replaced, *_dry_runs(execution)))


def _replaced(workload: Json, image: str) -> tuple[str, tuple[DiffRow, ...]] | None:
    """A workload whose container runs another tag of the image."""
    repository, _ = image_named(image)
    running = [str(name) for name in workload.get("images") or () if image_named(str(name))[0] == repository]
    if not image or not running:
        return None
    title = f"{workload['workloadKind']} {workload['name']} in {workload['namespace']} on {workload['endpoint']}"
    removed = tuple(("del", f"- image: {name}") for name in running)
    return title, (*removed, ("add", f"+ image: {image}"))


def _dry_runs(execution: Json) -> list[tuple[str, tuple[DiffRow, ...]]]:
    tasks = [(stage["name"], task) for stage in stages_of(execution) for group in stage["groups"] for task in group]
    return [
        (f"{stage} / {task['name']}", rows)
        for stage, task in tasks
        if isinstance(task.get("output"), dict) and (rows := diff_rows(str(task["output"].get("diff") or "")))
    ]
