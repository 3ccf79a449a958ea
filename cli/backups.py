"""`portside system backup`, `restore` and `verify`: by the process that may open the database."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click
from rich.console import Console

from cli import system
from cli.ending import failures_said
from cli.processes import portside

Environment = Callable[[], dict[str, str]]
_FILE = click.Path(path_type=Path)


def commands(environment: Environment, home: Path) -> list[click.Command]:
    """The three commands. `environment` is that of the system that was started here."""

    def run(*arguments: str, variables: dict[str, str]) -> None:
        with failures_said(Console(stderr=True)):
            click.echo(system.run_once(portside("services.config", *arguments), variables))

    @click.command()
    @click.argument("target", type=_FILE)
    @click.option("--keys", type=_FILE, help="Write the keys into this file; keep it elsewhere.")
    @click.option("--spool", "spools", multiple=True, type=_FILE, help="The gateway's spool, where it is not here.")
    @click.option("--keep", type=click.IntRange(1), help="Delete all but this many of the backups in the folder.")
    def backup(target: Path, keys: Path | None, spools: tuple[Path, ...], keep: int | None) -> None:
        """Back up database and spool into one file. Portside may run. In a folder the file is named by the time."""
        more = [*_given("--keys", keys), *_given("--keep", keep)]
        for spool in spools:
            more += _given("--spool", spool)
        with failures_said(Console(stderr=True)):
            variables = environment()
        run("backup", _absolute(target), *more, variables=variables)

    @click.command()
    @click.argument("source", type=_FILE)
    @click.option("--keys", type=_FILE, help="Put the keys of this file back too.")
    @click.option("--spool", type=_FILE, help="The gateway's spool, where it is not here.")
    @click.option("--replace", is_flag=True, help="Replace all that the database holds.")
    @click.option("--without-secrets", is_flag=True, help="Restore although no key here opens its secrets.")
    def restore(source: Path, keys: Path | None, spool: Path | None, replace: bool, without_secrets: bool) -> None:
        """Restore a backup. Portside must be stopped, or not have been started yet."""
        more = [*_given("--keys", keys), *_given("--spool", spool)]
        more += [flag for flag, is_set in (("--replace", replace), ("--without-secrets", without_secrets)) if is_set]
        try:
            variables = environment()
        except system.SetUpFailed:
            # Nothing was started here yet: this is what the first start will find.
            variables = {"PORTSIDE_HOME": str(home.absolute())}
        run("restore", _absolute(source), *more, variables=variables)

    @click.command()
    @click.argument("source", type=_FILE)
    def verify(source: Path) -> None:
        """Read a backup whole and report what it holds."""
        run("verify", _absolute(source), variables={})

    return [backup, restore, verify]


def _given(option: str, value: object) -> list[str]:
    return [] if value is None else [option, _absolute(value) if isinstance(value, Path) else str(value)]


def _absolute(path: Path) -> str:
    return str(path.absolute())
