"""What an answer to a request for leave means, row by row."""

from __future__ import annotations

import pytest

from services.runner.engine.permits import Next, after
from shared.contracts.runs import Directive, ReportAnswer

GO, PAUSE, CANCEL = Directive.GO, Directive.PAUSE, Directive.CANCEL


@pytest.mark.parametrize(
    ("verdict", "granted", "reason", "begun", "ending", "expected"),
    [
        (GO, True, "", False, False, Next.ACT),
        (PAUSE, True, "", False, False, Next.ACT),
        (CANCEL, True, "", False, False, Next.END),
        (GO, True, "", False, True, Next.END),
        (GO, False, "it may have run", False, False, Next.FAIL),
        (GO, False, "it may have run", True, False, Next.FAIL),
        (GO, False, "", False, False, Next.AGAIN),
        (GO, False, "", True, False, Next.AGAIN),
        (PAUSE, False, "No new work", False, False, Next.AGAIN),
        (PAUSE, False, "No new work", True, False, Next.ACT),
        (CANCEL, False, "No new work", False, False, Next.AGAIN),
        (CANCEL, False, "No new work", True, False, Next.END),
        (CANCEL, False, "No new work", True, True, Next.END),
    ],
)
def test_an_answer_means(
    verdict: Directive, granted: bool, reason: str, begun: bool, ending: bool, expected: Next
) -> None:
    answer = ReportAnswer(verdict=verdict, granted=granted, reason=reason)
    assert after(answer, begun=begun, ending=ending, letting_go=False) is expected


@pytest.mark.parametrize("verdict", [GO, PAUSE, CANCEL])
def test_nothing_is_begun_while_the_process_ends(verdict: Directive) -> None:
    answer = ReportAnswer(verdict=verdict, granted=True)
    assert after(answer, begun=False, ending=False, letting_go=True) is Next.PUT_OFF
