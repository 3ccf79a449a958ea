"""`projects`: rooms of teams, and which of them have their definitions in Git."""

from __future__ import annotations

import time
from typing import Any

import click

from ..connection import PortsideServer
from ..ending import CommandFailed, ExitCode, confirm, note
from ..lazy import LazyGroup
from ..options import with_limit, with_output, with_server, with_watch, with_yes
from ..output import Column, age, cell, field, print_one
from ..runs import ask_filter
from ..watching import repeat
from .listing import print_pages

PLACES = {name: f"{__name__}:projects_{name}" for name in ("list", "follow", "unfollow", "sync", "status")}
PROJECTS = (field("NAME", "name"), field("DESCRIPTION", "description"), field("ID", "id", wide=True))
SOURCE = (
    field("PROJECT", "project"),
    field("STATE", "state"),
    field("REPOSITORY", "repository"),
    field("BRANCH", "branch"),
    field("FOLDER", "folder"),
    field("COMMIT IN FORCE", "commit"),
    field("COMMIT READ", "seenCommit"),
    field("SUBJECT", "subject"),
    age("LOOKED AT", "_lookedAtInMicros"),
    Column("DEFINITIONS", lambda source: str(len(source.get("objects") or ()))),
    field("PROBLEM", "problem"),
    field("AT THE COMMIT", "commitStatus"),
)
SYNC_LIMIT_S = 180.0
_PAUSE_S = 1.0


@click.group(cls=LazyGroup, places=PLACES)
def projects() -> None:
    """Projects, and which of them have their definitions in Git."""


@click.command("list")
@with_watch
@with_limit
@with_output
@with_server
def projects_list(server: PortsideServer, limit: int, form: str, watch: bool) -> None:
    """List projects."""
    print_pages(server, "projects", PROJECTS, form, limit, "No projects.", watch=watch)


@click.command("follow")
@click.argument("project_name", metavar="PROJECT")
@click.option("--endpoint", required=True, help="The Git endpoint of the repository, in the same project.")
@click.option("--branch", default="", help="By default the repository's own.")
@click.option("--folder", default="", help="Where the YAML files are; by default the whole repository.")
@click.option("--every", "every_s", type=click.IntRange(10, 86_400), default=60, show_default=True, help="Seconds.")
@click.option("--prune", is_flag=True, help="Delete an object when its file is removed.")
@with_server
def projects_follow(
    server: PortsideServer, project_name: str, endpoint: str, branch: str, folder: str, every_s: int, prune: bool
) -> None:
    """Take a project's definitions from a Git repository. They are then read-only in Portside."""
    body = {"endpoint": endpoint, "branch": branch, "folder": folder, "everySeconds": every_s, "prune": prune}
    source = server.client.put(_address(server, project_name), body)
    note(f"Project {project_name} follows {source['repository']}. See: portside projects status {project_name}")


@click.command("unfollow")
@click.argument("project_name", metavar="PROJECT")
@with_yes
@with_server
def projects_unfollow(server: PortsideServer, project_name: str, yes: bool) -> None:
    """Stop following. The project's definitions stay, and people may change them."""
    address = _address(server, project_name)
    confirm(f"Let project {project_name} no longer follow its repository?", yes=yes)
    server.client.delete(address)
    note(f"Project {project_name} follows no repository.")


@click.command("sync")
@click.argument("project_name", metavar="PROJECT")
@with_output
@with_server
def projects_sync(server: PortsideServer, project_name: str, form: str) -> None:
    """Look at the repository now and wait for the outcome. Fails unless its newest commit is in force."""
    address = _address(server, project_name)
    before = server.client.post(f"{address}/sync", {})["_lookedAtInMicros"]
    deadline = time.monotonic() + SYNC_LIMIT_S
    while (source := server.client.get(address)).get("_lookedAtInMicros") == before:
        if time.monotonic() > deadline:
            raise CommandFailed(f"the repository was not looked at within {SYNC_LIMIT_S:.0f} s", ExitCode.FAILED)
        time.sleep(_PAUSE_S)
    _print(source, form)
    if source["state"] != "CURRENT":
        raise CommandFailed(f"project {project_name}: {source['problem']}", ExitCode.FAILED)


@click.command("status")
@click.argument("project_name", metavar="PROJECT")
@with_watch
@with_output
@with_server
def projects_status(server: PortsideServer, project_name: str, form: str, watch: bool) -> None:
    """Show which repository and commit a project follows. Says also what is wrong with a newer commit."""
    address = _address(server, project_name)
    repeat(lambda: _print(server.client.get(address), form), watch=watch)


def _print(source: dict[str, Any], form: str) -> None:
    if not source.get("following") and form in ("table", "wide"):
        click.echo(cell(f"Project {source['project']} follows no repository."))
        return
    flaws = [f"{flaw['file']}:{flaw['line']}:{flaw['column']}: {flaw['message']}" for flaw in source.get("flaws") or ()]
    others = [f"{entry['kind']} {entry['name']}: {entry['reason']}" for entry in source.get("notInGit") or ()]
    more = "\n".join([*flaws, *(["", "Not in Git:"] if others else []), *others])
    print_one(source, SOURCE, form, name="project", more=more)


def _address(server: PortsideServer, name: str) -> str:
    for project in server.client.pages("/projects", 2, **ask_filter(name=name)):
        return f"/projects/{project['id']}/source"
    raise CommandFailed(f"there is no project {name}", ExitCode.NOT_FOUND)
