"""The `portside` command and where each of its commands lives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from .lazy import RootCommand
from .version import __version__

_HERE = f"{__package__}.commands"
COMMANDS = {
    "login": "session:login",
    "logout": "session:logout",
    "whoami": "session:whoami",
    "contexts": "session:contexts",
    "executions": "executions:executions",
    "run": "run:run",
    "why": "pushes:why",
    "events": "pushes:events",
    "push": "pushes:push",
    "approvals": "approvals:approvals",
    "approve": "approvals:approve",
    "reject": "approvals:reject",
    "webhooks": "webhooks:webhooks",
    "pipelines": "pipelines:pipelines",
    "endpoints": "endpoints:endpoints",
    "variables": "variables:variables",
    "live": "live:live",
    "apply": "transfer:apply",
    "diff": "transfer:diff",
    "import": "transfer:import_",
    "export": "transfer:export",
    "projects": "projects:projects",
    "users": "users:users",
    "tokens": "tokens:tokens",
    "queues": "queues:queues",
    "doctor": "doctor:doctor",
    "completion": "completion:completion",
}


def root(more: Mapping[str, str] | None = None, aliases: Mapping[str, str] | None = None) -> RootCommand:
    """The command with these further commands, and aliases that are not listed; each is `module:attribute`."""
    places = {name: f"{_HERE}.{place}" for name, place in COMMANDS.items()}
    command = RootCommand(
        name="portside",
        help="Portside: an image is pushed, and the right pipeline deploys it.",
        epilog="Exit codes, environment variables and every option: docs/reference/cli.md.",
        places={**places, **(more or {})},
        aliases=aliases,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )
    return _with_version(command)


def _with_version(command: RootCommand) -> RootCommand:
    decorate: Any = click.version_option(__version__, prog_name="portside")
    decorated: RootCommand = decorate(command)
    return decorated


main = root()
