"""Each report names a test that exists, and enough of them are there from each tracker."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "development" / "field-reports.md").read_text(encoding="utf-8")
ROWS = re.findall(
    r"^\| \[([\w-]+) (\d+)\]\(https://github\.com/([\w-]+/[\w-]+)/(?:issues|pull)/(\d+)\).*`(tests/[\w/]+\.py)::(\w+)` \|$",
    PAGE,
    re.MULTILINE,
)
TRACKERS = {"keel-hq/keel", "fluxcd", "argoproj-labs/argocd-image-updater", "akuity/kargo", "Shopify/krane"}


def test_there_are_enough_reports_and_most_are_of_roll_outs() -> None:
    assert PAGE.count("https://github.com/") == len(ROWS) >= 20
    roll_outs = PAGE.partition("## Roll-outs")[2].partition("## Applying")[0]
    assert roll_outs.count("https://github.com/") >= 12
    repositories = {repository for _, _, repository, *_ in ROWS}
    assert all(any(repository.startswith(tracker) for repository in repositories) for tracker in TRACKERS)


@pytest.mark.parametrize("row", ROWS, ids=[f"{name}-{number}-{test}" for name, number, _, _, _, test in ROWS])
def test_a_report_is_held_by_a_test_that_exists(row: tuple[str, ...]) -> None:
    name, number, repository, numbered, path, test = row
    assert repository.endswith(f"/{name}") and numbered == number
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    assert test in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
