"""Groups whose commands are imported when they are used, and a root that never ends with a traceback."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

import click

from .ending import CommandFailed, ExitCode, why
from .texts import message_of, quoted

DEBUG = "PORTSIDE_DEBUG"


class LazyGroup(click.Group):
    """A group that knows where its commands are: name → `module:attribute`. Names in `aliases` are not listed."""

    def __init__(
        self,
        *arguments: Any,
        places: Mapping[str, str],
        aliases: Mapping[str, str] | None = None,
        **attributes: Any,
    ) -> None:
        super().__init__(*arguments, **attributes)
        self._places = dict(places)
        self._aliases = dict(aliases or {})

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order of the table, which is that of use."""
        return list(self._places)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command, if there is one of that name."""
        place = self._places.get(cmd_name) or self._aliases.get(cmd_name)
        if place is None:
            return None
        module, _, attribute = place.partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with the nearest name for one that does not exist."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from difflib import get_close_matches

            near = get_close_matches(args[0], self._places, n=1)
            if not near:
                raise
            raise click.UsageError(f"{error.message} Did you mean {near[0]!r}?", ctx) from None


class RootCommand(LazyGroup):
    """The command itself: every failure ends with one message and a documented exit code."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Run one command line and exit."""
        if not standalone_mode:
            return super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
        sys.exit(self._outcome(args, prog_name or self.name, complete_var, extra))

    def _outcome(
        self, args: Sequence[str] | None, prog_name: str | None, complete_var: str | None, extra: dict[str, Any]
    ) -> int:
        try:
            _demand_text(sys.argv[1:] if args is None else args)
            result = super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
            sys.stdout.flush()
        except CommandFailed as error:
            error.show()
            return error.exit_code
        except click.UsageError as error:
            # What was typed is in the message, and must not steer the terminal.
            click.UsageError(message_of(error.format_message()), error.ctx).show()
            return error.exit_code
        except click.ClickException as error:
            click.ClickException(message_of(error.format_message())).show()
            return error.exit_code
        except (click.Abort, KeyboardInterrupt):
            click.echo("interrupted", err=True)
            return ExitCode.INTERRUPTED
        except BrokenPipeError:
            # The reader of the pipe has what it needs; Python must not complain while it flushes at its end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return ExitCode.DONE
        except OSError as error:
            # Files that a command reads or writes have sentences of their own.
            click.echo(f"error: cannot print the result: {why(error)}", err=True)
            return ExitCode.FAILED
        except Exception as error:
            if os.environ.get(DEBUG):
                raise
            name = type(error).__name__
            click.echo(
                f"error: {name}: {message_of(str(error))}\nThis is a fault of the command; {DEBUG}=1 shows where.",
                err=True,
            )
            return ExitCode.FAILED
        return result if isinstance(result, int) else ExitCode.DONE


def _demand_text(arguments: Sequence[str]) -> None:
    """Python makes half characters of bytes that are not UTF-8, which neither an address nor a message can have."""
    for position, argument in enumerate(arguments):
        if not argument.isascii() and any("\ud800" <= char <= "\udfff" for char in argument):
            raise CommandFailed(f"argument {position + 1} is not UTF-8: {quoted(argument)}", ExitCode.USAGE)
