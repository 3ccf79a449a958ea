"""Signing in at Docker Hub: the documented call, the older one where that is away, tokens kept until shortly before
their end."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import jwt

from shared.contracts.times import numeric_date

from . import answers
from .problems import HubProblem, HubUnavailable, Limited, TwoFactorDue, WrongCredentials
from .retry import asked_for

EARLY_S = 60.0
"""A token is not used in its last minute, so that it does not end on its way."""
UNKNOWN_LIFE_S = 300.0
REMEMBER_REFUSAL_S = 600.0
"""The Hub counts failed sign-ins per user name and locks the account: a refused password is not tried again soon."""
MFA_DETAIL = "Require secondary authentication on MFA enabled account"


@dataclass(frozen=True, slots=True)
class HubAccount:
    """As whom, and where, the hooks are managed."""

    hub_url: str
    username: str
    password: str
    local: bool = False
    """The Hub may be on this machine or network."""

    @property
    def key(self) -> tuple[str, str, str]:
        """For caches: the password only as a hash."""
        return self.hub_url, self.username, hashlib.sha256(self.password.encode()).hexdigest()

    def __repr__(self) -> str:
        return f"Account({self.username} at {self.hub_url})"


@dataclass(frozen=True, slots=True)
class HubReply:
    """An HTTP answer as far as it matters here."""

    status: int
    headers: Mapping[str, str]
    body: str


class HttpCall(Protocol):
    """One HTTP call; raises Away when there is no answer."""

    def __call__(
        self, method: str, url: str, *, authorization: str = "", body: Any = None, doing: str, local: bool = False
    ) -> HubReply: ...


class HubSignIns:
    """Tokens by account, and refusals that are still fresh."""

    def __init__(self, call: HttpCall, now: Callable[[], float]) -> None:
        self._call = call
        self._now = now
        self._tokens: dict[tuple[str, str, str], tuple[str, float]] = {}
        self._refused: dict[tuple[str, str, str], tuple[HubProblem, float]] = {}

    def token(self, account: HubAccount) -> str:
        """A token that is good for a while; signs in when there is none."""
        now = self._now()
        token, until = self._tokens.get(account.key, ("", 0.0))
        if token and now < until:
            return token
        problem, until = self._refused.get(account.key, (None, 0.0))
        if problem is not None and now < until:
            raise problem
        try:
            token = self._sign_in(account)
        except WrongCredentials as refused:
            self._refused[account.key] = (refused, now + REMEMBER_REFUSAL_S)
            raise
        self._refused.pop(account.key, None)
        self._tokens[account.key] = (token, good_until(token, self._now()))
        return token

    def forget(self, account: HubAccount) -> None:
        """The token was refused: the next call signs in again."""
        self._tokens.pop(account.key, None)

    def _sign_in(self, account: HubAccount) -> str:
        body = {"identifier": account.username, "secret": account.password}
        url = f"{account.hub_url}/v2/auth/token"
        reply = self._call("POST", url, body=body, doing="the sign-in", local=account.local)
        if token := _text(reply, "access_token"):
            return token
        if reply.status == 429:
            raise self._limited(reply)
        if reply.status >= 500:
            raise answers.problem(reply.status, reply.headers, reply.body, self._now(), "the sign-in")
        return self._older_sign_in(account)

    def _older_sign_in(self, account: HubAccount) -> str:
        """`/v2/users/login`: for servers without the newer call, and to learn that a second factor is due."""
        body = {"username": account.username, "password": account.password}
        url = f"{account.hub_url}/v2/users/login"
        reply = self._call("POST", url, body=body, doing="the sign-in", local=account.local)
        if token := _text(reply, "token"):
            return token
        if reply.status == 429:
            raise self._limited(reply)
        if _text(reply, "login_2fa_token", expected_status=401) or answers.error_text(reply.body) == MFA_DETAIL:
            raise TwoFactorDue(f"Docker Hub asks {account.username} for a second factor.")
        if reply.status in (400, 401, 403):
            raise WrongCredentials(
                f"Docker Hub does not accept the password of {account.username}: {answers.error_text(reply.body)}."
            )
        if reply.status < 500:
            raise HubUnavailable(f"There is no sign-in at {account.hub_url} ({reply.status}): is it a Docker Hub?")
        raise answers.problem(reply.status, reply.headers, reply.body, self._now(), "the sign-in")

    def _limited(self, reply: HubReply) -> Limited:
        text = answers.error_text(reply.body)
        return Limited(f"Docker Hub allows no more sign-ins for now: {text}.", asked_for(reply.headers, self._now()))


def good_until(token: str, now: float) -> float:
    """When to stop using a token: a minute before the `exp` in it, or half its life where that is shorter."""
    try:
        claims = jwt.decode(token, options={"verify_signature": False})
    except (jwt.InvalidTokenError, ValueError, RecursionError):
        claims = {}
    ends_at = numeric_date(claims.get("exp"))
    life_s = UNKNOWN_LIFE_S if ends_at is None else ends_at - now
    return now + max(life_s - EARLY_S, life_s / 2)


def _text(reply: HubReply, name: str, expected_status: int = 200) -> str:
    value = answers.as_json(reply.body) if reply.status == expected_status else None
    entry = value.get(name) if isinstance(value, dict) else None
    return entry if isinstance(entry, str) else ""
