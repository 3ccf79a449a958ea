"""Signing in by a page: the device authorization grant (RFC 8628), as the server offers it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from .api import ApiError, Client, Json
from .ending import CommandFailed, ExitCode

GRANT = "urn:ietf:params:oauth:grant-type:device_code"
SLOWER_BY_S = 5.0
"""RFC 8628 (3.5): so much longer from then on, at each `slow_down`."""
SHORTEST_S, LONGEST_S = 1.0, 3_600.0


@dataclass(frozen=True, slots=True)
class DeviceCodes:
    """What the server gave to begin with."""

    device_code: str
    user_code: str
    link: str
    """The page, with the short code filled in."""
    good_for_s: float
    interval_s: float


def begin(client: Client, name: str) -> DeviceCodes:
    """Begin to sign in. Raises `CommandFailed`."""
    try:
        begun = client.form("/oauth/device", client_id="portside", client_name=name)
    except ApiError as error:
        if error.status != 404:
            raise
        raise CommandFailed(
            "the server offers no sign-in by a page; it is older than this command: use a password or --with-token"
        ) from None
    return DeviceCodes(
        str(begun.get("device_code")),
        str(begun.get("user_code")),
        str(begun.get("verification_uri_complete")),
        _seconds(begun, "expires_in", 600.0),
        _seconds(begun, "interval", 5.0),
    )


def redeem(client: Client, codes: DeviceCodes) -> tuple[str, str]:
    """Wait until somebody confirms the code: the API token and its id. Raises `CommandFailed`."""
    interval_s, deadline = codes.interval_s, time.monotonic() + codes.good_for_s
    while time.monotonic() < deadline:
        time.sleep(interval_s)
        try:
            answer = client.form("/oauth/token", grant_type=GRANT, device_code=codes.device_code)
        except ApiError as error:
            if error.error == "slow_down":
                interval_s += SLOWER_BY_S
            elif error.error not in ("authorization_pending", "temporarily_unavailable"):
                raise CommandFailed(error.message, ExitCode.NOT_ALLOWED) from None
        else:
            token = str(answer.get("refresh_token"))
            client.sign_in_with(token)
            return token, str(answer.get("token_id") or "")
    raise CommandFailed("nobody allowed it in time; begin again: portside login", ExitCode.NOT_ALLOWED)


def _seconds(answer: Json, key: str, default: float) -> float:
    value: Any = answer.get(key)
    return min(LONGEST_S, max(SHORTEST_S, value)) if isinstance(value, int | float) and value == value else default
