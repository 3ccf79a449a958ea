"""Every example of the reference page is true."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.grammar.conditions import ConditionError, evaluate
from shared.grammar.expressions import ABOUT_NAMES
from shared.grammar.resolving import Scope, Unresolved, resolve

PAGE = (Path(__file__).parents[4] / "docs" / "reference" / "expressions.md").read_text()


def blocks(kind: str) -> Iterator[str]:
    return (found[1] for found in re.finditer(rf"^```\w+ {kind}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE))


def examples(kind: str) -> list[tuple[str, str]]:
    """What stands left and right of the arrows."""
    lines = [line for block in blocks(kind) for line in block.splitlines() if line.strip()]
    return [(left.strip(), right.strip()) for left, _, right in (line.rpartition("→") for line in lines)]


def run() -> Scope:
    tree = json.loads(next(blocks("run")))
    return Scope(tree["inputs"], tree["variables"], tree["tasks"], tree["about"])


RUN = run()


@pytest.mark.parametrize(("written", "becomes"), examples("values"))
def test_a_value_of_the_page(written: str, becomes: str) -> None:
    assert resolve(written, RUN) == json.loads(becomes)


@pytest.mark.parametrize(("written", "says"), examples("refused"))
def test_a_refused_reference_of_the_page(written: str, says: str) -> None:
    with pytest.raises(Unresolved) as error:
        resolve(written, RUN)
    assert says in str(error.value)


@pytest.mark.parametrize(("condition", "holds"), examples("conditions"))
def test_a_condition_of_the_page(condition: str, holds: str) -> None:
    assert evaluate(condition, RUN) is json.loads(holds)


@pytest.mark.parametrize(("condition", "says"), examples("errors"))
def test_a_condition_of_the_page_that_has_no_answer(condition: str, says: str) -> None:
    with pytest.raises(ConditionError) as error:
        evaluate(condition, RUN)
    assert says in str(error.value)


def test_the_page_names_everything_that_a_run_knows_about_itself() -> None:
    assert [name for name in ABOUT_NAMES if f"`${{{name}}}`" not in PAGE] == []


def test_the_page_has_examples_of_every_kind() -> None:
    assert [len(examples(kind)) >= 4 for kind in ("values", "refused", "conditions", "errors")] == [True] * 4
