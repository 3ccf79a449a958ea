"""What has one home stays there; ruff's banned functions in `pyproject.toml` hold the rest."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
DIGITS = re.compile(r"\.(?:isdigit|isdecimal|isnumeric)\(")
"""`'²'.isdigit()` is true and `int('²')` fails; `int` fails too for more than 4,300 digits."""
DIGITS_HOME = Path("shared/contracts/texts.py")
OF_A_MATCH = {Path("shared/grammar/dialects.py")}
"""It looks at what a pattern of ASCII digits has matched."""


def test_digits_from_outside_are_read_in_one_place() -> None:
    files = [file for folder in ("services", "shared") for file in (ROOT / folder).rglob("*.py")]
    assert len(files) > 200
    homes = {file.relative_to(ROOT) for file in files if DIGITS.search(file.read_text())}
    assert homes - OF_A_MATCH == {DIGITS_HOME}
