"""Each package's docstring is its charter: it names every module below it."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
GENERATED = {"services/config/migrations/versions"}


def packages() -> list[Path]:
    roots = [ROOT / folder for folder in ("services", "shared", "cli", "demo")]
    found = {init.parent for root in roots for init in root.rglob("__init__.py")}
    return sorted(path for path in found if str(path.relative_to(ROOT)) not in GENERATED)


def members(package: Path) -> set[str]:
    """The modules and packages directly below; `__init__` and `__main__` need no mention."""
    modules = {path.stem for path in package.glob("*.py")} - {"__init__", "__main__"}
    return modules | {path.parent.name for path in package.glob("*/__init__.py")}


@cache
def everything() -> set[str]:
    """The names of all modules, packages and files of the tree."""
    return {path.stem for folder in ("services", "shared", "cli", "demo") for path in (ROOT / folder).rglob("*")}


@pytest.mark.parametrize("package", packages(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_charter_names_every_module(package: Path) -> None:
    charter = ast.get_docstring(ast.parse((package / "__init__.py").read_text(encoding="utf-8"))) or ""
    words = set(re.findall(r"`([a-z0-9_]+)`", charter))
    missing = members(package) - words
    assert not missing, f"the charter of {package.relative_to(ROOT)} does not name {', '.join(sorted(missing))}"


@pytest.mark.parametrize("package", packages(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_charter_names_no_module_that_is_gone(package: Path) -> None:
    """A name in backquotes that looks like a module of this package is one, or stands elsewhere in the tree."""
    charter = ast.get_docstring(ast.parse((package / "__init__.py").read_text(encoding="utf-8"))) or ""
    opening = charter.split("Never here", 1)[0]
    gone = {word for word in re.findall(r"`([a-z0-9_]+)`", opening) if word not in everything()}
    assert not gone, f"the charter of {package.relative_to(ROOT)} names {', '.join(sorted(gone))}, which do not exist"
