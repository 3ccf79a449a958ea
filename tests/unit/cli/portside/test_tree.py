"""What holds for every command of the tree, whichever there are."""

from __future__ import annotations

import ast
import runpy
import sys
from pathlib import Path

import click
import pytest

from cli.__main__ import main as whole
from cli.portside.root import main
from tests.support import command_story
from tests.support.command_tree import commands

TESTS = Path(__file__).resolve().parents[3]
RUNNERS = {"run", "out", "json", "start"}
"""Methods of `tests/acceptance/portside_command.py` that run the command against the system of those tests."""
BACKUPS = "system/test_backup.py::test_another_system_goes_on_from_the_backup_of_a_running_one"
README = "system/test_readme.py::test_the_demo_takes_further_pushes_and_the_command"
SAMPLES = "system/test_first_steps.py::test_the_button_fills_in_the_steps_and_they_are_there_again_after_a_restart"
ANSWERS = "acceptance/test_portside_definitions.py::test_an_approval_is_listed_and_answered"
TESTED_BY = {
    "approve": ANSWERS,
    "reject": ANSWERS,
    "completion": "acceptance/test_portside_definitions.py::test_tab_completes_a_command_in_a_shell",
    "demo": "system/test_first_steps.py::test_the_chain_shows_a_push_that_pushes_on_and_deploys",
    "demo push": README,
    "system up": SAMPLES,
    "system backup": BACKUPS,
    "system restore": BACKUPS,
    "system verify": BACKUPS,
}
"""Commands whose test runs them otherwise than word by word through `RUNNERS`, and that test."""

ELSEWHERE = {"demo push", "system up", "system restore"}
"""Commands that start a system, start over or play the demo, and so are no part of a story with a running one."""

LOCAL = {"contexts"}
"""Lists of this machine's own files, which nothing else changes."""


def test_every_list_can_be_watched() -> None:
    lists = {
        path: command for path, command in commands(main) if path.endswith(" list") and path.split()[0] not in LOCAL
    }
    assert {"executions list", "projects list", "queues list", "webhooks list"} <= lists.keys()
    unwatched = [
        path for path, command in lists.items() if not any("--watch" in option.opts for option in command.params)
    ]
    assert unwatched == []


def test_every_command_has_a_test_against_a_running_system() -> None:
    leaves = {path for path, command in commands(whole) if not isinstance(command, click.Group) or path == "demo"}
    lines = run_in_acceptance()
    word_by_word = {path for path in leaves if any(f"{line} ".startswith(f"{path} ") for line in lines)}
    assert sorted(leaves - word_by_word - TESTED_BY.keys()) == []
    assert TESTED_BY.keys() <= leaves - word_by_word
    for test in TESTED_BY.values():
        file, _, name = test.partition("::")
        assert f"def {name}(" in (TESTS / file).read_text(encoding="utf-8"), test


def test_every_command_is_in_the_story_that_make_up_and_compose_are_taken_through() -> None:
    leaves = {path for path, command in commands(whole) if not isinstance(command, click.Group)}
    lines = [f"{line} " for line in command_story.command_lines()]
    assert {path for path in leaves if not any(line.startswith(f"{path} ") for line in lines)} == ELSEWHERE


def run_in_acceptance() -> set[str]:
    """The command lines that the acceptance tests run, as far as they are written there word by word."""
    lines = set()
    for file in (TESTS / "acceptance").glob("test_portside_*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in RUNNERS:
                words = [word.value for word in node.args if isinstance(word, ast.Constant)]
                lines.add(" ".join(map(str, words)))
    return lines


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_the_module_of_local_commands_runs_the_whole_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["portside", "--version"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("cli.main", run_name="__main__")
    assert ended.value.code == 0 and capsys.readouterr().out.startswith("portside, version ")
