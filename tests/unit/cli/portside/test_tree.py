"""What holds for every command of the tree, whichever there are."""

from __future__ import annotations

import runpy
import sys
from collections.abc import Iterator

import click
import pytest

from cli.portside.root import main

LOCAL = {"contexts"}
"""Lists of this machine's own files, which nothing else changes."""


def commands(group: click.Group, above: str = "") -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        path = f"{above} {name}".strip()
        yield path, command
        if isinstance(command, click.Group):
            yield from commands(command, path)


def test_every_list_can_be_watched() -> None:
    lists = {
        path: command for path, command in commands(main) if path.endswith(" list") and path.split()[0] not in LOCAL
    }
    assert {"executions list", "projects list", "queues list", "webhooks list"} <= lists.keys()
    unwatched = [
        path for path, command in lists.items() if not any("--watch" in option.opts for option in command.params)
    ]
    assert unwatched == []


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_the_module_of_local_commands_runs_the_whole_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["portside", "--version"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("cli.main", run_name="__main__")
    assert ended.value.code == 0 and capsys.readouterr().out.startswith("portside, version ")
