"""Reading what the Hub says, and when to come back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.hubsync import answers, problems, retry

NOW = 1_795_000_000.0


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ('{"detail": "Forbidden"}', "Forbidden"),
        ('{"message": "object not found", "errinfo": {}}', "object not found"),
        ('{"errinfo": {"a": 1}, "detail": "d", "message": "m"}', "m"),
        ('{"fields": {}, "text": "bad"}', "bad"),
        ('{"webhooks":[{"hook_url":["Invalid value."]}]}', "webhooks.hook_url: Invalid value."),
        ('{"name": ["Already there."]}', "name: Already there."),
        ('{"error": true, "detail": "boom"}', "boom"),
        ('{"error": "boom"}', "boom"),
        ('{"errors": [{"code": "UNAUTHORIZED", "message": "authentication required"}]}', "authentication required"),
        ("Too Many Requests (HAP429).\n", "Too Many Requests (HAP429)."),
        ("<html><head><title>502 Bad Gateway</title></head></html>", "a web page, 502 Bad Gateway"),
        ('"just text"', "just text"),
        ("", ""),
    ],
)
def test_every_shape_of_an_error_becomes_one_line(body: str, said: str) -> None:
    assert answers.error_text(body) == said


@given(st.text())
def test_no_body_breaks_the_reader(body: str) -> None:
    said = answers.error_text(body)
    assert "\n" not in said and len(said) <= answers.LONGEST_TEXT


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, problems.Rejected),
        (401, problems.WrongCredentials),
        (403, problems.NotAllowed),
        (404, problems.Rejected),
        (405, problems.NoManagement),
        (409, problems.Rejected),
        (429, problems.Limited),
        (301, problems.HubUnavailable),
        (500, problems.HubUnavailable),
        (502, problems.HubUnavailable),
    ],
)
def test_a_status_is_told_apart(status: int, kind: type[problems.HubProblem]) -> None:
    assert type(answers.problem(status, {}, "", NOW, "listing the hooks")) is kind


@pytest.mark.parametrize(
    ("headers", "at"),
    [
        ({"X-Retry-After": str(int(NOW) + 40)}, NOW + 40),
        ({"X-Retry-After": str(int(NOW) + 40), "Retry-After": "5"}, NOW + 40),
        ({"X-Retry-After": "40", "Retry-After": "5"}, NOW + 5),
        ({"Retry-After": "120"}, NOW + 120),
        ({"Retry-After": "0"}, NOW + 1),
        ({"Retry-After": "Wed, 18 Nov 2026 11:07:40 GMT"}, NOW + 60),
        ({"Retry-After": "Wed, 18 Nov 2026 10:00:00 GMT"}, NOW + 1),
        ({"Retry-After": "soon"}, None),
        ({"X-Retry-After": str(int(NOW) + 10**8)}, NOW + retry.LONGEST_S),
        ({}, None),
    ],
)
def test_what_the_server_asks_for_is_obeyed(headers: dict[str, str], at: float | None) -> None:
    assert retry.asked_for(headers, NOW) == at


@given(st.text(), st.text())
def test_no_header_breaks_the_reader_and_the_answer_lies_ahead(first: str, second: str) -> None:
    at = retry.asked_for({"X-Retry-After": first, "Retry-After": second}, NOW)
    assert at is None or NOW < at <= NOW + retry.LONGEST_S


def test_pauses_double_up_to_half_an_hour() -> None:
    pauses = [retry.after_failures(failures, 0, 0) for failures in range(1, 12)]
    assert pauses[:4] == [15, 30, 60, 120]
    assert pauses[-1] == retry.CEILING_S
    assert retry.after_failures(1, 0, 1) == 15 * 1.25


def test_an_account_that_is_told_no_time_rests_for_a_minute_then_longer() -> None:
    pauses = [retry.after_limits(times, 0, 0) for times in range(1, 8)]
    assert pauses[:4] == [60, 120, 240, 480]
    assert pauses[-1] == retry.CEILING_S
