"""The pipelines on the pages about flow and notifications can be saved."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from shared.grammar.checks import examine_pipeline
from shared.grammar.documents import load_yaml
from shared.grammar.task_schemas import TASK_SCHEMAS

PAGES = (Path("docs/reference/flow.md"), Path("docs/how-to/notify.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_example_can_be_saved(page: Path) -> None:
    found = re.search(r"```yaml\n(.*?)```", page.read_text(encoding="utf-8"), re.S)
    assert found is not None
    tree = load_yaml(found[1])[0].tree
    assert examine_pipeline({"project": "default", **tree}, task_schemas=TASK_SCHEMAS).flaws == []
