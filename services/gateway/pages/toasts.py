"""What was done is said: a sentence with a link, on the page that the answer leads to or over the one that is open.

Where the system can take it back, the toast has a button for that: a form with the fields of `Undo`.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import asdict, dataclass
from typing import Any

from flask import Response, g, request

from services.gateway.sessions import of_port
from shared.grammar.json_parser import parse_json

from .sign_in import own_address

COOKIE = "portside_said"
MAX_COOKIE = 3_500
"""Browsers keep 4,096 bytes; of what does not fit the way back is left out."""
GOOD_FOR_S = 60
EVENT = "portside:said"
"""What `static/said.js` listens for."""


@dataclass(frozen=True, slots=True)
class Undo:
    """The form that takes something back: an address of ours and what is sent there."""

    address: str
    fields: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Toast:
    """`link` is an address of ours, and `word` its text; `failed` is what could not be done, and stays."""

    message: str
    link: str = ""
    word: str = ""
    undo: Undo | None = None
    failed: str = ""


def say(message: str, link: str = "", word: str = "", *, undo: Undo | None = None, failed: str = "") -> None:
    """Tell who sent this form what it did."""
    if message or failed:
        g.toast = Toast(message[:300], link, word, undo, failed[:500])


def previous_toast() -> Toast | None:
    """What the request before this one said; it is shown once."""
    try:
        fields = parse_json(urlsafe_b64decode(request.cookies.get(of_port(COOKIE, request), "")[: MAX_COOKIE * 2]))
        toast = Toast(
            str(fields["message"]),
            own_address(str(fields["link"])),
            str(fields["word"]),
            _undo(fields["undo"]),
            str(fields["failed"]),
        )
    except (ValueError, KeyError, TypeError):
        return None
    g.toast_shown = True
    return toast


def _undo(fields: Any) -> Undo | None:
    if not fields or not (address := own_address(str(fields["address"]))):
        return None
    return Undo(address, tuple((str(name), str(value)) for name, value in fields["fields"]))


def carry(response: Response) -> Response:
    """After each request: hand the toast to the page that follows, or to the one that sent the form."""
    toast: Toast | None = g.pop("toast", None)
    if toast is None:
        if g.pop("toast_shown", False) and request.headers.get("HX-Request") is None:
            response.delete_cookie(of_port(COOKIE, request))
        return response
    if request.headers.get("HX-Request") and "HX-Redirect" not in response.headers:
        events = parse_json(response.headers.get("HX-Trigger", "{}"))
        response.headers["HX-Trigger"] = json.dumps({**events, EVENT: asdict(toast)})
    else:
        response.set_cookie(
            of_port(COOKIE, request),
            _packed(toast),
            max_age=GOOD_FOR_S,
            httponly=True,
            samesite="Lax",
            secure=request.is_secure,
        )
    return response


def _packed(toast: Toast) -> str:
    for fields in (asdict(toast), {**asdict(toast), "undo": None}):
        value = urlsafe_b64encode(json.dumps(fields).encode()).decode()
        if len(value) <= MAX_COOKIE:
            break
    return value
