"""Times as text, both ways, and numbers from outside."""

from __future__ import annotations

from typing import Any

import pytest

from services.gateway.pages.log_lines import coloured
from services.runner.requests.inspect import _as_version
from shared.contracts.texts import integer, is_integer, whole_number
from shared.contracts.times import (
    compact,
    day,
    day_of,
    epoch,
    epoch_or_none,
    lifetime_s,
    micros,
    numeric_date,
    rfc3339,
    rfc3339_seconds,
    wire_time,
)

AT = 1_795_417_200.065065


def test_a_time_is_written_in_utc_in_every_form() -> None:
    assert rfc3339(AT) == "2026-11-23T07:00:00.065Z"
    assert rfc3339_seconds(AT) == "2026-11-23T07:00:00Z"
    assert compact(AT) == "20261123T070000Z"
    assert wire_time(AT) == "2026-11-23 07:00:00.065065+00" and wire_time(None) == ""
    assert (day(AT), day_of(AT), day_of(None)) == ("23 November 2026", "2026-11-23", "")
    assert micros(AT) == 1_795_417_200_065_065


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2026-11-23T07:00:00Z", 1_795_417_200.0),
        ("2026-11-23T08:00:00+01:00", 1_795_417_200.0),
        (" 2026-11-23 07:00:00 ", 1_795_417_200.0),
        ("2026-11-23T07:00:00.065065432Z", AT),
        ("2026-11-23T07:00:00,0650654329Z", AT),
    ],
)
def test_an_iso_time_of_any_precision_is_read_and_without_a_zone_is_utc(text: str, seconds: float) -> None:
    assert epoch(text) == pytest.approx(seconds, abs=1e-6)


@pytest.mark.parametrize("value", ["", "yesterday", "2026-13-01", "9" * 5_000, None, 5, ["2026-11-23"]])
def test_what_names_no_time_is_none(value: Any) -> None:
    assert epoch_or_none(value) is None


@pytest.mark.parametrize("text", ["", "²", "١", "1_0", " 1", "1" * 10, "-1", "0x1"])
def test_only_few_ascii_digits_are_a_number(text: str) -> None:
    assert whole_number(text) is None


def test_an_integer_may_have_a_sign() -> None:
    assert [integer(text) for text in ("7", "-7", "+7", "--7", "-", "", "-²")] == [7, -7, 7, None, None, None, None]
    assert [is_integer(text) for text in ("7" * 5_000, "-7", "--7", "²", "")] == [True, True, False, False, False]


def test_digits_of_foreign_logs_and_tags_that_python_cannot_read_break_nothing() -> None:
    assert coloured("\x1b[" + "9" * 5_000 + "mtext") == (("", "text"),)
    assert sorted(["v²", "v10", "v9"], key=_as_version) == ["v9", "v10", "v²"]


ODD: list[Any] = [None, True, [], {}, "soon", "", "-5", "1e9", 0, -1, -(10**400), float("nan")]


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (60, 60.0),
        (0.5, 0.5),
        ("60", 60.0),
        (" 60 ", 60.0),
        *((odd, 300.0) for odd in ODD),
        *((large, 86_400.0) for large in (10**400, float("inf"), 1e300, "9" * 18)),
    ],
)
def test_a_lifetime_of_any_type_and_size_is_seconds_within_bounds(value: object, seconds: float) -> None:
    assert lifetime_s(value, 300.0) == seconds


@pytest.mark.parametrize("value", [None, True, "1", [], 10**400, -(10**400), float("inf"), float("nan"), 1e30])
def test_what_is_no_time_near_ours_is_none(value: object) -> None:
    assert numeric_date(value) is None
    assert numeric_date(1_700_000_000) == 1_700_000_000.0
