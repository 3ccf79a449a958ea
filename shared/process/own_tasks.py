"""Task types of one's own: whatever is installed beside Portside and named by an entry point of the group.

Every process that knows task types asks here: the runner for the types, config and gateway for what they take as input.
"""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Any

from .logging import get_logger

GROUP = "portside.tasks"

log = get_logger()


def own_task_types() -> list[Any]:
    """The types, made; one that cannot be loaded is left out and said, so that the others keep working."""
    task_types = []
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
        try:
            task_type = entry.load()()
            if not task_type.name or not isinstance(task_type.schema, dict):
                raise TypeError("a task type has a `name` and a `schema`")
        except Exception as error:
            log.error("task-type.not-loaded", entry_point=entry.value, reason=f"{type(error).__name__}: {error}")
        else:
            task_types.append(task_type)
    return task_types


def add_own_schemas(schemas: dict[str, dict[str, Any]]) -> None:
    """Let pipelines use the types of one's own; a built-in type keeps its name."""
    for task_type in own_task_types():
        schemas.setdefault(task_type.name, task_type.schema)
