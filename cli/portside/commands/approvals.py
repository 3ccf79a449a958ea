"""`approvals`, `approve` and `reject`: the questions that runs wait on."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import click

from ..connection import PortsideServer, looks_like_id
from ..ending import CommandFailed, ExitCode, note
from ..lazy import LazyGroup
from ..options import with_limit, with_output, with_server, with_watch
from ..output import Column, age, field, print_all
from ..runs import ask_filter, locate
from ..watching import repeat

PLACES = {"list": f"{__name__}:approvals_list"}
OPEN = "ACTIVE"
COLUMNS = (
    Column("EXECUTION", lambda question: f"{question.get('pipelineName')}#{question.get('executionIndex')}"),
    field("STATUS", "status"),
    field("QUESTION", "summary"),
    age("ASKED", "_requestedOnInMicros"),
    field("BY", "requestedBy"),
    field("ID", "id"),
)


@click.group(cls=LazyGroup, places=PLACES)
def approvals() -> None:
    """Questions that executions wait on. Answer with `approve` or `reject`."""


@click.command("list")
@click.option("--all", "settled_too", is_flag=True, help="Settled ones too.")
@with_limit
@with_watch
@with_output
@with_server
def approvals_list(server: PortsideServer, settled_too: bool, limit: int, watch: bool, form: str) -> None:
    """List open approvals of the project."""

    def show() -> None:
        status = "" if settled_too else OPEN
        questions = server.rows("/user-operations", limit, project=server.project, status=status)
        print_all(questions, COLUMNS, form, name="id", empty="No open approvals.")

    repeat(show, watch=watch)


@click.command()
@click.argument("approval")
@click.option("-m", "--message", default="", help="Shown with the answer.")
@with_server
def approve(server: PortsideServer, approval: str, message: str) -> None:
    """Approve what an execution waits for. APPROVAL is its id, or its execution as `PIPELINE#NUMBER`."""
    _answer(server, approval, "Approved", message)


@click.command()
@click.argument("approval")
@click.option("-m", "--message", default="", help="Shown with the answer.")
@with_server
def reject(server: PortsideServer, approval: str, message: str) -> None:
    """Reject what an execution waits for. APPROVAL is its id, or its execution as `PIPELINE#NUMBER`."""
    _answer(server, approval, "Rejected", message)


def _answer(server: PortsideServer, reference: str, status: str, message: str) -> None:
    question = _question(server, reference)
    path = f"/user-operations/{quote(str(question['id']), safe='')}"
    answered = server.client.patch(path, {"status": status, "responseMessage": message})
    execution = COLUMNS[0].show(question)
    state = str(answered.get("status"))
    if state.upper() == OPEN:
        note(f"{status}: {execution} waits for further answers.")
    else:
        note(f"{status}: {execution}.")


def _question(server: PortsideServer, reference: str) -> dict[str, Any]:
    if "#" not in reference or looks_like_id(reference):
        return server.client.get(f"/user-operations/{quote(reference, safe='')}")
    run = locate(server, reference)
    questions = server.client.documents("/user-operations", **ask_filter(executionId=run["id"], status=OPEN))
    if not questions:
        raise CommandFailed(f"{reference} waits for no approval", ExitCode.NOT_FOUND)
    if len(questions) > 1:
        ids = ", ".join(str(question["id"]) for question in questions)
        raise CommandFailed(f"{reference} waits for several approvals; name one by its id: {ids}", ExitCode.USAGE)
    return questions[0]
