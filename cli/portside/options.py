"""Options that many commands share, as decorators."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import click

from .connection import PortsideServer, connect
from .output import FORMS

Function = TypeVar("Function", bound=Callable[..., Any])


def with_server(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--context` and `--project`; the command gets the signed-in `Server` as its first argument."""

    @click.option("--context", "context_name", default="", metavar="NAME", help="Use this context.")
    @click.option("--project", default="", metavar="NAME", help="Use this project instead of the context's.")
    @wraps(function)
    def signed_in(*arguments: Any, context_name: str, project: str, **options: Any) -> Any:
        server = connect(context_name, project)
        return call(server, function, *arguments, **options)

    return signed_in


def with_context(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--context` alone, for commands in whose options a project means something else."""

    @click.option("--context", "context_name", default="", metavar="NAME", help="Use this context.")
    @wraps(function)
    def signed_in(*arguments: Any, context_name: str, **options: Any) -> Any:
        return call(connect(context_name, ""), function, *arguments, **options)

    return signed_in


def call(server: PortsideServer, function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """Run a command; where it is refused, also say that the server is of another release, if it is."""
    from .api import ApiError
    from .connection import server_version, version_note
    from .ending import CommandFailed, note

    try:
        return function(server, *arguments, **options)
    except ApiError as refused:
        try:
            differs = version_note(server_version(server.client))
        except CommandFailed:
            differs = ""
        if differs:
            note(f"note: {differs}")
        raise refused


def with_output(function: Function) -> Function:
    """`-o`: how the result is printed."""
    return click.option(
        "-o", "--output", "form", type=click.Choice(FORMS), default="table", show_default=True, help="How to print it."
    )(function)


def with_yes(function: Function) -> Function:
    """`--yes`: go ahead without a question."""
    return click.option("--yes", is_flag=True, help="Go ahead without a question.")(function)


def with_limit(function: Function) -> Function:
    """`--limit`: how many rows."""
    return click.option(
        "--limit", type=click.IntRange(1, 2_000), default=25, show_default=True, help="At most this many rows."
    )(function)


def with_watch(function: Function) -> Function:
    """`--watch`: print again whenever something changed, until Ctrl-C."""
    return click.option("--watch", is_flag=True, help="Print again whenever something changes, until Ctrl-C.")(function)
