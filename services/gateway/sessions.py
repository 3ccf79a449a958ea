"""Who a request comes from: a signed token that holds a subject and a token id, and nothing else worth stealing.

config looks at the token id with every command and query, so a revoked one stops at once whatever the signature says.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import Any

import jwt
from werkzeug.wrappers import Request

from shared.contracts.catalog import SignedIn
from shared.contracts.envelope import Caller

ALGORITHM = "HS256"
ISSUER = "portside"
COOKIE = "portside_session"
GOOD_FOR_S = 28_800
BROWSER_COOKIE = "portside_browser"
BROWSER_AUDIENCE = "browser"
BROWSER_GOOD_FOR_S = 90 * 86_400
SIGN_ON_COOKIE = "portside_sign_on"
SIGN_ON_AUDIENCE = "sign-on"
SIGN_ON_GOOD_FOR_S = 600
SIGN_OUT_COOKIE = "portside_sign_out"
SIGN_OUT_AUDIENCE = "sign-out"


def of_port(cookie: str, request: Request) -> str:
    """The cookie's name at the port that the browser called.

    Browsers share cookies among the ports of a host, so two Portsides on one host would overwrite each other's. At the
    usual port the name is plain.
    """
    port = re.search(r":(\d{1,5})$", request.host)
    return f"{cookie}_{port[1]}" if port else cookie


class NotSignedIn(Exception):
    """There is no valid token; the text says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Access:
    """An access token, ready to hand out."""

    token: str
    expires_in_s: int


class Sessions:
    """Signs and checks access tokens with one key."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def issue(self, signed_in: SignedIn, at: float) -> Access:
        """A token for somebody whom config knows."""
        good_for_s = max(1, min(GOOD_FOR_S, signed_in.good_for_s))
        claims = {
            "iss": ISSUER,
            "sub": signed_in.user,
            "tid": signed_in.token_id,
            "iat": int(at),
            "exp": int(at) + good_for_s,
        }
        return Access(jwt.encode(claims, self._key, algorithm=ALGORITHM), good_for_s)

    def read(self, token: str) -> Caller:
        """The caller that a token names. Raises `NotSignedIn`."""
        try:
            claims = jwt.decode(
                token,
                self._key,
                algorithms=[ALGORITHM],
                issuer=ISSUER,
                options={"require": ["exp", "sub", "tid", "iss"]},
            )
        except jwt.ExpiredSignatureError:
            raise NotSignedIn("The access token has expired") from None
        except jwt.InvalidTokenError:
            raise NotSignedIn("The access token is not valid") from None
        return Caller(user=str(claims["sub"]), token_id=str(claims["tid"]))

    def issue_browser(self, user: str, at: float) -> str:
        """A mark for a browser in which that user has signed in. It signs nobody in."""
        return self._issue_cookie(BROWSER_AUDIENCE, at, BROWSER_GOOD_FOR_S, {"sub": user})

    def read_browser(self, token: str) -> str:
        """The user of such a mark; empty for what is none of ours or too old."""
        return str(self._read_cookie(BROWSER_AUDIENCE, token).get("sub", ""))

    def issue_sign_on(self, attempt: dict[str, str], at: float) -> str:
        """What a browser carries while it is at a sign-in provider."""
        return self._issue_cookie(SIGN_ON_AUDIENCE, at, SIGN_ON_GOOD_FOR_S, {"sub": "browser", "attempt": attempt})

    def read_sign_on(self, token: str) -> dict[str, str]:
        """The same; empty for what is none of ours or too old."""
        return dict(self._read_cookie(SIGN_ON_AUDIENCE, token).get("attempt") or {})

    def issue_sign_out(self, url: str, at: float) -> str:
        """Where a browser goes to end its session at the provider too."""
        return self._issue_cookie(SIGN_OUT_AUDIENCE, at, GOOD_FOR_S, {"sub": "browser", "url": url})

    def read_sign_out(self, token: str) -> str:
        """The same; empty for what is none of ours or too old."""
        return str(self._read_cookie(SIGN_OUT_AUDIENCE, token).get("url", ""))

    def _issue_cookie(self, audience: str, at: float, good_for_s: int, content: dict[str, object]) -> str:
        claims = {"iss": ISSUER, "aud": audience, "exp": int(at) + good_for_s, **content}
        return jwt.encode(claims, self._key, algorithm=ALGORITHM)

    def _read_cookie(self, audience: str, token: str) -> dict[str, Any]:
        try:
            return jwt.decode(
                token,
                self._key,
                algorithms=[ALGORITHM],
                issuer=ISSUER,
                audience=audience,
                options={"require": ["exp", "sub", "aud", "iss"]},
            )
        except jwt.InvalidTokenError:
            return {}

    def form_token(self, caller: Caller) -> str:
        """What every form of this session must send back (against forged requests from other sites)."""
        return hmac.new(self._key, f"form/{caller.token_id}".encode(), hashlib.sha256).hexdigest()

    def form_is_ours(self, caller: Caller, sent: str) -> bool:
        """Does the form come from a page of this session?"""
        return hmac.compare_digest(self.form_token(caller), sent)
