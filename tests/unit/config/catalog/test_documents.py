"""How instants are told."""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.config.catalog.documents import stamps

_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


@given(st.floats(0, 4e9))
def test_both_spellings_of_an_instant_are_the_same_microsecond(at: float) -> None:
    told = stamps(at, at, "ann", "ann")
    written = datetime.fromisoformat(f"{told['createdAt']}:00")
    assert (written - _EPOCH) // timedelta(microseconds=1) == told["_createTimeInMicros"]
