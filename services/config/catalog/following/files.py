"""The YAML files of a commit as objects, and what is wrong with them by file, line and column. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from services.config.catalog.transfer.importing import Item, read_items
from shared.contracts.base import Json
from shared.contracts.catalog import Kind
from shared.contracts.definition_sources import SourceFile
from shared.contracts.problems import Flaw, Problem, Refused
from shared.contracts.texts import whole_number
from shared.grammar.names import Path, path_text

from .literals import literal_secrets

FileFlaw = Json
"""`file`, `line`, `column`, `path` in the document, and `message`."""
Key = tuple[str, str, str]
"""Kind, name and, of a custom integration, version."""


@dataclass(frozen=True, slots=True)
class FileObject:
    """One object of a commit, and where it is."""

    file: str
    item: Item
    kind: Kind

    @property
    def name(self) -> str:
        return str(self.item.tree.get("name") or "")

    @property
    def version(self) -> str:
        return str(self.item.tree.get("version") or "") if self.kind is Kind.CUSTOM_INTEGRATIONS else ""

    @property
    def key(self) -> Key:
        return self.kind.value, self.name, self.version

    @property
    def digest(self) -> str:
        """Of what the document says, wherever it is."""
        text = json.dumps(self.item.tree, default=str, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def entry(self) -> Json:
        """As the state of a project keeps it."""
        line, _ = self.item.located.position(())
        place = {"kind": self.kind.value, "name": self.name, "version": self.version, "file": self.file, "line": line}
        return {**place, "digest": self.digest, "willNotRun": []}


def read(files: Sequence[SourceFile], project: str) -> tuple[list[FileObject], list[FileFlaw]]:
    """The objects of these files for a project, and all that is wrong with them before any is written."""
    objects: list[FileObject] = []
    flaws: list[FileFlaw] = []
    for file in files:
        try:
            items = read_items(file.text)
        except Refused as error:
            flaws += flaws_of(file.path, error.problem, None)
            continue
        for item in items:
            found_flaws = list(_flaws(file.path, item, project))
            flaws += found_flaws
            if not found_flaws and item.kind is not None:
                objects.append(FileObject(file.path, item, item.kind))
    return objects, flaws + list(_twice(objects))


def flaws_of(file: str, problem: Problem, item: Item | None) -> list[FileFlaw]:
    """What a refusal says, each part at its place in the file."""
    if not problem.flaws:
        return [_flaw(file, item, _steps(problem.subject), f"{problem.message}. {problem.next_step}".strip())]
    return [_placed(file, item, flaw) for flaw in problem.flaws]


def _placed(file: str, item: Item | None, flaw: Flaw) -> FileFlaw:
    if flaw.line is None:
        return _flaw(file, item, _steps(flaw.path), flaw.with_hint)
    return {"file": file, "line": flaw.line, "column": flaw.column or 1, "path": flaw.path, "message": flaw.with_hint}


def _steps(path: str) -> Path:
    return tuple(step if (index := whole_number(step)) is None else index for step in path.split(".")) if path else ()


def _flaw(file: str, item: Item | None, path: Path, message: str, needle: str = "") -> FileFlaw:
    line, column = item.located.position(path, needle) if item is not None else (1, 1)
    is_in_document = item is not None and bool(path) and path[0] in item.tree
    return {
        "file": file,
        "line": line,
        "column": column,
        "path": path_text(path) if is_in_document else "",
        "message": message.replace("..", "."),
    }


def _flaws(file: str, item: Item, project: str) -> Iterator[FileFlaw]:
    tree = item.tree
    if item.kind is None:
        yield _flaw(file, item, ("kind",), f"objects of kind {tree.get('kind')} are not kept here")
        return
    if item.kind is Kind.PROJECTS:
        message = "projects and their people are not taken from a project's repository; change them in Portside"
        yield _flaw(file, item, ("kind",), message)
        return
    if not tree.get("name"):
        yield _flaw(file, item, (), "the object has no name: name is required")
    if tree.get("project") not in (None, "", project):
        message = f"the object names project {tree['project']}; this folder is that of {project}: leave project out"
        yield _flaw(file, item, ("project",), message)
    for secret in literal_secrets(item.kind, tree):
        yield _flaw(file, item, secret.path, secret.message, secret.needle)


def _twice(objects: Sequence[FileObject]) -> Iterator[FileFlaw]:
    first: dict[Key, FileObject] = {}
    for file_object in objects:
        other = first.setdefault(file_object.key, file_object)
        if other is not file_object:
            message = f"{file_object.name} is also in {other.file}, line {other.entry['line']}: keep one of them"
            yield _flaw(file_object.file, file_object.item, ("name",), message)
