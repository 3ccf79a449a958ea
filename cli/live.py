"""Follows one execution in the terminal: a redrawn table on a tty, one line a change elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.table import Table

from shared.contracts.base import Json

ENDED = frozenset({"COMPLETED", "FAILED", "CANCELED", "SKIPPED"})
STYLE = {
    "COMPLETED": "green",
    "FAILED": "bold red",
    "RUNNING": "cyan",
    "WAITING": "yellow",
    "CANCELED": "magenta",
    "SKIPPED": "dim",
}
SIGN = {"COMPLETED": "✔", "FAILED": "✘", "RUNNING": "▶", "WAITING": "…", "CANCELED": "■", "SKIPPED": "↷"}


def seconds(micros: int | None) -> str:
    """`1.2 s`, or nothing where it has not ended."""
    return f"{micros / 1_000_000:.1f} s" if micros else ""


def rows(execution: Json) -> Iterator[tuple[str, str, str, str, str]]:
    """(stage, task, status, time, message) in the order of the pipeline."""
    for stage_name in execution.get("stageOrder") or []:
        stage = execution.get("stages", {}).get(stage_name) or {}
        status = stage.get("status", "NOT_STARTED")
        yield stage_name, "", status, seconds(stage.get("_durationInMicros")), ""
        for group in stage.get("taskOrder") or []:
            for task_name in group.split(","):
                task = (stage.get("tasks") or {}).get(task_name) or {}
                message = str(task.get("failureMessage") or task.get("statusMessage") or "")
                yield (
                    stage_name,
                    task_name,
                    task.get("status", "NOT_STARTED"),
                    seconds(task.get("_durationInMicros")),
                    message,
                )


def follow(console: Console, fetch: Callable[[], Json], *, limit_s: float = 420.0) -> Json:
    """Show an execution until it ends and return it as it was last seen."""
    deadline = time.monotonic() + limit_s
    with _screen(console) as show:
        while True:
            execution = fetch()
            show(execution)
            if execution["status"] in ENDED or time.monotonic() > deadline:
                return execution
            time.sleep(0.15)


@contextmanager
def _screen(console: Console) -> Iterator[Callable[[Json], None]]:
    if console.is_terminal:
        with Live(console=console, refresh_per_second=10) as live:
            yield lambda execution: live.update(_table(execution))
        return
    printed: dict[tuple[str, str], tuple[str, str]] = {}

    def say_changes(execution: Json) -> None:
        for stage, task, status, duration, message in rows(execution):
            if status != "NOT_STARTED" and printed.get((stage, task)) != (status, message):
                printed[stage, task] = (status, message)
                name = f"{stage} / {task}" if task else stage
                console.print(
                    f"    {SIGN.get(status, '·')} {name:<28} {status:<10} {duration:<7} {message}",
                    markup=False,
                    soft_wrap=True,
                )

    yield say_changes


def _table(execution: Json) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    for stage, task, status, duration, message in rows(execution):
        style = STYLE.get(status, "dim")
        name = f"    {task}" if task else f"  {stage}"
        table.add_row(f"[{style}]{SIGN.get(status, '·')}[/]", name, f"[{style}]{status}[/]", duration, message)
    return table
