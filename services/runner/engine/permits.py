"""What the ledger's answer to a request for leave means for the task that asked (docs/adr/0001). Pure."""

from __future__ import annotations

from enum import StrEnum

from shared.contracts.runs import Directive, ReportAnswer


class Next(StrEnum):
    """What becomes of the try."""

    ACT = "act"
    """Do what leave was asked for."""
    END = "end"
    """It was cancelled: end what it may have outside, then the try."""
    PUT_OFF = "put off"
    """The process ends: a successor begins, as another try where this one is on record."""
    FAIL = "fail"
    """Leave will never be given; the answer says why."""
    AGAIN = "again"
    """Nothing has begun: let it fall, and ask `decide` again."""


def after(answer: ReportAnswer, *, begun: bool, ending: bool, letting_go: bool) -> Next:
    """`begun`: the try had begun before this request; `ending`: this holder had to cancel it meanwhile."""
    if letting_go:
        return Next.PUT_OFF
    if answer.verdict is Directive.CANCEL or ending:
        return Next.END if begun or answer.granted else Next.AGAIN
    # A pause lets what has begun come to its end; the answer shows that the run is still ours.
    if answer.granted or (begun and answer.verdict is Directive.PAUSE):
        return Next.ACT
    return Next.FAIL if answer.verdict is Directive.GO and answer.reason else Next.AGAIN
