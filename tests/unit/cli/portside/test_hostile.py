"""What is typed, and what comes out of files and answers, steers no terminal and fills none."""

from __future__ import annotations

import io
import itertools
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import yaml

from cli.portside import follow, output, plan, root, server_yaml
from cli.portside.ending import CommandFailed, ExitCode
from cli.portside.texts import MAX_MESSAGE, printable, quoted

ESCAPE = "\x1b[31mred\x9b0m\u202egnp\u2066"
STEERING = ("\x1b", "\x9b", "\u202e", "\u2066", "\x07", "\r", "\x00")


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        root.main.main(list(arguments), prog_name="portside")
    return int(ended.value.code or 0)


@pytest.mark.parametrize(
    "arguments",
    [
        [ESCAPE],
        ["executions", ESCAPE],
        ["executions", "list", f"--{ESCAPE}"],
        ["executions", "list", ESCAPE, ESCAPE],
        ["export", ESCAPE],
        ["apply", "-f", f"/nowhere/{ESCAPE}"],
        ["login", ESCAPE],
        ["executions", "list", "--limit", "9" * 5_000],
        ["x" * 100_000],
        ["export", "x" * 100_000],
    ],
)
def test_what_is_typed_is_shown_without_what_steers_a_terminal_and_cut(
    arguments: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert run(*arguments) == ExitCode.USAGE
    printed = "".join(capsys.readouterr())
    assert [sign for sign in STEERING if sign in printed] == []
    assert 0 < len(printed) < MAX_MESSAGE + 1_000


def test_an_argument_that_is_not_utf_8_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("executions", "get", "web\udcff") == ExitCode.USAGE
    assert "argument 3 is not UTF-8: 'web\\udcff'" in capsys.readouterr().err


def test_quotes_are_escaped_and_cut() -> None:
    assert quoted("a'b\x1b\n") == '"a\'b\\x1b\\n"'
    assert len(quoted("x" * 10_000)) < 120
    assert [sign for sign in STEERING if sign in printable(ESCAPE + "\r\x07\x00")] == []
    assert printable("Grüße, 世界\n\tok") == "Grüße, 世界\n\tok"


def test_json_keeps_each_value_and_steers_no_terminal() -> None:
    text = output.as_json({"name": ESCAPE, "title": "Grüße"})
    assert json.loads(text) == {"name": ESCAPE, "title": "Grüße"} and "Grüße" in text
    assert [sign for sign in STEERING if sign in text] == []


def test_names_of_stages_and_tasks_are_shown_as_they_are_written() -> None:
    stage = {"taskOrder": [ESCAPE], "tasks": {ESCAPE: {"failureMessage": ESCAPE}}}
    shown = "".join(itertools.chain(*follow.rows({"stageOrder": ["[red]"], "stages": {"[red]": stage}})))
    assert [sign for sign in STEERING if sign in shown] == [] and "[red]" in shown


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_lines_are_printed_as_they_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", stream := io.StringIO())
    seen = []

    def lines() -> Iterator[str]:
        for number in range(10_000):
            seen.append(stream.getvalue().count("\n"))
            yield f"line {number}"

    output.page_lines(lines())
    assert seen == list(range(10_000)) and stream.getvalue().endswith("line 9999\n")


def test_a_pager_gets_lines_as_it_asks_for_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", Terminal())
    monkeypatch.setattr(shutil, "get_terminal_size", lambda *_, **__: os.terminal_size((80, 24)))
    monkeypatch.setenv("LESS", "FRX")
    read: list[str] = []
    monkeypatch.setattr(click, "echo_via_pager", lambda text, color: read.extend(itertools.islice(text, 30)))
    output.page_lines(f"line {number}" for number in itertools.count())
    assert read[0] == "line 0\n" and len(read) == 30


NESTED_ALIASES = "a: &a0 [x]\n" + "".join(f"b{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[" * 200_000, "f.yaml:1:61: not YAML: nested deeper than 60 levels"),
        ("- " * 100_000, "f.yaml:1:121: not YAML: nested deeper than 60 levels"),
        (NESTED_ALIASES, "larger than 500,000 nodes"),
        ("a: &a [*a]", "refers to nothing, or to itself"),
        ("a: &a {b: *a}", "refers to nothing, or to itself"),
        ("a: " + "9" * 301, "f.yaml:1:4: not YAML: a number of more than 300 characters"),
        ("a: 0x" + "f" * 5_000, "a number of more than 300 characters"),
        ("a: !!python/object/apply:os.system [x]", "could not determine a constructor"),
        ("a: \x1b", "not YAML"),
        ("[1]", "a document is not an object"),
    ],
)
def test_a_file_that_stands_for_more_than_can_be_read_is_refused(text: str, reason: str) -> None:
    with pytest.raises(CommandFailed) as failed:
        plan.definitions([("f.yaml", text)])
    assert reason in failed.value.message


def test_aliases_and_numbers_within_bounds_are_read() -> None:
    documents = server_yaml.load(f"a: &x {{b: [1]}}\nc: *x\n---\nd: &x 2\ne: {'9' * 300}\n")
    assert documents == [{"a": {"b": [1]}, "c": {"b": [1]}}, {"d": 2, "e": 10**300 - 1}]
    with pytest.raises(yaml.YAMLError, match="refers to nothing"):
        server_yaml.load("a: &x 1\n---\nb: *x\n")


def test_a_type_that_is_no_text_does_not_run() -> None:
    (definition,) = plan.definitions([("f", "name: p\nstages: {S: {tasks: {T: {type: [a]}}}}")])
    (step,) = plan.plan([definition], {}, frozenset({"K8S"}))
    assert step.will_not_run == ("S.T: tasks of type ['a'] do not run here",)


def test_what_is_too_long_to_compare_is_only_told_to_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "MAX_LINES", 10)
    (definition,) = plan.definitions([("f", "name: p\ninput: {" + ",".join(f"k{n}: v" for n in range(20)) + "}")])
    (step,) = plan.plan([definition], {definition.key: {"name": "p", "input": {"k1": "w"}}}, frozenset())
    assert step.verb == "change" and "too long to say where" in step.difference


def test_the_files_of_a_folder_are_bounded_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        (tmp_path / f"{number}.yaml").write_text("name: web\n")
    monkeypatch.setattr(plan, "MAX_BYTES", 25)
    with pytest.raises(CommandFailed, match="larger than 0 MiB together"):
        plan.read_files([tmp_path])
    monkeypatch.setattr(plan, "MAX_FILES", 2)
    with pytest.raises(CommandFailed, match="there are 3 files, and at most 2"):
        plan.read_files([tmp_path])
