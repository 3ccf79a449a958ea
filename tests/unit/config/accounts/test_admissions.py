"""What a gateway has been granted is used once, and soon."""

from __future__ import annotations

import pytest

from services.config.accounts.admissions import ADMITTED_FOR_S, Admissions
from services.config.accounts.sign_in_limits import PER_ORIGIN, STRANGERS, LimitReached, SignInLimits, SignInOrigin, Way

STRANGER, FAMILIAR = SignInOrigin("203.0.113.9"), SignInOrigin("198.51.100.7", familiar=True)


class _Desk:
    def __init__(self) -> None:
        self.at = 0.0
        self.limits = SignInLimits(lambda: self.at)
        self.admissions = Admissions(self.limits, lambda: self.at)


def test_an_admission_is_used_once() -> None:
    desk = _Desk()
    admission_id = desk.admissions.grant(STRANGER)
    assert [desk.admissions.use(admission_id), desk.admissions.use(admission_id)] == [STRANGER, None]
    assert desk.admissions.use("invented") is None


def test_what_is_not_used_in_time_is_a_failed_attempt_whose_place_is_free_again() -> None:
    desk = _Desk()
    old = [desk.admissions.grant(SignInOrigin(f"192.0.2.{number}")) for number in range(STRANGERS.at_once)]
    with pytest.raises(LimitReached):
        desk.admissions.grant(STRANGER)
    assert desk.admissions.grant(FAMILIAR)
    desk.at = ADMITTED_FOR_S
    assert desk.admissions.grant(STRANGER)
    assert [desk.admissions.use(admission_id) for admission_id in old] == [None] * len(old)


def test_good_sign_ins_cost_nothing_and_failed_ones_close_their_origin() -> None:
    desk = _Desk()
    for _ in range(int(5 * PER_ORIGIN.burst)):
        desk.admissions.use(desk.admissions.grant(FAMILIAR))
        desk.limits.end(Way.PASSWORD, FAMILIAR, good=True)
    for _ in range(int(PER_ORIGIN.burst)):
        desk.admissions.use(desk.admissions.grant(FAMILIAR))
        desk.limits.end(Way.PASSWORD, FAMILIAR, good=False)
    with pytest.raises(LimitReached, match="again in"):
        desk.admissions.grant(FAMILIAR)
