"""The migrations stand in one line, each named by its number."""

from __future__ import annotations

import re
from pathlib import Path

import services.config.migrations

VERSIONS = sorted((Path(services.config.migrations.__file__).parent / "versions").glob("*.py"))


def test_each_migration_follows_the_one_before_it() -> None:
    numbers = [path.name[:4] for path in VERSIONS]
    assert numbers == [f"{place:04}" for place in range(1, len(VERSIONS) + 1)]
    before = None
    for path, number in zip(VERSIONS, numbers, strict=True):
        text = path.read_text(encoding="utf-8")
        said = dict(re.findall(r"^(revision|down_revision) = (?:'(\d+)'|None)", text, re.MULTILINE))
        assert (said["revision"], said["down_revision"] or None) == (number, before), path.name
        before = number
