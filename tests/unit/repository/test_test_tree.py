"""The tests of a package lie where the package lies: `tests/unit/config/runs` tests `services/config/runs`."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
SERVICES = {folder.name for folder in (ROOT / "services").iterdir()}
NOT_A_PACKAGE = {"repository": "rules that hold for the whole tree"}


def code_folder(folder: Path) -> Path:
    """What a folder of unit or integration tests is about."""
    top = folder.parts[0]
    if top in SERVICES:
        return Path("services", *folder.parts)
    return Path("tests", *folder.parts) if top == "chaos" else folder


@pytest.mark.parametrize("ring", ["unit", "integration"])
def test_each_folder_of_tests_mirrors_a_folder_of_code(ring: str) -> None:
    tests = ROOT / "tests" / ring
    folders = {file.parent.relative_to(tests) for file in tests.rglob("test_*.py")} - {Path(".")}
    unknown = [str(folder) for folder in folders if folder.parts[0] not in NOT_A_PACKAGE]
    assert [folder for folder in sorted(unknown) if not (ROOT / code_folder(Path(folder))).is_dir()] == []
