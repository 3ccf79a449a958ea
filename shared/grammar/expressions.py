"""`${…}`: how a reference is written, what it can name, and where in a value there is one. `$${X}` is none."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.contracts.texts import integer

from .names import Path, Step, nearest

TOKEN = re.compile(r"\$\$\{(?P<literal>[^{}]*)\}|\$\{(?P<name>[^{}]*)\}")
"""A reference by its `name`, or an escaped one by what it is the `literal` of."""
_STEP = re.compile(r"""\[\s*(?:(?P<index>-?\d+)|'(?P<single>[^']*)'|"(?P<double>[^"]*)")\s*\]|\.?(?P<key>[^.\[\]]+)""")

ROOTS = ("input", "var", "output")
TASK_FIELDS = ("output", "input", "status", "message")
ABOUT_NAMES = (
    "name",
    "project",
    "description",
    "comments",
    "requestBy",
    "executionId",
    "executionIndex",
    "executionUrl",
    "status",
    "statusMessage",
    "startTime",
    "endTime",
    "duration",
    "executedOn",
    "stageName",
    "taskName",
    "type",
)
"""What a run knows about itself; `stageName`, `taskName` and `type` only where a task or a notification speaks."""


NEAR_ENOUGH = 0.8
"""How alike a misspelt fact of a run is to one that there is."""
_FOREIGN_NAME = re.compile(r"[A-Za-z_]\w*")


@dataclass(frozen=True)
class Reference:
    """One `${…}`, its place, and what it names."""

    text: str
    """As written between the braces."""
    path: Path
    """Where in the value its text is."""
    steps: tuple[Step, ...]

    @property
    def token(self) -> str:
        return f"${{{self.text}}}"

    @property
    def root(self) -> str:
        """`input`, `var`, `output`, `about` or `task`."""
        if not self.steps:
            return "about"
        first = str(self.steps[0])
        if len(self.steps) == 1:
            return "about"
        return first if first in ROOTS else "task"


def is_plain_text(steps: Sequence[Step], inputs: Container[str]) -> bool:
    """Whether a `${…}` belongs to somebody else, such as `${HOME}` to a shell: it then stays as it is written.

    It is one name that is neither a fact of a run, nor nearly one, nor an input whose `input.` is missing.
    """
    if len(steps) != 1 or not isinstance(steps[0], str) or _FOREIGN_NAME.fullmatch(steps[0]) is None:
        return False
    name = steps[0]
    return name not in ROOTS and name not in inputs and nearest(name, ABOUT_NAMES, NEAR_ENOUGH) is None


def parse_steps(text: str) -> tuple[Step, ...]:
    """Split `Stage.Task.output.a[0].b` into its steps; empty when it is not well formed."""
    steps: list[Step] = []
    at, text = 0, text.strip()
    while at < len(text):
        match = _STEP.match(text, at)
        if match is None or (at > 0 and match["key"] is not None and text[at] != "."):
            return ()
        quoted = match["single"] if match["single"] is not None else match["double"]
        if match["key"] is not None:
            steps.append(match["key"].strip())
        elif quoted is not None:
            steps.append(quoted)
        elif (index := integer(match["index"])) is not None:
            steps.append(index)
        else:
            return ()
        at = match.end()
    return tuple(steps)


def texts(value: Any, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Every text within a value, keys included, with its place."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield (*path, str(key)), str(key)
            yield from texts(item, (*path, str(key)))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from texts(item, (*path, index))


def references(value: Any, path: Path = ()) -> list[Reference]:
    """Every reference within a value, in order; escaped ones (`$${X}`) are none."""
    return [
        Reference(match["name"], place, parse_steps(match["name"]))
        for place, text in texts(value, path)
        for match in TOKEN.finditer(text)
        if match["name"] is not None
    ]


def split_name(steps: Sequence[Step], names: Iterable[str]) -> tuple[str | None, Sequence[Step]]:
    """The name that the first steps spell, and the steps behind it; names may hold dots."""
    lookup = names if isinstance(names, Mapping | frozenset | set) else set(names)
    spelled = ""
    for count, step in enumerate(steps, start=1):
        if count > 1 and isinstance(step, int):
            spelled += f"[{step}]"
        else:
            spelled += f".{step}" if count > 1 else str(step)
        if spelled in lookup:
            return spelled, steps[count:]
    return None, steps
