"""The example on each task's page is a pipeline that can be saved; those that need nothing outside are run."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from services.config.model.claims import State
from shared.contracts.history import Status
from shared.grammar.checks import examine_pipeline
from shared.grammar.documents import load_yaml
from shared.grammar.task_schemas import TASK_SCHEMAS

from .conftest import Rig, until
from .ledger import MemoryLedger

PAGES = sorted(page for page in Path("docs/reference/tasks").glob("*.md") if page.name != "index.md")


def example(page: Path) -> dict[str, Any]:
    found = re.search(r"```yaml\n(.*?)```", page.read_text(encoding="utf-8"), re.S)
    assert found is not None, f"{page} has no example"
    return load_yaml(found[1])[0].tree


def types(tree: dict[str, Any]) -> set[str]:
    return {task["type"] for stage in tree["stages"].values() for task in stage["tasks"].values()}


def test_every_type_has_a_page() -> None:
    assert set().union(*(types(example(page)) for page in PAGES)) == set(TASK_SCHEMAS)
    listed = Path("docs/reference/tasks/index.md").read_text(encoding="utf-8")
    assert all(f"({page.name})" in listed for page in PAGES)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_example_can_be_saved(page: Path) -> None:
    assert examine_pipeline({"project": "default", **example(page)}, task_schemas=TASK_SCHEMAS).flaws == []


@pytest.mark.parametrize("name", ["condition", "log"])
def test_the_example_runs(rig: Rig, name: str) -> None:
    tree = example(Path(f"docs/reference/tasks/{name}.md"))
    ledger = MemoryLedger(tree, inputs=tree["input"])
    rig.holder(ledger)
    until(lambda: ledger.holding.state is State.ENDED)
    assert ledger.state.status is Status.COMPLETED
