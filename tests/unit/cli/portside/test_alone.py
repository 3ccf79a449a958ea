"""The client is a distribution of its own: nothing of Portside is imported, and few libraries are."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cli import portside
from cli.portside.version import __version__ as client_version
from shared.version import __version__

FOLDER = Path(portside.__file__).parent
LIBRARIES = {"click", "requests", "rich", "yaml"}


def imports(file: Path) -> set[str]:
    """Top-level names that a module imports absolutely."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names.add(str(node.module).partition(".")[0])
    return names


@pytest.mark.parametrize("file", sorted(FOLDER.rglob("*.py")), ids=lambda file: str(file.relative_to(FOLDER)))
def test_a_module_imports_only_its_own_package_and_four_libraries(file: Path) -> None:
    assert imports(file) - sys.stdlib_module_names <= LIBRARIES


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *words], cwd=folder, capture_output=True, text=True, timeout=60, check=False)


def test_it_runs_under_another_name_without_the_rest_of_the_tree(tmp_path: Path) -> None:
    shutil.copytree(FOLDER, tmp_path / "portside_cli", ignore=shutil.ignore_patterns("__pycache__"))
    done = run(tmp_path, "-m", "portside_cli", "--help")
    assert done.returncode == 0 and "executions" in done.stdout, done.stderr


def test_help_loads_no_library_but_click() -> None:
    script = (
        "import sys\nfrom cli.portside.root import main\n"
        "try:\n    main(['--help'])\nfinally:\n    print(sorted(sys.modules))"
    )
    done = run(FOLDER.parents[1], "-c", script)
    loaded = ast.literal_eval(done.stdout.splitlines()[-1])
    assert "click" in loaded and not {"requests", "rich", "yaml"} & set(loaded)


def test_the_client_is_of_the_release_of_the_services() -> None:
    assert client_version == __version__
