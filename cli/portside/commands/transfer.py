"""`import`, `export`, `diff` and `apply`: definitions as YAML files."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..connection import PortsideServer
from ..ending import CommandFailed, ExitCode, colours, confirm, note
from ..options import with_output, with_server, with_yes
from ..output import Column, field, page, print_all
from ..texts import counted, printable

if TYPE_CHECKING:
    from ..plan import Definition, Key, PlannedStep

Json = dict[str, Any]
PLAN = (
    field("ACTION", "action"),
    field("KIND", "kind"),
    field("NAME", "name"),
    field("PROJECT", "project"),
    field("FILE", "file"),
    Column("WILL NOT RUN", lambda row: "; ".join(row["willNotRun"])),
)
REPORT = (
    field("STATUS", "status"),
    field("KIND", "kind"),
    field("NAME", "name"),
    Column("MESSAGE", lambda row: _message(row)),
)
FILES = click.option(
    "-f", "--file", "paths", multiple=True, required=True, metavar="FILE|DIR",
    type=click.Path(path_type=Path, exists=True, allow_dash=True), help="A YAML file, a folder of them, or - .",
)  # fmt: skip
KINDS = ("pipelines", "endpoints", "variables", "registry-webhooks", "schedules", "projects")


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, allow_dash=True))
@click.option(
    "--action",
    type=click.Choice(("apply", "create", "update")),
    default="apply",
    show_default=True,
    help="`create` and `update` refuse what exists, or does not.",
)
@with_output
@with_server
def import_(server: PortsideServer, file: Path, action: str, form: str) -> None:
    """Import definitions, such as an export of Code Stream. They are taken as they are, and the report names each."""
    from ..plan import read_files

    text = "\n---\n".join(text for _, text in read_files([file]))
    send_definitions(server, text, action, form)


def send_definitions(server: PortsideServer, text: str, action: str, form: str) -> None:
    """Import the text and print the report. Raises `CommandFailed` where an object was refused."""
    report = server.client.send_yaml("POST", "/import", text, action=action, project=server.project)
    objects: list[Json] = report["objects"]
    print_all(objects, REPORT, form)
    for document in objects:
        for line in _report_lines(document):
            note(f"{document['name']}: {line}")
    for secret in report.get("needsSecrets") or ():
        note(f"set: {secret}")
    if failed := [document for document in objects if document["status"] == "FAILED"]:
        raise CommandFailed(f"{len(failed)} of {counted(len(objects), 'object was', 'objects were')} refused")


def _message(document: Json) -> str:
    """What the report says of an object in one line; its flaws have lines of their own."""
    flaws = document.get("flaws") or ()
    return f"{counted(len(flaws), 'problem')}, below" if flaws else str(document.get("statusMessage") or "")


def _report_lines(document: Json) -> Iterator[str]:
    """What is wrong with an object, what will not run, what it lacks, and what deserves attention."""
    from ..api import flaw_line

    yield from map(flaw_line, document.get("flaws") or ())
    for task in document.get("willNotRun") or ():
        yield f"{task['stage']}.{task['task']}: {task['reason']}"
    yield from map(str, document.get("lacks") or ())
    for warning in document.get("warnings") or ():
        yield f"note: {warning}"


@click.command()
@click.argument("kind", type=click.Choice(KINDS), required=False)
@click.argument("names", nargs=-1)
@with_server
def export(server: PortsideServer, kind: str | None, names: tuple[str, ...]) -> None:
    """Export the project's definitions as YAML. With KIND and NAMES, those alone. Secrets are masked."""
    query: dict[str, str | int] = {"project": server.project}
    if kind:
        chosen = names or tuple(str(row["name"]) for row in server.client.pages(f"/{kind}", 2_000))
        query[kind] = ",".join(chosen)
    text = server.client.text("/export", **query)
    page(printable(text) if sys.stdout.isatty() else text)


@click.command()
@FILES
@with_server
def diff(server: PortsideServer, paths: tuple[Path, ...]) -> int:
    """Show how files differ from what the server has. The exit code is 6 where they do."""
    steps = [step for step in _plan(server, paths)[1] if step.verb != "leave"]
    text = "".join(
        step.difference or f"+++ {step.definition.file}: {step.definition.kind} {step.definition.name} is new\n"
        for step in steps
    )
    page(printable(text))
    return ExitCode.DIFFERENT if steps else ExitCode.DONE


@click.command()
@FILES
@click.option("--dry-run", is_flag=True, help="Print the plan and change nothing.")
@with_yes
@with_output
@with_server
def apply(server: PortsideServer, paths: tuple[Path, ...], dry_run: bool, yes: bool, form: str) -> None:
    """Make the server's definitions those of the files. First comes a plan, then, once agreed, the changes.

    The plan says of each object whether it is created, changed or left, and which tasks will not run here. An object
    that no file names stays.
    """
    texts, steps = _plan(server, paths)
    changes = [step for step in steps if step.verb != "leave"]
    if dry_run:
        print_all([step.row() for step in steps], PLAN, form)
        return
    if not changes:
        note("Nothing to change.")
        return
    from ..output import table

    click.echo(table([step.row() for step in steps], PLAN), nl=False, err=True, color=colours(sys.stderr))
    confirm(f"Apply {counted(len(changes), 'change')} to project {server.project} at {server.context.url}?", yes=yes)
    changed_files = {step.definition.file for step in changes}
    text = "\n---\n".join(text for name, text in texts if name in changed_files)
    send_definitions(server, text, "apply", form)


def _plan(server: PortsideServer, paths: Sequence[Path]) -> tuple[list[tuple[str, str]], list[PlannedStep]]:
    """The files' texts, and what would become of each of their objects."""
    from ..plan import definitions, in_projects, plan, read_files

    texts = read_files(paths)
    existing = [str(row["name"]) for row in server.client.pages("/projects", 2_000)]
    desired = in_projects(definitions(texts), existing, server.project)
    for definition in desired:
        if not definition.name:
            raise CommandFailed(f"{definition.file}: an object has no name", ExitCode.USAGE)
        if definition.missing_project:
            note(
                f"{definition.file}: there is no project {definition.missing_project}: "
                f"{definition.kind} {definition.name} goes into {definition.project}"
            )
    tiles = server.client.get("/pipeline-tiles")["tiles"]
    stored = _stored(server, desired, set(existing))
    return texts, plan(desired, stored, frozenset(str(tile["type"]) for tile in tiles))


def _stored(server: PortsideServer, desired: Sequence[Definition], existing: set[str]) -> dict[Key, Json]:
    """What the server has of these objects, as it exports it."""
    from ..plan import definitions, in_projects

    texts = [
        server.client.text("/export", project=project)
        for project in sorted({definition.project for definition in desired} & existing)
    ]
    projects = sorted({definition.name for definition in desired if definition.kind == "PROJECT"} & existing)
    if projects:
        texts.append(server.client.text("/export", projects=",".join(projects)))
    exported = definitions([("the server's export", text) for text in texts])
    return {definition.key: definition.document for definition in in_projects(exported, existing, server.project)}
