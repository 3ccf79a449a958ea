"""`users`: people who may sign in."""

from __future__ import annotations

from typing import Any

import click

from ..connection import PortsideServer
from ..ending import CommandFailed, ExitCode, ask_secret, note
from ..lazy import LazyGroup
from ..options import with_limit, with_output, with_server, with_watch
from ..output import field
from ..runs import ask_filter
from .listing import print_pages

PLACES = {name: f"{__name__}:users_{name}" for name in ("list", "add", "password")}
USERS = (
    field("NAME", "userName"),
    field("ROLE", "serviceRole"),
    field("ENABLED", "enabled"),
    field("E-MAIL", "email"),
    field("GROUPS", "groups"),
    field("ID", "id", wide=True),
)


@click.group(cls=LazyGroup, places=PLACES)
def users() -> None:
    """People who may sign in."""


@click.command("list")
@with_watch
@with_limit
@with_output
@with_server
def users_list(server: PortsideServer, limit: int, form: str, watch: bool) -> None:
    """List users."""
    print_pages(server, "users", USERS, form, limit, "", watch=watch, name="userName")


@click.command("add")
@click.argument("name")
@click.option("--email", default="", help="Where approvals and notices for this user go.")
@click.option("--role", default="User", show_default=True, help="Service role, such as User or Administrator.")
@click.option("--group", "groups", multiple=True, help="A group for approvals; may be repeated.")
@with_server
def users_add(server: PortsideServer, name: str, email: str, role: str, groups: tuple[str, ...]) -> None:
    """Add a user. The password is asked for, or read from standard input."""
    password = ask_secret(f"Password of {name}")
    body = {"name": name, "email": email, "serviceRole": role, "groups": list(groups), "password": password}
    server.client.post("/users", body)
    note(f"Added user {name}.")


@click.command("password")
@click.argument("name")
@with_server
def users_password(server: PortsideServer, name: str) -> None:
    """Set a user's password: asked for, or read from standard input."""
    stored = _user(server, name)
    server.client.act(f"/users/{stored['id']}", "password", {"password": ask_secret(f"Password of {name}")})
    note(f"Set the password of {name}.")


def _user(server: PortsideServer, name: str) -> dict[str, Any]:
    for user in server.client.pages("/users", 2_000, **ask_filter(name=name)):
        return user
    raise CommandFailed(f"there is no user {name}", ExitCode.NOT_FOUND)
