"""Follows one execution in the terminal: a redrawn table on a tty, one line a change elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from .output import STYLES, duration
from .texts import printable

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

Json = dict[str, Any]
ENDED = frozenset({"COMPLETED", "FAILED", "CANCELED", "SKIPPED"})
SIGN = {"COMPLETED": "✔", "FAILED": "✘", "RUNNING": "▶", "WAITING": "…", "CANCELED": "■", "SKIPPED": "↷"}


def rows(execution: Json) -> Iterator[tuple[str, str, str, str, str]]:
    """(stage, task, status, time, message) in the order of the pipeline."""
    for stage_name in execution.get("stageOrder") or []:
        stage = execution.get("stages", {}).get(stage_name) or {}
        status = stage.get("status", "NOT_STARTED")
        yield printable(stage_name), "", status, duration(stage.get("_durationInMicros")), ""
        for task_name in task_names(stage):
            task = (stage.get("tasks") or {}).get(task_name) or {}
            message = str(task.get("failureMessage") or task.get("statusMessage") or "")
            yield (
                printable(stage_name),
                printable(task_name),
                task.get("status", "NOT_STARTED"),
                duration(task.get("_durationInMicros")),
                printable(message),
            )


def task_names(stage: Json) -> list[str]:
    """A stage's tasks in order; those that run side by side are joined by commas there."""
    return [name for group in stage.get("taskOrder") or [] for name in group.split(",")]


def follow(console: Console, fetch: Callable[[], Json], *, limit_s: float = 420.0, every_s: float = 0.15) -> Json:
    """Show an execution until it ends, at most `limit_s`, and return it as it was last seen."""
    deadline = time.monotonic() + limit_s
    with _screen(console) as show:
        while True:
            execution = fetch()
            show(execution)
            if execution["status"] in ENDED or time.monotonic() > deadline:
                return execution
            time.sleep(every_s)


@contextmanager
def _screen(console: Console) -> Iterator[Callable[[Json], None]]:
    if console.is_terminal:
        from rich.live import Live

        with Live(console=console, refresh_per_second=10) as live:
            yield lambda execution: live.update(_table(execution))
        return
    printed: dict[tuple[str, str], tuple[str, str]] = {}

    def print_changes(execution: Json) -> None:
        for stage, task, status, took, message in rows(execution):
            if status != "NOT_STARTED" and printed.get((stage, task)) != (status, message):
                printed[stage, task] = (status, message)
                name = f"{stage} / {task}" if task else stage
                console.print(
                    f"    {SIGN.get(status, '·')} {name:<28} {status:<10} {took:<7} {message}",
                    markup=False,
                    soft_wrap=True,
                )

    yield print_changes


def _table(execution: Json) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, show_header=False)
    for stage, task, status, took, message in rows(execution):
        style = STYLES.get(status, "dim")
        name = f"    {task}" if task else f"  {stage}"
        table.add_row(Text(SIGN.get(status, "·"), style), Text(name), Text(status, style), took, Text(message))
    return table
