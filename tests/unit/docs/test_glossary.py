"""The glossary's terms are defined once, in places that exist, and under names that the code still has."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "docs" / "reference" / "glossary.md"


def rows() -> list[list[str]]:
    """Cells of every table, without headings."""
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    return [row for row in cells if row[0] != "term"]


def test_each_term_is_defined_once_but_for_two_that_say_so() -> None:
    terms = Counter(term.strip() for row in rows() for term in row[0].split(","))
    twice = {term for term, count in terms.items() if count > 1}
    assert twice == {"event", "manifest"}
    assert all(len(row[1]) > 20 for row in rows())


def test_the_code_still_has_these_names() -> None:
    names = {name for row in rows() if len(row) > 2 for name in re.findall(r"`([^`]+)`", row[2])}
    files = [file for top in ("services", "shared") for file in (ROOT / top).rglob("*.py")]
    code = "\n".join(file.read_text(encoding="utf-8") for file in files)
    missing = {name for name in names if name not in code and not (ROOT / name).exists()}
    assert len(names) > 30 and missing == set()
