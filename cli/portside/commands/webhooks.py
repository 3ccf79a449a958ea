"""`webhooks`: which pushes start which pipeline."""

from __future__ import annotations

import click

from ..connection import PortsideServer
from ..ending import confirm
from ..lazy import LazyGroup
from ..options import with_limit, with_output, with_server, with_watch, with_yes
from ..output import cell, field, print_one
from .listing import print_collection

PLACES = {name: f"{__name__}:webhooks_{name}" for name in ("list", "get", "test", "rotate")}
WEBHOOKS = (
    field("NAME", "name"),
    field("ENABLED", "enabled"),
    field("REPOSITORY", "repository"),
    field("PIPELINE", "pipeline"),
    field("HOOK", "hubState"),
    field("LAST VERDICT", "lastVerdict"),
    field("TAGS", "tagNamePattern", wide=True),
    field("MISSING", "missing", wide=True),
    field("ID", "id", wide=True),
)


@click.group(cls=LazyGroup, places=PLACES)
def webhooks() -> None:
    """Which pushes start which pipeline."""


@click.command("list")
@with_watch
@with_limit
@with_output
@with_server
def webhooks_list(server: PortsideServer, limit: int, form: str, watch: bool) -> None:
    """List the webhooks of the project."""
    print_collection(server, "registry-webhooks", WEBHOOKS, form, limit, "No webhooks.", watch=watch)


@click.command("get")
@click.argument("webhook")
@with_output
@with_server
def webhooks_get(server: PortsideServer, webhook: str, form: str) -> None:
    """Show one webhook; its tokens are masked."""
    more = (field("HOOK URL", "hookUrl"), field("WHY", "hubMessage"), field("NOTICES", "notices"))
    print_one(server.find("registry-webhooks", webhook), (*WEBHOOKS, *more), form)


@click.command("test")
@click.argument("webhook")
@click.option("--tag", default="", help="The tag to test with; by default that of the last push.")
@with_output
@with_server
def webhooks_test(server: PortsideServer, webhook: str, tag: str, form: str) -> None:
    """Send a test delivery through a webhook. Every hop is checked, and nothing is started."""
    from .pushes import check_webhook

    check_webhook(server, webhook, {"tag": tag}, form)


@click.command("rotate")
@click.argument("webhook")
@with_yes
@with_server
def webhooks_rotate(server: PortsideServer, webhook: str, yes: bool) -> None:
    """Give a webhook a new secret token. Its new hook URL is printed and not shown again.

    At Docker Hub the hook is changed too; at other registries set the new URL yourself.
    """
    stored = server.find("registry-webhooks", webhook)
    confirm(f"Replace the token of webhook {stored['name']}?", yes=yes)
    rotated = server.client.act(f"/registry-webhooks/{stored['id']}", "rotate")
    click.echo(cell(rotated["hookUrl"]))
