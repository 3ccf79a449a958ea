"""`executions logs`: what the tasks of a run printed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import click

from ..connection import PortsideServer
from ..ending import CommandFailed, ExitCode
from ..follow import ENDED, task_names
from ..options import with_server
from ..output import page_lines
from ..runs import POLL_S, locate, patiently
from ..texts import counted, printable, quoted

Json = dict[str, Any]
AT_ONCE = 2_000


@click.command()
@click.argument("execution")
@click.option("-f", "--follow", is_flag=True, help="Print further lines as they come, until the execution ends.")
@click.option("--task", "place", default="", metavar="STAGE[.TASK]", help="Only of this stage or task.")
@with_server
def logs(server: PortsideServer, execution: str, follow: bool, place: str) -> None:
    """Print the output of an execution's tasks, in their order."""
    run = locate(server, execution)
    tasks = list(_tasks(run, place))
    if place and not tasks:
        raise CommandFailed(f"the execution has no stage or task {quoted(place)}", ExitCode.NOT_FOUND)
    ends: dict[tuple[str, str, int], int] = {}
    named = len(tasks) > 1
    if not follow:
        page_lines(line for task in tasks for line in _new_lines(server, run, task, ends, named))
        return
    drained: set[tuple[str, str]] = set()
    ended: set[tuple[str, str]] = set()
    while True:
        for task in (task for task in tasks if task not in drained):
            for line in _new_lines(server, run, task, ends, named):
                click.echo(line)
        if run["status"] in ENDED:
            return
        # Lines may arrive shortly after the status: a task is read once more after it was seen to have ended.
        drained = ended
        ended = {task for task in tasks if _status(run, task) in ENDED}
        time.sleep(POLL_S)
        run = patiently(server, run["_link"])


def _tasks(run: Json, place: str) -> Iterator[tuple[str, str]]:
    """Stage and task of those that `place` names."""
    for stage_name in run.get("stageOrder") or []:
        stage = (run.get("stages") or {}).get(stage_name) or {}
        for task_name in task_names(stage):
            if place in ("", stage_name, f"{stage_name}.{task_name}"):
                yield stage_name, task_name


def _new_lines(
    server: PortsideServer, run: Json, task: tuple[str, str], ends: dict[tuple[str, str, int], int], named: bool
) -> Iterator[str]:
    """Lines of one task after those that `ends` counts, which it moves on; says where lines were not kept."""
    if _status(run, task) == "NOT_STARTED":
        return
    stage_name, task_name = task
    prefix = printable(f"{stage_name}.{task_name} | ") if named else ""
    query: dict[str, str | int] = {"stage": stage_name, "task": task_name, "$top": AT_ONCE}
    skip = 0
    while True:
        chunks = server.client.get(f"/executions/{run['id']}/logs", **query, **{"$skip": skip})["lines"]
        for chunk in chunks:
            key = (*task, int(chunk.get("try") or 1))
            first, lines = int(chunk["firstLine"]), chunk["lines"]
            end = ends.get(key, 0)
            if first > end:
                yield f"{prefix}[{counted(first - end, 'line')} not kept]"
            for line in lines[max(0, end - first) :]:
                yield prefix + printable(str(line))
            ends[key] = max(end, first + len(lines))
        skip += len(chunks)
        if len(chunks) < AT_ONCE:
            return


def _status(run: Json, task: tuple[str, str]) -> str:
    stage = (run.get("stages") or {}).get(task[0]) or {}
    return str(((stage.get("tasks") or {}).get(task[1]) or {}).get("status", "NOT_STARTED"))
