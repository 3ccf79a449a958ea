"""Steps of the schema stand in one line: two with the same number would leave every database unable to move."""

from __future__ import annotations

import re
from pathlib import Path

import services.config.migrations as migrations

VERSIONS = Path(migrations.__file__).parent / "versions"


def test_each_step_has_a_number_of_its_own_and_follows_the_one_before() -> None:
    steps = []
    for file in sorted(VERSIONS.glob("[0-9]*.py")):
        text = file.read_text(encoding="utf-8")
        found = dict(re.findall(r"^(revision|down_revision) = [\"']?(\w+)", text, re.MULTILINE))
        steps.append((file.name[:4], found["revision"], found["down_revision"]))
    numbers = [f"{number:04}" for number in range(1, len(steps) + 1)]
    assert steps == list(zip(numbers, numbers, ["None", *numbers[:-1]], strict=True))
