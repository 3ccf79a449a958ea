"""Putting in what `${…}` stands for.

A text that is one lone reference keeps the type of what it names; text around a reference makes the whole a string.
`$${X}` is the literal `${X}`. What was put in is never looked at again, so a value cannot smuggle in a reference.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from shared.contracts.runs import Started
from shared.contracts.texts import whole_number

from .cutting import CUT_MARK, has_cut
from .expressions import ROOTS, TASK_FIELDS, TOKEN, is_plain_text, parse_steps, split_name
from .json_parser import parse_json
from .names import Path, Step, nearest, path_text


class Unresolved(Exception):
    """A reference that names nothing: which one, where it is, what was probably meant."""

    def __init__(self, name: str, place: str, nearest: str | None = None, reason: str = "") -> None:
        self.name = name
        self.place = place
        self.nearest = nearest
        self.reason = reason or "there is nothing with this name"
        where = f" in {place}" if place else ""
        hint = f"; did you mean ${{{nearest}}}?" if nearest else ""
        super().__init__(f"${{{name}}}{where} cannot be resolved: {self.reason}{hint}")


@dataclass(frozen=True)
class Scope:
    """Everything that references can name, for one moment of one run."""

    inputs: Mapping[str, Any] = field(default_factory=dict)
    variables: Mapping[str, Any] = field(default_factory=dict)
    tasks: Mapping[str, Mapping[str, Mapping[str, Any]]] = field(default_factory=dict)
    """By stage and task: `status`, `message`, `input`, `output`."""
    about: Mapping[str, Any] = field(default_factory=dict)
    outputs: Mapping[str, Any] = field(default_factory=dict)


def about_run(started: Started, **more: Any) -> dict[str, Any]:
    """The facts behind `${name}`, `${requestBy}` and their like; `more` adds such as `status` or `stageName`."""
    return {
        "name": started.pipeline,
        "project": started.project,
        "description": started.description,
        "comments": started.comments,
        "requestBy": started.requested_by,
        "executionId": started.execution_id,
        "executionIndex": started.index,
        "executionUrl": started.execution_url,
        **more,
    }


Missing = Callable[[Unresolved], Any]
Writer = Callable[[str, str], str]
"""How a value is written into a text: given what its author wrote before it, and the value as text."""


def fail(missing: Unresolved) -> Any:
    """What becomes of a reference that names nothing, unless something else is wanted."""
    raise missing


def resolve(value: Any, scope: Scope, path: Path = (), write: Writer | None = None) -> Any:
    """Put in what all references within `value` stand for; raises `Unresolved` at the first that names nothing.

    With `write` every value but null becomes text, written so that it means nothing in the language of the text.
    """

    return _fill(value, scope, path, _Filling(fail, write))


def resolve_known(value: Any, scope: Scope, path: Path = ()) -> tuple[Any, list[Unresolved]]:
    """Resolve what can be resolved, leave the rest as written, and say what that was (for a dry run)."""
    missing: list[Unresolved] = []

    def keep(unresolved: Unresolved) -> Any:
        missing.append(unresolved)
        return f"${{{unresolved.name}}}"

    return _fill(value, scope, path, _Filling(keep)), missing


def lookup(text: str, scope: Scope, place: str = "") -> Any:
    """What `${text}` stands for; raises `Unresolved`."""
    steps = parse_steps(text)
    if not steps:
        raise Unresolved(text, place, None, "it is not of the form SCOPE.KEY.PATH")
    return _Search(text, place, scope).find(steps)


def as_text(value: Any) -> str:
    """How a value reads within a text: texts as they are, everything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def constant(token: re.Match[str], constants: Mapping[str, Any]) -> Any:
    """What `$${X}` of a file from Git stands for; raises `Unresolved` where there is no constant `X`."""
    name = token["literal"]
    if name not in constants:
        raise Unresolved(name, "scmConstants", nearest(name, constants), "scmConstants has no such name")
    return constants[name]


def token_value(token: re.Match[str], scope: Scope, place: str = "", missing: Missing = fail) -> Any:
    """What a token stands for: `$${X}` and a `${X}` that belongs to somebody else are the text `${X}`."""
    if token["name"] is None:
        return f"${{{token['literal']}}}"
    try:
        return lookup(token["name"], scope, place)
    except Unresolved as unresolved:
        if is_plain_text(parse_steps(token["name"]), scope.inputs):
            return token[0]
        return missing(unresolved)


@dataclass(frozen=True)
class _Filling:
    """What becomes of a reference that names nothing, and how a value is written."""

    missing: Missing
    write: Writer | None = None


def _fill(value: Any, scope: Scope, path: Path, filling: _Filling) -> Any:
    if isinstance(value, str):
        return _fill_text(value, scope, path, filling) if "${" in value else value
    if isinstance(value, Mapping):
        return {
            (as_text(_fill(key, scope, (*path, key), filling)) if isinstance(key, str) else key): _fill(
                item, scope, (*path, key), filling
            )
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [_fill(item, scope, (*path, index), filling) for index, item in enumerate(value)]
    return value


def _fill_text(text: str, scope: Scope, path: Path, filling: _Filling) -> Any:
    write = filling.write

    def value_of(token: re.Match[str]) -> Any:
        return token_value(token, scope, path_text(path), filling.missing)

    lone = TOKEN.fullmatch(text.strip())
    if lone is not None and lone["name"] is not None:
        value = value_of(lone)
        return value if write is None or value is None else write("", as_text(value))

    def put(token: re.Match[str]) -> str:
        value = as_text(value_of(token))
        return value if write is None or token["name"] is None else write(text[: token.start()], value)

    return TOKEN.sub(put, text)


@dataclass(frozen=True)
class _Search:
    """One look-up: the reference, its place, where to look."""

    name: str
    place: str
    scope: Scope

    def find(self, steps: Sequence[Step]) -> Any:
        first, rest = str(steps[0]), steps[1:]
        if not rest:
            return self._step(self.scope.about, steps, "", "a run knows no such thing about itself")
        tables: dict[str, tuple[Mapping[str, Any], str]] = {
            "input": (self.scope.inputs, "the pipeline has no such input"),
            "var": (self.scope.variables, "the project has no such variable"),
            "output": (self.scope.outputs, "the pipeline has no such output"),
        }
        if first in tables:
            table, reason = tables[first]
            return self._step(table, rest, f"{first}.", reason)
        return self._task(steps)

    def _task(self, steps: Sequence[Step]) -> Any:
        stage, rest = split_name(steps, self.scope.tasks)
        if stage is None:
            near = nearest(str(steps[0]), (*self.scope.tasks, *ROOTS))
            raise self._missing(near, "there is no such stage", rest=steps[1:])
        task, rest = split_name(rest, self.scope.tasks[stage])
        if task is None:
            near = nearest(str(rest[0]), self.scope.tasks[stage]) if rest else None
            raise self._missing(f"{stage}.{near}" if near else None, f"stage {stage} has no such task", rest=rest[1:])
        facts = self.scope.tasks[stage][task]
        status = facts.get("status", "NOT_STARTED")
        if not rest or rest[0] not in TASK_FIELDS:
            near = nearest(str(rest[0]), TASK_FIELDS) if rest else "status"
            raise self._missing(
                f"{stage}.{task}.{near}" if near else None, "a task has output, input, status and message"
            )
        if rest[0] == "status":
            return status
        if list(rest) == ["output", "status"] and "status" not in (facts.get("output") or {}):
            return status
        table = facts.get(str(rest[0]))
        reason = f"task {stage}.{task} ({status}) has no such {rest[0]}"
        if len(rest) == 1:
            return self._whole(table)
        return self._step(table, rest[1:], f"{stage}.{task}.{rest[0]}.", reason)

    def _step(self, value: Any, steps: Sequence[Step], prefix: str, reason: str) -> Any:
        """Walk down; a key may hold dots, and a text that is JSON is walked into."""
        if not steps:
            return self._whole(value)
        if isinstance(value, str):
            value = _parsed(value)
        if isinstance(value, Mapping):
            if CUT_MARK in value:
                self._whole(value)
            if isinstance(steps[0], int) and str(steps[0]) not in value:
                raise self._missing(None, f"{reason}: {prefix.rstrip('.')} is not a list")
            key, rest = split_name(steps, value)
            if key is None:
                near = nearest(str(steps[0]), map(str, value))
                raise self._missing(f"{prefix}{near}" if near else None, reason, rest=steps[1:])
            return self._step(value[key], rest, f"{prefix}{key}.", reason)
        if isinstance(value, list | tuple):
            index = _index(steps[0])
            if index is None or not -len(value) <= index < len(value):
                raise self._missing(None, f"{reason}: {prefix.rstrip('.')} is a list of {len(value)}")
            return self._step(value[index], steps[1:], f"{prefix.rstrip('.')}[{index}].", reason)
        raise self._missing(None, f"{reason}: {prefix.rstrip('.')} has no parts")

    def _whole(self, value: Any) -> Any:
        if has_cut(value):
            raise self._missing(None, "output too large: this part of it was not kept")
        return value

    def _missing(self, near: str | None, reason: str, *, rest: Sequence[Step] = ()) -> Unresolved:
        meant = path_text((near, *rest)) if near else None
        return Unresolved(self.name, self.place, meant, reason)


def _parsed(text: str) -> Any:
    try:
        parsed = parse_json(text)
    except ValueError:
        return text
    return parsed if isinstance(parsed, dict | list) else text


def _index(step: Step) -> int | None:
    if isinstance(step, int):
        return step
    return whole_number(step)
