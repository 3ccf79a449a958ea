"""The page on compatibility names what the code reads, where it lists it."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

import pytest

from services.config.catalog.endpoints.schemas import TYPES
from services.config.catalog.transfer.importing import KINDS
from shared.grammar.checks import NOTIFIERS

PAGE = Path(__file__).parents[3] / "docs/reference/compatibility.md"
PUBLISHED = ("docker", "k8s", "git", "email")
"""Types of endpoints that have rows of their own."""


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("Kinds in a file", KINDS),
        ("`notifications`", NOTIFIERS),
        ("Types `slack`", [type_ for type_ in TYPES if type_ not in PUBLISHED]),
    ],
)
def test_a_row_names_every_word_that_is_read(row: str, words: Collection[str]) -> None:
    (line,) = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith(f"| {row}")]
    assert set(words) <= set(re.findall(r"`([^`]+)`", line))
