"""`tokens`: API tokens, for builds and other programs."""

from __future__ import annotations

from urllib.parse import quote

import click

from ..connection import PortsideServer
from ..ending import CommandFailed, ExitCode, confirm, note
from ..lazy import LazyGroup
from ..options import with_context, with_limit, with_output, with_server, with_watch, with_yes
from ..output import Column, ago, field, local_time, micros_of, print_one
from ..texts import quoted
from .listing import print_pages

PLACES = {name: f"{__name__}:tokens_{name}" for name in ("list", "create", "delete")}
TOKENS = (
    field("NAME", "name"),
    field("USER", "user"),
    field("MAY", "access"),
    Column("PROJECT", lambda token: token.get("project") or "all"),
    Column("LAST USED", lambda token: ago(micros_of(token.get("lastUsedAt")))),
    Column("EXPIRES", lambda token: local_time(micros_of(token.get("expiresAt")))),
    field("ID", "id"),
)


@click.group(cls=LazyGroup, places=PLACES)
def tokens() -> None:
    """API tokens, for builds and other programs."""


@click.command("list")
@with_watch
@with_limit
@with_output
@with_server
def tokens_list(server: PortsideServer, limit: int, form: str, watch: bool) -> None:
    """List API tokens; none is shown in clear."""
    print_pages(server, "api-tokens", TOKENS, form, limit, "No API tokens.", watch=watch)


@click.command("create")
@click.argument("name")
@click.option("--days", type=click.IntRange(1), help="How long it is valid; by default half a year.")
@click.option("--project", default="", metavar="NAME", help="It may act in this project alone.")
@click.option("--read", "access", flag_value="read", help="It may only read.")
@click.option("--run", "access", flag_value="run", help="It may only run pipelines, and read.")
@with_output
@with_context
def tokens_create(
    server: PortsideServer, name: str, days: int | None, project: str, access: str | None, form: str
) -> None:
    """Create an API token that acts as you. It is printed and not shown again."""
    narrowed = {"goodForDays": days, "project": project, "access": access}
    api_token = server.client.post(
        "/api-tokens", {"name": name, **{key: text for key, text in narrowed.items() if text}}
    )
    if form == "table":
        click.echo(api_token["token"])
        return
    print_one(api_token, (*TOKENS, field("TOKEN", "token")), form, name="token")


@click.command("delete")
@click.argument("token", metavar="NAME_OR_ID")
@with_yes
@with_server
def tokens_delete(server: PortsideServer, token: str, yes: bool) -> None:
    """Revoke an API token."""
    named = [row for row in server.client.pages("/api-tokens", 2_000) if token in (row["id"], row["name"])]
    if len(named) != 1:
        problem = "there is no API token" if not named else "there are several API tokens"
        raise CommandFailed(f"{problem} {quoted(token)}; name one by its id: portside tokens list", ExitCode.NOT_FOUND)
    confirm(f"Revoke API token {named[0]['name']}?", yes=yes)
    server.client.delete(f"/api-tokens/{quote(str(named[0]['id']), safe='')}")
    note(f"Revoked API token {named[0]['name']}.")
