"""What has one home stays there; ruff's banned functions in `pyproject.toml` hold the rest."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from shared.contracts.texts import counted

ROOT = Path(__file__).parents[3]
DIGITS = re.compile(r"\.(?:isdigit|isdecimal|isnumeric)\(")
"""`'²'.isdigit()` is true and `int('²')` fails; `int` fails too for more than 4,300 digits."""
DIGITS_HOME = Path("shared/contracts/texts.py")
OWN_PLURAL = re.compile(r"""(?:''|"") if [^{}]{1,60} == 1 else ['"]e?s['"]""")
"""`f"{count} hook{'' if count == 1 else 's'}"`: `counted` says it, a filter in templates too."""
STANDARD_LIBRARY_ALONE = {"shared/process/health_check.py"}
"""It reads the port of an address that an operator wrote, and imports nothing that costs time."""
OF_A_MATCH = {Path("shared/grammar/dialects.py")}
"""It looks at what a pattern of ASCII digits has matched."""


def test_digits_from_outside_are_read_in_one_place() -> None:
    files = [file for folder in ("services", "shared") for file in (ROOT / folder).rglob("*.py")]
    assert len(files) > 200
    homes = {file.relative_to(ROOT) for file in files if DIGITS.search(file.read_text())}
    assert homes - OF_A_MATCH == {DIGITS_HOME}


def test_how_many_there_are_is_said_in_one_way() -> None:
    files = [
        file
        for folder in ("services", "shared", "cli")
        for ending in ("*.py", "*.html")
        for file in (ROOT / folder).rglob(ending)
    ]
    assert len(files) > 400
    assert [str(file.relative_to(ROOT)) for file in files if OWN_PLURAL.search(file.read_text())] == []


COUNTS = [
    (0, "0 hooks move"),
    (1, "1 hook moves"),
    (2, "2 hooks move"),
    (1_234, "1,234 hooks move"),
    (1.5, "1.5 hooks move"),
]


@pytest.mark.parametrize(("count", "words"), COUNTS)
def test_a_count_agrees_with_its_noun_and_verb(count: float, words: str) -> None:
    assert counted(count, "hook moves", "hooks move") == words
    assert counted(count, "hook") == words.removesuffix(" moves").removesuffix(" move")


def guarded_ints(tree: ast.Module) -> list[int]:
    """The lines of `int(text)` in a `try` that catches `ValueError`."""
    return [
        node.lineno
        for attempt in ast.walk(tree)
        if isinstance(attempt, ast.Try)
        and any(handler.type is not None and "ValueError" in ast.unparse(handler.type) for handler in attempt.handlers)
        for statement in attempt.body
        for node in ast.walk(statement)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "int"
    ]


def test_no_text_is_tried_as_a_number() -> None:
    """`int` also takes blanks, underscores and the digits of every script; the home of digits does not."""
    assert guarded_ints(ast.parse("try:\n    days = int(text)\nexcept ValueError:\n    days = 0")) == [2]
    # The client imports nothing of Portside.
    files = [file for folder in ("services", "shared", "cli") for file in (ROOT / folder).rglob("*.py")]
    texts = {file: file.read_text() for file in files if "portside" not in file.relative_to(ROOT).parts}
    tried = [
        f"{file.relative_to(ROOT)}:{row}"
        for file, text in texts.items()
        if "ValueError" in text and " int(" in text
        for row in guarded_ints(ast.parse(text))
    ]
    assert [place for place in tried if place.partition(":")[0] not in STANDARD_LIBRARY_ALONE] == []
