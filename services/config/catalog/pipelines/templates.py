"""Pipelines ready to be filled in: each a YAML file with questions, read from `template_files`. Pure once read.

`@{name}` stands for an answer, and for a text that the file has by that name; a value that is one placeholder with
nothing behind it is left out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

from shared.contracts.base import Json
from shared.contracts.problems import Code, Flaw, Problem, Refused, refuse
from shared.contracts.texts import whole_number
from shared.grammar.dialects import PIPELINES
from shared.grammar.names import nearest
from shared.grammar.yaml_parser import parse_one_yaml

FILES = files(__package__) / "template_files"

_PLACEHOLDER = re.compile(r"@\{([\w.]+)\}")
_PATTERNS = {
    "name": re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"),
    "workload": re.compile(r"[a-z0-9][-a-z0-9.]{0,251}/[a-z0-9][-a-z0-9]{0,62}"),
    "repository": re.compile(r"[a-z0-9][a-z0-9._/-]{0,254}(?<![/.])"),
}
MOST = 65_535
_WRONG = {
    "name": "must be of lower-case letters, digits and '-', at most 63",
    "number": f"must be a whole number from 1 to {MOST}",
    "workload": "must be a Deployment and its container, as in web/app",
    "repository": "must be a repository without host and tag, as in acme/web",
}


@dataclass(frozen=True, slots=True)
class Template:
    """One file."""

    name: str
    title: str
    description: str
    questions: tuple[Json, ...]
    texts: Mapping[str, list[Json]]
    pipeline: Json
    next: Json

    def document(self) -> Json:
        """What a form needs."""
        return {
            "name": self.name,
            "title": self.title,
            "description": self.description,
            "questions": [_question(question) for question in self.questions],
        }


@cache
def templates() -> dict[str, Template]:
    """All templates by name, in the order in which they are offered."""
    read = [_read(file) for file in FILES.iterdir() if file.name.endswith(".yaml")]
    return {
        entry.name: entry for entry in sorted(read, key=lambda entry: (entry.name != "push-to-kubernetes", entry.title))
    }


def template(name: str) -> Template:
    """The template of that name. Raises `Refused`."""
    entry = templates().get(name)
    if entry is None:
        near = nearest(name, list(templates()))
        step = f"Did you mean {near}?" if near else f"There are {', '.join(templates())}."
        raise refuse(Code.NOT_FOUND, f"there is no pipeline template {name}", subject=name, next_step=step)
    return entry


def filled(chosen: Template, answers_sent: Mapping[str, Any]) -> tuple[Json, Json]:
    """The pipeline that the answers make, and what comes next. Raises `Refused` with everything that is wrong."""
    answers: Json = {}
    flaws = []
    for question in map(_question, chosen.questions):
        name = question["name"]
        answers[name] = _answer(question, answers_sent.get(name), answers)
        if not _applies(question["when"], answers):
            answers[name] = ""
        elif wrong := _wrong(question, answers[name]):
            flaws.append(Flaw(message=f"{question['title']} {wrong}", path=f"answers.{name}", hint=question["help"]))
    if flaws:
        message = f"template {chosen.name}: {'; '.join(flaw.message for flaw in flaws)}"
        raise Refused(Problem(code=Code.INVALID, message=message, subject=chosen.name, flaws=tuple(flaws)))
    values = _values(chosen, answers)
    return _put(chosen.pipeline, values), _put(chosen.next, values)


_DIALECT = replace(PIPELINES, merges=True)


def _read(file: Traversable) -> Template:
    tree = parse_one_yaml(file.read_text(encoding="utf-8"), _DIALECT)
    return Template(
        name=tree["name"],
        title=tree["title"],
        description=tree["description"],
        questions=tuple(tree["questions"]),
        texts=tree.get("texts") or {},
        pipeline=tree["pipeline"],
        next=tree.get("next") or {},
    )


def _question(fields: Json) -> Json:
    blank: Json = {"required": False, "default": "", "choices": [], "help": "", "when": {}}
    return {**blank, **fields}


def _answer(question: Json, sent: Any, before: Json) -> Any:
    """What was said, else the default, which may name earlier answers."""
    value = sent if sent is not None and sent != "" else _put(question["default"], _parts(before))
    if question["kind"] == "boolean":
        return value if isinstance(value, bool) else str(value).casefold() in ("true", "yes", "on", "1")
    if question["kind"] == "number":
        text = str(value).strip()
        return text if (whole := whole_number(text)) is None else whole
    return str(value if value is not None else "").strip()


def _wrong(question: Json, answer: Any) -> str:
    kind = question["kind"]
    if answer == "":
        return "is required" if question["required"] else ""
    if kind == "number":
        return "" if isinstance(answer, int) and 1 <= answer <= MOST else _WRONG[kind]
    pattern = _PATTERNS.get(kind)
    return "" if pattern is None or pattern.fullmatch(answer) else _WRONG[kind]


def _applies(when: Mapping[str, list[Any]], answers: Mapping[str, Any]) -> bool:
    return all(answers.get(name, "") in values for name, values in when.items())


def _parts(answers: Mapping[str, Any]) -> Json:
    """Answers, and the halves of a workload, `web/app`, as `<question>.name` and `<question>.container`."""
    parts: Json = dict(answers)
    for name, answer in answers.items():
        parts[f"{name}.name"], _, parts[f"{name}.container"] = str(answer).partition("/")
    return parts


def _values(chosen: Template, answers: Mapping[str, Any]) -> Json:
    values = _parts(answers)
    for name, variants in chosen.texts.items():
        fit = next((variant["text"] for variant in variants if _applies(variant.get("when") or {}, answers)), "")
        values[name] = _put(fit, values)
    return values


def _put(tree: Any, values: Mapping[str, Any]) -> Any:
    """The tree with every placeholder filled in; what has nothing behind it is left out."""
    if isinstance(tree, dict):
        put = {key: _put(value, values) for key, value in tree.items()}
        return {key: value for key, value in put.items() if value != "" or tree[key] == ""}
    if isinstance(tree, list):
        return [_put(item, values) for item in tree]
    if not isinstance(tree, str):
        return tree
    if alone := _PLACEHOLDER.fullmatch(tree):
        return values[alone.group(1)]
    return _PLACEHOLDER.sub(lambda match: str(values[match.group(1)]), tree)
