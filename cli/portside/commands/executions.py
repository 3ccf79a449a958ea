"""`executions`: list, look at, follow, and steer runs."""

from __future__ import annotations

from typing import Any

import click

from ..connection import PortsideServer
from ..ending import CommandFailed, confirm, note
from ..lazy import LazyGroup
from ..options import with_limit, with_output, with_server, with_watch, with_yes
from ..output import Column, age, as_yaml, duration, field, local_time, print_all, print_one
from ..runs import exit_code_of, locate, reference_of, split_image, watch_run
from ..watching import repeat

PLACES = {
    name: f"{__name__}:{name}" for name in ("list", "get", "watch", "logs", "cancel", "pause", "resume", "rerun")
} | {"list": f"{__name__}:executions_list", "logs": "{}:logs".format(__name__.replace("executions", "logs"))}
STATUSES = ("CREATED", "NOT_STARTED", "RUNNING", "WAITING", "COMPLETED", "FAILED", "CANCELED")
COLUMNS = (
    Column("EXECUTION", lambda run: reference_of(run)),
    field("STATUS", "status"),
    age("STARTED", "_requestTimeInMicros"),
    Column("TOOK", lambda run: duration(run.get("_durationInMicros"))),
    field("BY", "_executedBy"),
    field("ID", "id", wide=True),
    Column("AT", lambda run: local_time(run.get("_requestTimeInMicros")), wide=True),
    field("COMMENT", "comments", wide=True),
    field("MESSAGE", "statusMessage"),
)


@click.group(cls=LazyGroup, places=PLACES)
def executions() -> None:
    """List, watch and steer executions.

    An EXECUTION is named by its id, by `PIPELINE#NUMBER`, or by `PIPELINE` for the newest one.
    """


@click.command("list")
@click.option("--pipeline", default="", metavar="NAME", help="Only those of this pipeline.")
@click.option("--status", type=click.Choice(STATUSES, case_sensitive=False), help="Only those with this status.")
@click.option("--image", default="", metavar="REPOSITORY[:TAG]", help="Only those that deploy this image.")
@click.option("--all-projects", is_flag=True, help="Those of every project that you may read.")
@with_limit
@with_watch
@with_output
@with_server
def executions_list(
    server: PortsideServer,
    pipeline: str,
    status: str | None,
    image: str,
    all_projects: bool,
    limit: int,
    watch: bool,
    form: str,
) -> None:
    """List executions, newest first."""
    repository, tag = split_image(image)
    fields = {
        "name": pipeline,
        "status": status or "",
        "project": "" if all_projects else server.project,
        "_imageName": repository,
        "_imageTag": tag,
    }

    def show() -> None:
        runs = server.rows("/executions", limit, **fields)
        print_all(runs, COLUMNS, form, name="id", empty="No executions.")

    repeat(show, watch=watch)


@click.command()
@click.argument("execution")
@with_output
@with_server
def get(server: PortsideServer, execution: str, form: str) -> None:
    """Show one execution with its stages and tasks."""
    from ..follow import rows

    run = locate(server, execution)
    steps = [(f"{stage} / {task}" if task else stage, *rest) for stage, task, *rest in rows(run)]
    width = max((len(title) for title, *_ in steps), default=0)
    lines = [
        f"  {title:<{width}}  {status:<11}  {took:<8}  {message}".rstrip() for title, status, took, message in steps
    ]
    inputs = {name: text for name, text in (run.get("input") or {}).items() if text not in ("", None)}
    more = "\n".join(["", *lines, *(["", "input:", as_yaml(inputs).rstrip()] if form == "wide" and inputs else [])])
    page = Column("PAGE", lambda _: server.page(f"executions/{run['id']}"))
    print_one(run, (*COLUMNS, page), form, name="id", more=more)


@click.command()
@click.argument("execution")
@click.option(
    "--timeout", default=86_400, type=click.IntRange(1), show_default=True, help="Stop after this many seconds."
)
@with_server
def watch(server: PortsideServer, execution: str, timeout: int) -> int:
    """Follow an execution to its end; the exit code says how it ended."""
    run = locate(server, execution)
    return exit_code_of(watch_run(server, run, timeout_s=timeout))


def _act(
    server: PortsideServer, execution: str, action: str, verb: str, body: dict[str, Any] | None = None
) -> dict[str, Any]:
    run = locate(server, execution)
    answer = server.client.act(run["_link"], action, body)
    note(f"{verb} {reference_of(run)}.")
    return answer


@click.command()
@click.argument("execution")
@click.option("--reason", default="", help="Why; kept with the execution.")
@with_yes
@with_server
def cancel(server: PortsideServer, execution: str, reason: str, yes: bool) -> None:
    """Cancel an execution; what its tasks did stays."""
    confirm(f"Cancel {execution}?", yes=yes)
    _act(server, execution, "cancel", "Cancelling", {"reason": reason})


@click.command()
@click.argument("execution")
@with_server
def pause(server: PortsideServer, execution: str) -> None:
    """Pause an execution before its next task."""
    _act(server, execution, "pause", "Pausing")


@click.command()
@click.argument("execution")
@with_server
def resume(server: PortsideServer, execution: str) -> None:
    """Resume a paused execution."""
    _act(server, execution, "resume", "Resuming")


@click.command()
@click.argument("execution")
@click.option(
    "--from", "start", default="", metavar="PLACE", help="`failed`, a stage, or `Stage.Task`; what came before is kept."
)
@click.option("-i", "--input", "inputs", multiple=True, metavar="NAME=VALUE", help="An input that differs.")
@click.option("--wait", is_flag=True, help="Follow it; the exit code says how it ended.")
@click.option(
    "--timeout", default=86_400, type=click.IntRange(1), show_default=True, help="Wait at most this many seconds."
)
@with_server
def rerun(server: PortsideServer, execution: str, start: str, inputs: tuple[str, ...], wait: bool, timeout: int) -> int:
    """Run an execution again, whole or from a stage or task."""
    from ..runs import read_inputs

    body: dict[str, Any] = {"input": read_inputs(inputs)} if inputs else {}
    answer = _act(server, execution, "rerun", "Rerunning", {**body, **({"from": start} if start else {})})
    new_id = answer.get("executionId") or answer.get("id")
    if not new_id:
        raise CommandFailed("the server started nothing")
    run = server.client.get(f"/executions/{new_id}")
    click.echo(server.page(f"executions/{run['id']}"))
    return exit_code_of(watch_run(server, run, timeout_s=timeout)) if wait else 0
