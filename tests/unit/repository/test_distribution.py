"""What the image holds runs from the image: no file of the product needs `tests/` or `examples/`."""

from __future__ import annotations

import re
import subprocess
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PRODUCT = ("services", "shared", "cli", "demo", "docker-compose.yml", "Dockerfile")
FORMER_PLACES = ("tests" + ".fakes", "tests" + "/fakes", "examples" + "/templates")


@cache
def tracked(*paths: str) -> dict[Path, str]:
    """Text files under version control, with what is in them."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--", *paths], cwd=ROOT, capture_output=True, text=True, check=True
    )
    files = [file for name in listed.stdout.split("\0") if name and (file := ROOT / name).is_file()]
    return {file: raw.decode() for file in files if b"\0" not in (raw := file.read_bytes())}


def lines_with(pattern: str, files: dict[Path, str]) -> list[str]:
    return [
        f"{file.relative_to(ROOT)}:{row}: {line.strip()[:120]}"
        for file, text in files.items()
        if re.search(pattern, text)
        for row, line in enumerate(text.splitlines(), 1)
        if re.search(pattern, line)
    ]


def test_no_part_of_the_product_comes_from_tests_or_examples() -> None:
    use = r"""\b(from|import|-m|COPY) (tests|examples)\b|["'](tests|examples)[./]|/ ["'](tests|examples)["']"""
    assert lines_with(use, tracked(*PRODUCT)) == []


@pytest.mark.parametrize("place", FORMER_PLACES)
def test_nothing_names_a_place_that_the_demo_or_the_templates_left(place: str) -> None:
    assert lines_with(re.escape(place), tracked(".")) == []


def test_compose_mounts_nothing_from_a_checkout() -> None:
    compose = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    assert re.findall(r"^\s+- \.{1,2}/.*", compose, re.MULTILINE) == []
