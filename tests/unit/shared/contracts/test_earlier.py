"""What release 0.1 asks in another form."""

from __future__ import annotations

from typing import Any

import pytest

from shared.contracts.base import Sealed
from shared.contracts.catalog import Act, Document, Kind
from shared.contracts.earlier import nested_answer, nested_as_act, nested_of_act
from shared.contracts.problems import Code, Refused
from shared.contracts.runs import NestedStarted, StartNested

ASK = StartNested(
    execution_id="child",
    project="default",
    pipeline="Scan",
    inputs={"a": "1", "password": "*****"},
    sealed_inputs={"password": Sealed(key_id="k", box="Ym94")},
    comments="Run by Deploy #7, S.T",
    parent="e1",
    stage="S",
    task="T",
    requested_by="ada",
)
OF_0_1 = Act(
    kind=Kind.PIPELINES,
    verb="execute",
    project="default",
    name="Scan",
    body={
        "executionId": "child",
        "input": {"a": "1", "password": "*****"},
        "comments": "Run by Deploy #7, S.T",
        "_parent": {"executionId": "e1", "stage": "S", "task": "T", "requestedBy": "ada"},
    },
    sealed={"input.password": Sealed(key_id="k", box="Ym94")},
)


def test_a_nested_run_reads_the_same_in_both_forms() -> None:
    assert nested_as_act(ASK) == OF_0_1
    assert nested_of_act(OF_0_1) == ASK
    answer = Document(document={"executionId": "child", "executionIndex": 4, "executionLink": "/x"})
    assert nested_answer(answer) == NestedStarted(execution_id="child", execution_index=4)


@pytest.mark.parametrize(
    "changed",
    [{"verb": "create"}, {"kind": Kind.EXECUTIONS}, {"body": {"input": {}}}, {"body": {"_parent": "e1"}}],
)
def test_any_other_act_is_no_nested_run(changed: dict[str, Any]) -> None:
    assert nested_of_act(OF_0_1.model_copy(update=changed)) is None


def test_a_nested_run_that_lacks_a_part_is_refused_by_its_name() -> None:
    with pytest.raises(Refused, match="The nested run cannot be read: parent") as refused:
        nested_of_act(OF_0_1.model_copy(update={"body": {**OF_0_1.body, "_parent": {"stage": "S", "task": "T"}}}))
    assert refused.value.problem.code is Code.INVALID
