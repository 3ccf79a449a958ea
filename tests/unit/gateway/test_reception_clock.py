"""The time of reception by config's clock."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.receiver.allowlist_cache import AllowlistCache
from services.gateway.receiver.reception_clock import TOLERANCE_S, ReceptionClock, ahead_s
from shared.contracts.pushes import Allowlist
from shared.process.clock import now

from .fakes import FakePost

AT = 1_700_000_000.0


@pytest.mark.parametrize(
    ("asked", "answered", "heard", "ahead"),
    [
        (AT, AT + 30.1, AT + 0.2, 30.0),
        (AT, AT - 3600, AT + 2, -3601.0),
        (AT, AT + 0.1, AT + 0.2, 0.0),
        (AT, AT + 4.9, AT + 5, 0.0),  # the answer was on its way for all of it
        (AT, AT + 3, AT + 5, 0.0),
    ],
)
def test_a_difference_that_the_way_does_not_explain_counts(
    asked: float, answered: float, heard: float, ahead: float
) -> None:
    assert ahead_s(asked, answered, heard) == pytest.approx(ahead, abs=1e-3)


@given(st.floats(-1e5, 1e5), st.floats(0, 5), st.floats(0, 1))
def test_it_is_right_but_for_the_time_that_the_answer_took(difference: float, took: float, share: float) -> None:
    answered = AT + share * took + difference
    error = abs(ahead_s(AT, answered, AT + took) - difference)
    assert error <= took + TOLERANCE_S + 1e-3


def test_the_answer_of_config_sets_it_and_one_of_an_older_release_changes_nothing() -> None:
    clock = ReceptionClock()
    clock.compare(now(), now() + 3600)
    clock.compare(now(), None)
    assert clock.now() - now() == pytest.approx(3600, abs=1)


def test_the_list_brings_it(tmp_path: Path) -> None:
    post = FakePost()
    post.request = lambda *_, **__: Allowlist(revision=1, entries=(), answered_at=now() - 30)  # type: ignore[method-assign]
    keeper = AllowlistCache(post, tmp_path / "a.json")
    keeper.refresh()
    assert keeper.clock.now() - now() == pytest.approx(-30, abs=1)
