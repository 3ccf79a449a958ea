"""Waits between tries."""

from __future__ import annotations

import pytest

from shared.process.backoff import doubled


@pytest.mark.parametrize(
    ("failures", "wait_s"), [(0, 0.2), (1, 0.2), (2, 0.4), (5, 3.2), (6, 5.0), (1_100, 5.0), (10**9, 5.0)]
)
def test_a_wait_doubles_up_to_its_ceiling_however_often_it_failed(failures: int, wait_s: float) -> None:
    assert doubled(0.2, failures, 5.0) == wait_s
