"""Custom integrations in real interpreters: what goes in, what comes back, and what a task is told to mend."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from services.runner.tasks.ci.printed import LogReader
from services.runner.tasks.ci.runtimes import work_of
from services.runner.tasks.ci.script import script
from shared.grammar.integrations import read_integration
from shared.grammar.malformed import Malformed

MARK = "portside-0123456789abcdef"
PYTHON = """\
from context import getInput, setOutput
setOutput('greeting', 'hello ' + getInput('who'))
setOutput('numbers', {'count': getInput('count')})
setOutput('nobody asked', 1)
print('ran')
"""
NODE = """\
const context = require("./context.js")
context.setOutput("greeting", "hello " + context.getInput("who"))
context.setOutput("numbers", {"count": context.getInput("count")})
context.setOutput("nobody asked", 1)
console.log("ran")
"""
SHELL = """\
false
export greeting="hello $who"
numbers='{"count": '$count'}'
echo ran
"""
CODE = {"python3": PYTHON, "nodejs": NODE, "shell": SHELL}
COMMANDS = {"python3": "python3", "nodejs": "node", "shell": "sh"}


def integration(runtime: str, code: str) -> str:
    block = "".join(f"  {line}\n" for line in code.splitlines())
    return (
        f'---\nruntime: "{runtime}"\ncode: |\n{block}'
        "inputProperties:\n  - {name: who, type: text, required: true}\n  - {name: count, defaultValue: 3}\n"
        "outputProperties:\n  - {name: greeting, type: label}\n  - {name: numbers, type: label}\n  - {name: unset}\n"
    )


def run(folder: Path, text: str, given: dict[str, Any]) -> tuple[int, list[str], dict[str, str]]:
    """Exit code, lines for people and exports of an integration's script in a real shell."""
    code = read_integration(text)
    beside, outputs, message = folder / "beside", folder / "outputs", folder / "message"
    beside.mkdir()
    work = work_of(code, code.fill(given), folder=str(beside), outputs=str(outputs))
    for name, content in work.files.items():
        (beside / name).write_text(content)
    whole = script(work.steps, work.exports, work.artifacts, MARK, str(message))
    environment = {"PATH": os.environ["PATH"], **work.environment}
    done = subprocess.run(
        ["/bin/sh", "-c", whole], cwd=folder, env=environment, capture_output=True, text=True, timeout=30, check=False
    )
    printed = LogReader(MARK, work.steps)
    lines = printed.read(done.stdout.splitlines())
    printed.read(message.read_text().splitlines() if message.exists() else [])
    return done.returncode, lines, printed.exports


@pytest.mark.parametrize("runtime", CODE)
def test_inputs_go_in_and_outputs_come_back(tmp_path: Path, runtime: str) -> None:
    if shutil.which(COMMANDS[runtime]) is None:
        pytest.skip(f"needs {COMMANDS[runtime]}")
    code, lines, exports = run(tmp_path, integration(runtime, CODE[runtime]), {"who": "w'o\"rld $x"})
    assert code == 0, lines
    assert "ran" in lines
    assert json.loads(exports.pop("numbers")) == {"count": 3}
    assert exports == {"greeting": "hello w'o\"rld $x", "unset": ""}


@pytest.mark.parametrize(
    ("runtime", "code"), [("python3", "raise SystemExit(3)"), ("nodejs", "process.exit(3)"), ("shell", "(exit 3)")]
)
def test_code_that_fails_fails_the_script(tmp_path: Path, runtime: str, code: str) -> None:
    if shutil.which(COMMANDS[runtime]) is None:
        pytest.skip(f"needs {COMMANDS[runtime]}")
    assert run(tmp_path, integration(runtime, code), {"who": "x"})[0] == 3


def test_what_is_lacking_and_what_is_unknown_is_named() -> None:
    code = read_integration(integration("shell", "true"))
    assert code.lacking({"count": 1, "who": ""}) == ["who"]
    assert code.unknown({"who": "x", "whom": "y"}) == ["whom"]
    assert code.fill({"who": "x"}) == {"who": "x", "count": 3}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("runtime: cobol\ncode: x\n", "runtime must be one of shell, python3, python2, nodejs, not 'cobol'"),
        ("runtime: shell\n", "code is required"),
        ("runtime: shell\ncode: x\ninputProperties: {}\n---\nruntime: shell\n", "one YAML document is expected"),
        ("runtime: shell\ncode: x\ninputProperties: [{type: text}]\n", "inputProperties[0] needs a name"),
        ("runtime: shell\ncode: x\noutputProperties: [{name: a}, {name: a}]\n", "has the name of another: a"),
        ("runtime: shell\ncode: x\noutputProperties: text\n", "outputProperties must be a list"),
        ("a: &a [*a]\n", ""),
    ],
)
def test_what_cannot_run_is_refused_with_its_place(text: str, message: str) -> None:
    with pytest.raises(Malformed) as caught:
        read_integration(text)
    assert message in str(caught.value)
