"""The bench defines what Portside takes."""

from __future__ import annotations

import pytest
import yaml

from bench.stage import NO_OP, PIPELINE
from shared.grammar.pipelines import read_pipeline


@pytest.mark.parametrize("task", [NO_OP, "{type: REST, input: {action: post, url: 'http://127.0.0.1:1'}}"])
def test_a_pipeline_of_the_bench_can_be_saved(task: str) -> None:
    assert len(read_pipeline(yaml.safe_load(PIPELINE.format(name="Three", task=task))).stages["Only"].tasks) == 3
