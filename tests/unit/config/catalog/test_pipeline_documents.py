"""Pipelines between wire and store: fields of fixed types."""

from __future__ import annotations

import pytest

from services.config.catalog.pipelines.documents import completed, stored_body


def test_a_map_that_an_older_answer_wrote_as_a_list_of_one_is_kept_and_shown_as_a_map() -> None:
    task = {"type": "REST", "input": [{"url": "https://example.com"}], "endpoints": None}
    tree = {"stageOrder": ["S"], "stages": [{"S": {"taskOrder": ["A"], "tasks": [{"A": task}]}}]}
    typed = {"type": "REST", "input": {"url": "https://example.com"}, "endpoints": {}}
    assert stored_body(tree)["stages"] == {"S": {"taskOrder": ["A"], "tasks": {"A": typed}}}
    stored_before = {"stages": {"S": {"tasks": [{"A": task}]}}}
    assert completed(stored_before)["stages"] == {"S": {"tasks": {"A": typed}}}


@pytest.mark.parametrize("stages", [[1], {"S": 1}, {"S": {"tasks": [1]}}, {"S": {"tasks": {"A": 1}}}])
def test_what_is_no_map_at_all_is_left_to_be_refused(stages: object) -> None:
    assert stored_body({"stages": stages})["stages"] == stages
