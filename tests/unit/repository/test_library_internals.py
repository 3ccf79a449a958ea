"""What Portside uses of libraries beyond their documentation is in one table, and there in the installed versions."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
import ssl
import tomllib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "development" / "library-internals.md").read_text(encoding="utf-8")
FOLDERS = ("services", "shared", "cli", "demo", "bench", "scripts")
UNDOCUMENTED = ("gunicorn.http", "gunicorn.workers")
"""Packages that document nothing of what is imported from them."""
STANDARD = {"smtplib", "ssl"}
DISTRIBUTIONS = {"odata_query": "odata-query"}
INSTANCES: dict[str, Callable[[], Any]] = {
    "ssl.SSLSocket": lambda: ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO()),
}
"""Parts that only an instance has; a socket and a memory connection share their implementation."""


class Part(NamedTuple):
    path: str
    used_in: str

    @property
    def name(self) -> str:
        return self.path.rpartition(".")[2]


class Use(NamedTuple):
    file: str
    name: str


PARTS = [Part(*found) for found in re.findall(r"^\| `([\w.]+\.\w+)` \| `([\w/.]+)` \|", PAGE, re.MULTILINE)]
PUBLIC = set(re.findall(r"^\| `(_\w+)` \| \[", PAGE, re.MULTILINE))


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


ACCESS = re.compile(r"\.(_[a-z]\w*)")
OWN = re.compile(r"\b(?:self|cls)\)?\]?$")
DEFINED = re.compile(r"(?:def |class |self\.|^ *)(_[a-z]\w*)\b(?= *[(:=,])", re.MULTILINE)
BASES = re.compile(r"^class \w+\(([^)]+)\)", re.MULTILINE)
BASE = re.compile(r"([\w.]+)(?:\[[^]]*\])?(?:, |$)")
MODULES = "|".join(map(re.escape, UNDOCUMENTED))
IMPORTS = re.compile(rf"^from (?:{MODULES}|\S+ import .*\b_[a-z])", re.MULTILINE)


def may_reach_inside(text: str) -> bool:
    """Whether a file is worth parsing, which takes seconds for the whole tree."""
    defined = set(DEFINED.findall(text))
    return (
        any(
            access[1] not in defined or not OWN.search(text, max(0, access.start() - 6), access.start())
            for access in ACCESS.finditer(text)
        )
        or IMPORTS.search(text) is not None
        or (bool(defined) and any(base not in HARMLESS for base in BASE.findall(", ".join(BASES.findall(text)))))
    )


@cache
def texts() -> dict[Path, str]:
    """Every file of the product and its tools."""
    files = [file for folder in FOLDERS for file in (ROOT / folder).rglob("*.py")]
    assert len(files) > 400
    return {file: file.read_text(encoding="utf-8") for file in files}


@cache
def trees() -> dict[Path, ast.Module]:
    """The files that may hold something private of another package."""
    return {file: ast.parse(text) for file, text in texts().items() if may_reach_inside(text)}


def private_names(tree: ast.Module) -> set[str]:
    """The private names that a file defines itself."""
    names: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                names.add(name)
            case (
                ast.Name(id=name, ctx=ast.Store())
                | ast.Attribute(value=ast.Name(id="self"), attr=name, ctx=ast.Store())
            ):
                names.add(name)
    return set(filter(is_private, names))


def own_modules(tree: ast.Module) -> set[str]:
    """What the file imports of this repository, by the names it has there."""
    return {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.level or (node.module or "").partition(".")[0] in FOLDERS)
        for alias in node.names
    }


def foreign_uses(tree: ast.Module, inherited: set[str]) -> Iterator[str]:
    """Private attributes that the file reads and neither defines nor inherits, and undocumented imports."""
    own = private_names(tree)
    modules = own_modules(tree) | {"self", "cls"}
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=value, attr=name) if is_private(name) and name not in own | PUBLIC:
                if not (isinstance(value, ast.Name) and value.id in modules and name in inherited):
                    yield name
            case ast.ImportFrom(module=str(module), names=names) if module.startswith(UNDOCUMENTED):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=str(module), names=names, level=0) if module.partition(".")[0] not in FOLDERS:
                yield from (alias.name for alias in names if is_private(alias.name) and module != "__future__")


def overridden(file: Path, tree: ast.Module) -> Iterator[str]:
    """Private members of the file's classes that a library's class in their family has as well."""
    classes = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    members = {node.name for outer in classes for node in outer.body if isinstance(node, ast.FunctionDef)} | {
        node.targets[0].id
        for outer in classes
        for node in outer.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    names = set(filter(is_private, members))
    if not names or not (bases(classes) - {outer.name for outer in classes} - HARMLESS):
        return
    module = importlib.import_module(".".join(file.relative_to(ROOT).with_suffix("").parts))
    for family in vars(module).values():
        if isinstance(family, type) and family.__module__ == module.__name__:
            theirs = [base for base in family.__mro__ if base.__module__.partition(".")[0] not in FOLDERS]
            yield from (name for name in names if any(name in vars(base) for base in theirs))


def bases(classes: list[ast.ClassDef]) -> set[str]:
    """Their names without what they are parameters of."""
    return {ast.unparse(base).partition("[")[0] for outer in classes for base in outer.bases}


HARMLESS = {"Protocol", "Generic", "StrEnum", "Enum", "IntEnum", "NamedTuple", "Exception", "ValueError", "Message"}
"""Bases that have no private member anybody would override; pydantic's `Message` refuses them."""


def uses() -> set[Use]:
    inherited = {name for text in texts().values() for name in DEFINED.findall(text)}
    return {
        Use(str(file.relative_to(ROOT)), name)
        for file, tree in trees().items()
        for name in (*foreign_uses(tree, inherited), *overridden(file, tree))
    }


def resolved(path: str) -> Any:
    """The part, of an instance where no class has it. Raises `AttributeError` or `ImportError`."""
    owner, _, name = path.rpartition(".")
    return getattr(INSTANCES[owner](), name) if owner in INSTANCES else pkgutil.resolve_name(path)


def test_the_code_uses_no_private_part_that_the_table_does_not_list() -> None:
    listed = {Use(part.used_in, part.name) for part in PARTS}
    named = {use for use in listed if use.name in (ROOT / use.file).read_text(encoding="utf-8")}
    assert (uses() - listed, listed - named) == (set(), set())


@pytest.mark.parametrize("path", [part.path for part in PARTS])
def test_every_part_is_in_the_installed_version(path: str) -> None:
    assert resolved(path) is not None, f"{path} is gone; docs/development/library-internals.md says what breaks"


def test_an_unverified_chain_is_where_it_is_read() -> None:
    assert callable(resolved("ssl.SSLSocket._sslobj").get_unverified_chain)


def test_libraries_with_private_parts_are_held_below_their_next_minor_release() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    requirements = {need.name: need for need in map(Requirement, project["dependencies"])}
    lock = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))["package"]
    locked = {package["name"]: Version(package["version"]) for package in lock if "version" in package}
    packages = {part.path.partition(".")[0] for part in PARTS} - STANDARD
    names = {DISTRIBUTIONS.get(package, package) for package in packages}
    loose = {
        name
        for name in names
        if not requirements[name].specifier.contains(locked[name])
        or requirements[name].specifier.contains(f"{locked[name].major}.{locked[name].minor + 1}")
    }
    assert len(names) > 4 and loose == set()


@pytest.mark.parametrize(
    "text",
    [
        "connection._frames.clear()",
        "class A(Library):\n    def a(self):\n        self._frames.clear()",
        "from gunicorn.http.message import Request as _frames",
        "from library import _frames",
    ],
)
def test_a_use_that_is_new_is_found(text: str) -> None:
    assert may_reach_inside(text)
    assert list(foreign_uses(ast.parse(text), set())) in (["_frames"], ["Request"])


def test_public_names_with_an_underscore_are_few_and_used() -> None:
    texts = [file.read_text(encoding="utf-8") for file in trees()]
    assert PUBLIC and all(any(f".{name}" in text for text in texts) for name in PUBLIC)
