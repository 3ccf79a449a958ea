"""What must hold of an ID token's claims (OpenID Connect Core 1.0, 3.1.3.7), each with its sentence. Pure.

Authlib's `CodeIDToken` checks the same, but says only which claim is wrong; who sets a provider up needs the value.
"""

from __future__ import annotations

from hmac import compare_digest
from typing import Any

from shared.contracts.base import Json
from shared.contracts.texts import keepable
from shared.contracts.times import numeric_date

SIGNATURES = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
"""Algorithms with a private key. With HMAC everybody who knows the client secret could sign; with `none` anybody."""
SKEW_S = 120.0
"""So far the provider's clock may differ from this machine's."""
MAX_TOKEN = 64 * 1024
MOST_SHOWN = 5
_TIMES = ("exp", "nbf", "iat")


def demand_claims(claims: Json, *, issuer: str, client_id: str, nonce: str, now: float) -> str:
    """Why these claims let nobody in, as a sentence; empty where they do. `now` in seconds since the epoch."""
    if not keepable(claims):
        return "Its ID token holds a character that cannot be kept: NUL, or half of a surrogate pair."
    audiences = _audiences(claims)
    ends_at, begins_at, made_at = (numeric_date(claims.get(name)) for name in _TIMES)
    no_times = [name for name in _TIMES if claims.get(name) is not None and numeric_date(claims[name]) is None]
    not_before = max(begins_at or 0.0, made_at or 0.0)
    checks = (
        (
            _is_from(claims, issuer),
            f"Its ID token is from the issuer {_shown(claims.get('iss'))}, not from {issuer}.",
        ),
        (
            client_id in audiences,
            f"Its ID token is for {', '.join(map(_shown, audiences[:MOST_SHOWN]))}, not for the client {client_id}.",
        ),
        (
            claims.get("azp") in (None, client_id) and (len(audiences) == 1 or claims.get("azp") == client_id),
            f"Its ID token was issued to {_shown(claims.get('azp'))}, not to the client {client_id}.",
        ),
        (
            isinstance(claims.get("sub"), str) and 0 < len(claims["sub"]) <= 255,
            "Its ID token names nobody (no usable sub).",
        ),
        (not no_times, f"Its ID token has no time in {', '.join(no_times)}."),
        (ends_at is not None and made_at is not None, "Its ID token does not say when it was made and when it ends."),
        (
            ends_at is None or ends_at + SKEW_S > now,
            f"Its ID token has expired {_ago(now, ends_at)}: compare the clocks of both machines.",
        ),
        (
            not_before - SKEW_S <= now,
            f"Its ID token is not valid for another {round(not_before - now)} s: compare the clocks of both machines.",
        ),
        (
            bool(nonce) and compare_digest(str(claims.get("nonce") or "").encode(), nonce.encode()),
            "Its ID token answers another sign-in (the nonce differs).",
        ),
    )
    return next((sentence for holds, sentence in checks if not holds), "")


def is_of_another(claims: Json, *, issuer: str, client_id: str, subject: str) -> bool:
    """Whether a refreshed ID token is about somebody or something else (OpenID Connect Core 1.0, 12.2)."""
    is_same = _is_from(claims, issuer) and client_id in _audiences(claims) and claims.get("sub") == subject
    return not is_same


def _audiences(claims: Json) -> list[Any]:
    audiences = claims.get("aud")
    return audiences if isinstance(audiences, list) else [audiences]


def _is_from(claims: Json, issuer: str) -> bool:
    return str(claims.get("iss") or "").rstrip("/") == issuer.rstrip("/")


def _ago(now: float, at: float | None) -> str:
    return "" if at is None else f"{round(now - at)} s ago"


def _shown(value: Any) -> str:
    return str(value)[:200] if value is not None else "nobody"
