"""What a custom integration's container runs: its code beside a small module that gives inputs and takes outputs. Pure.

The module has Code Stream's names: `from context import getInput, setOutput` in Python, `require("./context.js")` in
Node.js. In a shell, inputs and outputs are environment variables.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from services.runner.task_protocol import as_word
from shared.grammar.integrations import IntegrationCode

FOLDER = "/portside"
OUTPUTS = "/workspace/.portside"
"""Where the modules leave outputs, each in a file with its number."""
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PYTHON = """\
import io, json, os
_here = os.path.dirname(os.path.realpath(__file__))
with io.open(os.path.join(_here, "context.json"), encoding="utf-8") as _file:
    _context = json.load(_file)


def getInput(name):
    return _context["inputs"].get(name)


def setOutput(name, value):
    number = _context["outputs"].get(name)
    if number is None:
        print("setOutput: the custom integration declares no output " + name)
        return
    text = value if isinstance(value, type(u"")) else value if isinstance(value, str) else json.dumps(value)
    if isinstance(text, bytes):
        text = text.decode("utf-8")
    with io.open(os.path.join(_context["folder"], number), "w", encoding="utf-8") as file:
        file.write(text)
"""
_NODE = """\
const fs = require("fs");
const path = require("path");
const context = JSON.parse(fs.readFileSync(path.join(__dirname, "context.json"), "utf8"));
exports.getInput = (name) => context.inputs[name];
exports.setOutput = (name, value) => {
  const number = context.outputs[name];
  if (number === undefined) {
    console.log("setOutput: the custom integration declares no output " + name);
    return;
  }
  fs.writeFileSync(path.join(context.folder, number), typeof value === "string" ? value : JSON.stringify(value));
};
"""


@dataclass(frozen=True, slots=True)
class JobWork:
    """What a Job does: steps of one shell, what comes back of them by name, and the files and variables they find."""

    steps: tuple[str, ...]
    exports: Mapping[str, str]
    """Name of an export to the shell's word for its value."""
    artifacts: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    image: str = ""
    """Instead of the workspace's."""


def work_of(
    code: IntegrationCode, inputs: Mapping[str, Any], *, folder: str = FOLDER, outputs: str = OUTPUTS
) -> JobWork:
    """What runs the code with these inputs."""
    return _RUNTIMES[code.runtime](code, inputs, folder, outputs)


def _shell(code: IntegrationCode, inputs: Mapping[str, Any], _folder: str, _outputs: str) -> JobWork:
    """The shell that ends is the one that exports: the code is a step of it."""
    environment = {name: as_word(value) for name, value in inputs.items() if _VARIABLE.fullmatch(name)}
    names = [it.name for it in code.outputs if _VARIABLE.fullmatch(it.name)]
    # A script of its own continues after a command that fails, and so does this one.
    return JobWork(
        steps=(f"set +e\n{code.code}",),
        exports={name: f'"${name}"' for name in names},
        environment=environment,
        image=code.image,
    )


def _with_module(command: str, suffix: str, module: str) -> Callable[..., JobWork]:
    def work(code: IntegrationCode, inputs: Mapping[str, Any], folder: str, outputs: str) -> JobWork:
        numbers = {it.name: str(index) for index, it in enumerate(code.outputs)}
        context = {"inputs": dict(inputs), "outputs": numbers, "folder": outputs}
        return JobWork(
            steps=(f"mkdir -p {outputs} && {command} {folder}/code.{suffix}",),
            exports={name: f'"$(cat {outputs}/{index} 2>/dev/null)"' for name, index in numbers.items()},
            files={
                f"code.{suffix}": code.code,
                f"context.{suffix}": module,
                "context.json": json.dumps(context, ensure_ascii=False),
            },
            image=code.image,
        )

    return work


_RUNTIMES: dict[str, Callable[..., JobWork]] = {
    "shell": _shell,
    "python3": _with_module("python3", "py", _PYTHON),
    "python2": _with_module("python2", "py", _PYTHON),
    "nodejs": _with_module("node", "js", _NODE),
}
