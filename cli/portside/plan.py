"""What an `apply` would do, by comparing files with what the server exports. Pure but for reading files."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
import yaml

from . import server_yaml
from .ending import CommandFailed, ExitCode, why
from .output import as_yaml

Json = dict[str, Any]
Key = tuple[str, str, str]
"""Collection, project and name of an object."""
MASK = "*****"
MAX_FILE_BYTES = 8 * 1024 * 1024
MAX_FILES, MAX_BYTES = 5_000, 64 * 1024 * 1024
"""Of all files of a folder together."""
MAX_LINES = 20_000
"""Of either side of a difference: the time to find one grows with their product."""
COLLECTIONS = {
    "PROJECT": "projects",
    "VARIABLE": "variables",
    "ENDPOINT": "endpoints",
    "PIPELINE": "pipelines",
    "DOCKER_WEBHOOK": "registry-webhooks",
    "REGISTRY_WEBHOOK": "registry-webhooks",
    "DOCKERHUB_WEBHOOK": "registry-webhooks",
    "GIT_WEBHOOK": "git-webhooks",
    "GERRIT_LISTENER": "gerrit-listeners",
    "GERRIT_TRIGGER": "gerrit-triggers",
    "SCHEDULE": "schedules",
}
"""Kinds in a file, and the parameter of `/export` that asks for them by name."""
SECRETS = ("token", "password", "secretToken", "refreshToken", "privateKey", "clientKey", "apiToken")
"""Fields that the server never shows: what a file has there cannot be compared, and is sent as it is."""
_KEPT = frozenset({"icon", "enabled", "supersede", "concurrency", "kind", "project"})
"""What a pipeline keeps, or gets by default, where its file leaves it out; every other field is cleared."""


@dataclass(frozen=True, slots=True)
class Definition:
    """One object of a file. `project` is the one that it goes into; blank for a project itself."""

    document: Json
    file: str
    project: str = ""

    @property
    def kind(self) -> str:
        return str(self.document.get("kind") or "PIPELINE").upper()

    @property
    def name(self) -> str:
        return str(self.document.get("name") or "")

    @property
    def key(self) -> Key:
        """Names of two projects are two objects."""
        return COLLECTIONS.get(self.kind, self.kind), self.project, self.name

    @property
    def missing_project(self) -> str:
        """The project that the file names for it and nobody has; blank where it goes into its own."""
        named = str(self.document.get("project") or "")
        return named if self.project not in ("", named) else ""


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """What would become of one object: `create`, `change` or `leave`; and tasks that will not run here."""

    definition: Definition
    verb: str
    difference: str = ""
    will_not_run: tuple[str, ...] = ()

    def row(self) -> Json:
        """As it is printed."""
        definition = self.definition
        return {
            "action": self.verb,
            "kind": definition.kind,
            "name": definition.name,
            "project": definition.project,
            "file": definition.file,
            "willNotRun": list(self.will_not_run),
        }


def read_files(paths: Sequence[Path]) -> list[tuple[str, str]]:
    """Name and text of each file, and of the YAML files of each folder; `-` is standard input."""
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            files += sorted(file for file in path.rglob("*") if file.suffix in (".yaml", ".yml") and file.is_file())
        else:
            files.append(path)
    if not files:
        raise CommandFailed(f"there is no .yaml file in {', '.join(map(str, paths))}", ExitCode.USAGE)
    if len(files) > MAX_FILES:
        raise CommandFailed(f"there are {len(files):,} files, and at most {MAX_FILES:,} are read", ExitCode.USAGE)
    texts: list[tuple[str, str]] = []
    size = 0
    for file in files:
        texts.append((_title(file), _read(file)))
        size += len(texts[-1][1])
        if size > MAX_BYTES:
            raise CommandFailed(f"the files are larger than {MAX_BYTES >> 20} MiB together", ExitCode.USAGE)
    return texts


def _title(file: Path) -> str:
    return "standard input" if str(file) == "-" else str(file)


def _read(file: Path) -> str:
    try:
        with click.open_file(str(file), "rb") as stream:
            content: bytes = stream.read(MAX_FILE_BYTES + 1)
        if len(content) > MAX_FILE_BYTES:
            raise CommandFailed(f"{_title(file)} is larger than {MAX_FILE_BYTES >> 20} MiB", ExitCode.USAGE)
        return content.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandFailed(f"cannot read {_title(file)}: {why(error)}", ExitCode.USAGE) from None


def definitions(files: Iterable[tuple[str, str]]) -> list[Definition]:
    """Every object of the files. Raises `CommandFailed` with file, line and column for what is not YAML."""
    result = []
    for name, text in files:
        try:
            documents = server_yaml.load(text)
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            mark = getattr(error, "problem_mark", None)
            place = f"{name}:{mark.line + 1}:{mark.column + 1}" if mark else name
            problem = getattr(error, "problem", None) or str(error)
            raise CommandFailed(f"{place}: not YAML: {problem}", ExitCode.USAGE) from None
        for document in documents:
            if not isinstance(document, dict):
                raise CommandFailed(f"{name}: a document is not an object with kind and name", ExitCode.USAGE)
            result.append(Definition(document, name))
    return result


def in_projects(desired: Sequence[Definition], existing: Iterable[str], default: str) -> list[Definition]:
    """Each with the project that an import puts it into: its own, if the server or a file has it, else `default`."""
    projects = {*existing, *(definition.name for definition in desired if definition.kind == "PROJECT")}

    def project_of(definition: Definition) -> str:
        named = str(definition.document.get("project") or default)
        return "" if definition.kind == "PROJECT" else named if named in projects else default

    return [replace(definition, project=project_of(definition)) for definition in desired]


def plan(desired: Sequence[Definition], stored: Mapping[Key, Json], task_types: frozenset[str]) -> list[PlannedStep]:
    """What would become of each; `stored` holds what the server has."""
    steps = []
    for definition in desired:
        current = stored.get(definition.key)
        difference = "" if current is None else differences(definition, current)
        verb = "create" if current is None else "change" if difference else "leave"
        steps.append(PlannedStep(definition, verb, difference, tuple(_will_not_run(definition, task_types))))
    return steps


def differences(definition: Definition, current: Json) -> str:
    """A unified diff between what the server has and the file, over what the file decides; empty where they agree."""
    desired = {key: value for key, value in definition.document.items() if key not in ("kind", "project")}
    before = _comparable(current, desired)
    if definition.kind == "PIPELINE":
        before |= {key: value for key, value in current.items() if key not in desired and key not in _KEPT and value}
    after = _without_secrets(desired)
    if before == after:
        return ""
    names = (f"server/{definition.name}", f"{definition.file}/{definition.name}")
    former, latter = (as_yaml(side).splitlines(keepends=True) for side in (before, after))
    if max(len(former), len(latter)) > MAX_LINES:
        return f"--- {names[0]}\n+++ {names[1]}\nThey differ, and are too long to say where.\n"
    return "".join(difflib.unified_diff(former, latter, *names))


def _comparable(current: Any, desired: Any) -> Any:
    """The part of what the server has that the file speaks of, in the file's order."""
    if not isinstance(desired, dict) or not isinstance(current, dict):
        return current
    return {
        key: _comparable(current[key], value)
        for key, value in desired.items()
        if key in current and not _is_secret(key, value)
    }


def _without_secrets(desired: Any) -> Any:
    if not isinstance(desired, dict):
        return desired
    return {key: _without_secrets(value) for key, value in desired.items() if not _is_secret(key, value)}


def _is_secret(key: str, value: Any) -> bool:
    return value == MASK or (key in SECRETS and not isinstance(value, dict))


def _will_not_run(definition: Definition, task_types: frozenset[str]) -> Iterable[str]:
    if definition.kind != "PIPELINE":
        return
    stages = definition.document.get("stages")
    for stage_name, stage in stages.items() if isinstance(stages, dict) else ():
        tasks = stage.get("tasks") if isinstance(stage, dict) else None
        for task_name, task in tasks.items() if isinstance(tasks, dict) else ():
            kind = task.get("type") if isinstance(task, dict) else None
            if not isinstance(kind, str) or kind not in task_types:
                yield f"{stage_name}.{task_name}: tasks of type {kind} do not run here"
