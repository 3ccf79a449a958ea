"""How a command ends: exit codes, and failures that end it with one message on standard error.

The codes are promises to scripts; `docs/reference/cli.md` lists them from `MEANINGS`.
"""

from __future__ import annotations

import os
import sys
from enum import IntEnum
from typing import TextIO

import click

from .texts import message_of, printable, quoted

MAX_SECRET = 1_000_000


class ExitCode(IntEnum):
    """What a script learns of how a command ended."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    NOT_ALLOWED = 3
    NOT_FOUND = 4
    UNREACHABLE = 5
    DIFFERENT = 6
    EXECUTION_FAILED = 10
    EXECUTION_CANCELED = 11
    STILL_RUNNING = 12
    INTERRUPTED = 130


MEANINGS = {
    ExitCode.DONE: "Done. Of an execution that was waited for: it completed.",
    ExitCode.FAILED: "The server refused, or the command failed.",
    ExitCode.USAGE: "The command line is wrong.",
    ExitCode.NOT_ALLOWED: "Not signed in, or not allowed to do this.",
    ExitCode.NOT_FOUND: "The object does not exist, or you may not read it.",
    ExitCode.UNREACHABLE: "The server did not answer, or not in time.",
    ExitCode.DIFFERENT: "`diff` found differences.",
    ExitCode.EXECUTION_FAILED: "The execution that was waited for failed.",
    ExitCode.EXECUTION_CANCELED: "The execution that was waited for was cancelled.",
    ExitCode.STILL_RUNNING: "The execution still runs after `--timeout`.",
    ExitCode.INTERRUPTED: "Ctrl-C.",
}


class CommandFailed(Exception):
    """An expected failure: what failed, and on further lines what to do."""

    def __init__(self, message: str, exit_code: ExitCode = ExitCode.FAILED) -> None:
        super().__init__(message)
        self.message = message
        self.exit_code = exit_code

    def show(self) -> None:
        """Print the message on standard error, without control characters that an answer may hold."""
        click.echo(click.style("error: ", fg="red") + message_of(self.message), err=True, color=colours(sys.stderr))


def colours(stream: TextIO) -> bool:
    """Whether to colour: on a terminal, unless NO_COLOR is set (no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def note(message: str) -> None:
    """Say something beside the result: on standard error, so that a pipe gets the result alone."""
    click.echo(printable(message), err=True)


def why(error: OSError | UnicodeDecodeError) -> str:
    """What the system says of a file, in words alone."""
    return (error.strerror if isinstance(error, OSError) else "it is not UTF-8") or str(error)


def demand_terminal(purpose: str, instead: str) -> None:
    """Refuse to ask where nobody can answer; `instead` names the option that answers ahead."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise CommandFailed(f"{purpose} needs a terminal; {instead}", ExitCode.USAGE)


def confirm(question: str, *, yes: bool) -> None:
    """Continue only if the person agrees; `--yes` agrees ahead, which a build must do."""
    if yes:
        return
    question = printable(question)
    demand_terminal(f"asking {quoted(question)}", "give --yes to go ahead without a question.")
    if not click.confirm(question, err=True):
        raise CommandFailed("nothing was changed")


def ask_secret(question: str, *, lines: bool = False) -> str:
    """Ask on a terminal, hidden; elsewhere the first line of standard input, or all its `lines`: some must be there."""
    if sys.stdin.isatty():
        return str(click.prompt(printable(question), hide_input=True, err=True))
    text = sys.stdin.read(MAX_SECRET + 1) if lines else sys.stdin.readline(MAX_SECRET + 1)
    if len(text) > MAX_SECRET:
        raise CommandFailed(f"{question}: standard input has more than {MAX_SECRET:,} characters", ExitCode.USAGE)
    if not (secret := text.removesuffix("\n").removesuffix("\r")):
        raise CommandFailed(f"{question}: standard input is empty; send it there", ExitCode.USAGE)
    return secret
