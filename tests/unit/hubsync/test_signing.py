"""Signing in: which call, how long a token serves, what a refusal means."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import jwt
import pytest

from services.hubsync.problems import HubUnavailable, Limited, TwoFactorDue, WrongCredentials
from services.hubsync.signing import MFA_DETAIL, REMEMBER_REFUSAL_S, HubAccount, HubReply, HubSignIns

NOW = 1_795_000_000.0
ACCOUNT = HubAccount("https://hub.example.com", "acme", "pw")
KEY = "k" * 32


@dataclass
class Hub:
    """Answers by address, and what was asked."""

    replies: dict[str, list[HubReply]]
    now: float = NOW
    asked: list[str] = field(default_factory=list)

    def __call__(
        self, method: str, url: str, *, authorization: str = "", body: Any = None, doing: str, local: bool = False
    ) -> HubReply:
        path = url.removeprefix(ACCOUNT.hub_url)
        self.asked.append(path)
        waiting = self.replies[path]
        return waiting.pop(0) if len(waiting) > 1 else waiting[0]

    def sign_ins(self) -> HubSignIns:
        return HubSignIns(self, lambda: self.now)


def token(life_s: float, at: float = NOW) -> str:
    return jwt.encode({"exp": at + life_s}, KEY, algorithm="HS256")


def ok(name: str, life_s: float = 600, at: float = NOW) -> HubReply:
    return HubReply(200, {}, f'{{"{name}": "{token(life_s, at)}"}}')


def test_a_token_serves_until_a_minute_before_its_end() -> None:
    hub = Hub({"/v2/auth/token": [ok("access_token")]})
    sign_ins = hub.sign_ins()
    first = sign_ins.token(ACCOUNT)
    hub.now = NOW + 539
    assert sign_ins.token(ACCOUNT) == first and len(hub.asked) == 1
    hub.replies["/v2/auth/token"] = [ok("access_token", at=NOW + 541)]
    hub.now = NOW + 541
    assert sign_ins.token(ACCOUNT) != first and len(hub.asked) == 2


def test_a_token_shorter_than_two_minutes_serves_half_its_life() -> None:
    hub = Hub({"/v2/auth/token": [ok("access_token", 40)]})
    sign_ins = hub.sign_ins()
    sign_ins.token(ACCOUNT)
    hub.now = NOW + 19
    sign_ins.token(ACCOUNT)
    assert len(hub.asked) == 1
    hub.now = NOW + 21
    sign_ins.token(ACCOUNT)
    assert len(hub.asked) == 2


def test_a_token_that_is_no_jwt_serves_a_few_minutes() -> None:
    hub = Hub({"/v2/auth/token": [HubReply(200, {}, '{"access_token": "opaque"}')]})
    sign_ins = hub.sign_ins()
    assert sign_ins.token(ACCOUNT) == "opaque"
    hub.now = NOW + 400
    sign_ins.token(ACCOUNT)
    assert len(hub.asked) == 2


@pytest.mark.parametrize("status", [404, 405, 401])
def test_where_the_newer_call_does_not_serve_the_older_one_is_tried(status: int) -> None:
    hub = Hub({"/v2/auth/token": [HubReply(status, {}, "")], "/v2/users/login": [ok("token")]})
    assert hub.sign_ins().token(ACCOUNT)
    assert hub.asked == ["/v2/auth/token", "/v2/users/login"]


def test_a_second_factor_is_told_apart_from_a_wrong_password() -> None:
    due = HubReply(401, {}, f'{{"detail": "{MFA_DETAIL}", "login_2fa_token": "x"}}')
    hub = Hub({"/v2/auth/token": [HubReply(401, {}, "")], "/v2/users/login": [due]})
    with pytest.raises(TwoFactorDue, match="second factor"):
        hub.sign_ins().token(ACCOUNT)
    wrong = HubReply(401, {}, '{"detail": "Incorrect authentication credentials"}')
    hub = Hub({"/v2/auth/token": [wrong], "/v2/users/login": [wrong]})
    with pytest.raises(WrongCredentials, match="Incorrect authentication") as refused:
        hub.sign_ins().token(ACCOUNT)
    assert not isinstance(refused.value, TwoFactorDue)


def test_a_refused_password_is_not_tried_again_soon_and_a_new_one_is_at_once() -> None:
    wrong = HubReply(401, {}, "{}")
    hub = Hub({"/v2/auth/token": [wrong], "/v2/users/login": [wrong]})
    sign_ins = hub.sign_ins()
    for _ in range(3):
        with pytest.raises(WrongCredentials):
            sign_ins.token(ACCOUNT)
    assert len(hub.asked) == 2
    hub.replies["/v2/auth/token"] = [ok("access_token")]
    assert sign_ins.token(HubAccount(ACCOUNT.hub_url, "acme", "new"))
    hub.now = NOW + REMEMBER_REFUSAL_S + 1
    assert sign_ins.token(ACCOUNT)


def test_a_locked_account_says_until_when() -> None:
    hub = Hub({"/v2/auth/token": [HubReply(429, {"X-Retry-After": str(int(NOW) + 600)}, '{"detail": "locked"}')]})
    with pytest.raises(Limited) as limited:
        hub.sign_ins().token(ACCOUNT)
    assert limited.value.retry_at == NOW + 600


def test_a_hub_that_is_ill_is_not_a_wrong_password() -> None:
    for status, body in ((502, "<html>"), (500, "{}")):
        hub = Hub({"/v2/auth/token": [HubReply(status, {}, body)]})
        with pytest.raises(HubUnavailable):
            hub.sign_ins().token(ACCOUNT)
        assert hub.asked == ["/v2/auth/token"]


def test_an_account_s_password_is_in_no_representation_of_it() -> None:
    secret = HubAccount("https://hub.example.com", "acme", "hunter2")
    assert "hunter2" not in repr(secret) and "hunter2" not in str(secret.key)
