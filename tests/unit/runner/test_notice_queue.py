"""A notice that waits in its queue: each try is reported, and comes again while a later one may help."""

from __future__ import annotations

import pytest

from services.runner.handlers import send_notice
from shared.bus import Ack, Incoming, NotConfirmed, Outcome, Retry
from shared.contracts.envelope import Envelope
from shared.contracts.notices import Notice, NoticeTried
from shared.contracts.topics import NOTICE_SEND

from .notifications.sample import notice


def incoming(failures: int = 0) -> Incoming:
    message = notice("webhook", {"url": "https://x.example.com"})
    envelope = Envelope(id="m1", source="x", type="notice.send.v1", subject="n-1", time="", data={})
    return Incoming(NOTICE_SEND, envelope, message, failures=failures)


def tried(success: bool, final: bool) -> NoticeTried:
    return NoticeTried(notice_id="n-1", execution_id="e1", try_number=1, success=success, final=final, message="busy")


@pytest.mark.parametrize(
    ("success", "final", "outcome"),
    [(True, True, Ack()), (False, True, Ack()), (False, False, Retry(None, "busy"))],
)
def test_a_try_is_reported_and_goes_round_the_ladder_while_that_may_help(
    success: bool, final: bool, outcome: Outcome
) -> None:
    reports: list[NoticeTried] = []
    numbers: list[int] = []

    def tell(_notice: Notice, number: int) -> NoticeTried:
        numbers.append(number)
        return tried(success, final)

    handle = send_notice(tell, lambda report, _cause: reports.append(report))
    assert handle(incoming(failures=2)) == outcome
    assert (numbers, len(reports)) == ([3], 1)


def test_what_cannot_be_reported_is_tried_again_rather_than_forgotten() -> None:
    def away(_report: NoticeTried, _cause: str) -> None:
        raise NotConfirmed("broker away")

    assert send_notice(lambda *_: tried(True, True), away)(incoming()) == Retry(1.0, "broker away")
