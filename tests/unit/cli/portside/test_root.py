"""The command line itself: how it ends, what it suggests, what it prints."""

from __future__ import annotations

import errno
import io
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from cli.__main__ import main as whole
from cli.portside import contexts
from cli.portside.connection import version_note
from cli.portside.ending import CommandFailed, ExitCode, ask_secret
from cli.portside.output import duration, length, micros_of
from cli.portside.root import main
from cli.portside.runs import ask_filter, read_inputs
from cli.portside.texts import printable


def run(*words: str) -> Result:
    return CliRunner().invoke(main, list(words))


def test_a_word_that_no_command_is_gets_the_nearest_one() -> None:
    done = run("executions", "lst")
    assert done.exit_code == ExitCode.USAGE and "Did you mean 'list'?" in done.output


def test_the_unforeseen_ends_in_a_message_and_never_in_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise KeyError("no such")

    monkeypatch.setattr(contexts, "read", broken)
    monkeypatch.delenv("PORTSIDE_DEBUG", raising=False)
    done = run("contexts", "list")
    assert done.exit_code == ExitCode.FAILED and done.stdout == ""
    assert "KeyError" in done.stderr and "PORTSIDE_DEBUG=1" in done.stderr and "Traceback" not in done.stderr


def test_ctrl_c_has_the_shells_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(contexts, "read", interrupted)
    done = run("contexts", "list")
    assert done.exit_code == ExitCode.INTERRUPTED and done.stderr == "\ninterrupted\n"


def test_nothing_is_asked_without_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORTSIDE_CONFIG", "/nowhere/contexts.json")
    done = run("login", "https://portside.example.com")
    assert done.exit_code == ExitCode.USAGE and "needs a terminal; name it with --user" in done.stderr


@pytest.mark.parametrize("name", ["up", "init", "link", "password"])
def test_the_former_names_of_what_runs_a_system_still_work(name: str) -> None:
    done = CliRunner().invoke(whole, [name, "--help"])
    assert done.exit_code == 0 and f"portside {name}" in done.stdout
    assert f"\n  {name} " not in CliRunner().invoke(whole, ["--help"]).stdout


@pytest.mark.parametrize(
    ("server", "relation"),
    [("0.1.0", ""), ("0.1.7", ""), ("0.0.9", "older"), ("0.2.0", "newer"), ("1.0.0", "newer"), ("", "does not say")],
)
def test_a_server_of_another_release_is_said_to_be_one(server: str, relation: str) -> None:
    note = version_note(server, "0.1.0")
    assert relation in note and bool(note) == bool(relation)


@pytest.mark.parametrize(
    ("server", "own", "relation"),
    [
        ("0.1.0", "0.2.0.dev0", "older"),
        ("0.2.0.dev0", "0.1.0", "newer"),
        ("0.2.0.dev0", "0.2.0", ""),
        ("0.2.1", "0.2.0.dev0", ""),
        ("0.3.0.dev0", "0.2.0", "newer"),
    ],
)
def test_what_becomes_a_release_counts_as_that_release(server: str, own: str, relation: str) -> None:
    note = version_note(server, own)
    assert relation in note and bool(note) == bool(relation)


def test_what_comes_from_outside_cannot_steer_the_terminal() -> None:
    assert printable("a\x1b[2Jb\x9bc\td\r") == "a�[2Jb�c\td�"


def test_a_value_in_a_filter_cannot_end_its_quotes() -> None:
    assert ask_filter(name="ann's", status="") == {"$filter": "name eq 'ann''s'"}


def test_an_input_keeps_its_equals_signs() -> None:
    assert read_inputs(["A=1=2", "B="]) == {"A": "1=2", "B": ""}


def test_only_an_input_file_is_read_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("from a file")
    values = read_inputs([f"A=@{tmp_path}/notes"], [f"B={tmp_path}/notes"])
    assert values == {"A": f"@{tmp_path}/notes", "B": "from a file"}


@pytest.mark.parametrize(
    ("micros", "text"), [(None, ""), (1_230_000, "1.2 s"), (200_000_000, "3 min 20 s"), (7_260_000_000, "2 h 1 min")]
)
def test_how_long_something_took(micros: int | None, text: str) -> None:
    assert duration(micros) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(-3, "0 s"), (59, "59 s"), (61, "1 min"), (7_300, "2 h"), (90_000, "1 d")]
)
def test_how_long_ago_something_was(seconds: float, text: str) -> None:
    assert length(seconds) == text


def test_a_list_of_commands_cuts_no_sentence_off() -> None:
    assert [words for words in _listed(whole, click.Context(whole)) if words.endswith("...")] == []


def _listed(group: click.Group, context: click.Context) -> Iterator[str]:
    commands = {name: group.get_command(context, name) for name in group.list_commands(context)}
    room = 80 - 8 - max(map(len, commands))
    for name, command in commands.items():
        assert command is not None
        yield f"{name}: {command.get_short_help_str(room)}"
        if isinstance(command, click.Group):
            yield from _listed(command, click.Context(command, parent=context))


@pytest.mark.parametrize(("text", "secret"), [("a\nb\n", "a\nb"), ("a", "a"), ("a\r\n", "a")])
def test_a_value_of_several_lines_is_read_whole(monkeypatch: pytest.MonkeyPatch, text: str, secret: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))
    assert ask_secret("Value of key", lines=True) == secret


@pytest.mark.parametrize("text", ["", "\n"])
def test_an_empty_standard_input_is_not_taken_for_a_secret(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))
    with pytest.raises(CommandFailed, match="Password of ann: standard input is empty"):
        ask_secret("Password of ann")


def test_a_full_disk_is_not_a_fault_of_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    def full() -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(contexts, "read", full)
    done = run("contexts", "list")
    assert (done.exit_code, done.stderr) == (
        ExitCode.FAILED,
        "error: cannot print the result: No space left on device\n",
    )


def test_a_time_of_the_server_is_read() -> None:
    assert micros_of("2026-11-30 15:40:46.874069+00") == 1796053246874069
    assert (micros_of(""), micros_of(None), micros_of("soon")) == (0, 0, 0)
