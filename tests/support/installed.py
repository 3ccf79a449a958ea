"""A package put where Python finds it, as an installer would, without one."""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path


def install(example: Path, folder: Path) -> Path:
    """Copy an example's modules and write what says that it is installed; answers the folder for PYTHONPATH."""
    project = tomllib.loads((example / "pyproject.toml").read_text())["project"]
    folder.mkdir(parents=True, exist_ok=True)
    for module in example.glob("*.py"):
        shutil.copy(module, folder)
    said = folder / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    said.mkdir()
    (said / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    lines = [
        line
        for group, entries in project["entry-points"].items()
        for line in (f"[{group}]", *(f"{name} = {value}" for name, value in entries.items()))
    ]
    (said / "entry_points.txt").write_text("\n".join(lines) + "\n")
    return folder
