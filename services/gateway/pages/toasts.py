"""What was done is said: a sentence with a link, on the page that the answer leads to or over the one that is open."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import asdict, dataclass

from flask import Response, g, request

from shared.grammar.json_parser import parse_json

from .sign_in import own_address

COOKIE = "portside_said"
MAX_COOKIE = 2_000
GOOD_FOR_S = 60
EVENT = "portside:said"
"""What `static/said.js` listens for."""


@dataclass(frozen=True, slots=True)
class Toast:
    """`link` is an address of ours, and `word` its text."""

    message: str
    link: str = ""
    word: str = ""


def say(message: str, link: str = "", word: str = "") -> None:
    """Tell who sent this form what it did."""
    if message:
        g.toast = Toast(message[:300], link, word)


def said() -> Toast | None:
    """What the request before this one said; it is shown once."""
    try:
        fields = parse_json(urlsafe_b64decode(request.cookies.get(COOKIE, "")[:MAX_COOKIE]))
        toast = Toast(str(fields["message"]), own_address(str(fields["link"])), str(fields["word"]))
    except (ValueError, KeyError, TypeError):
        return None
    g.toast_shown = True
    return toast


def carry(response: Response) -> Response:
    """After each request: hand the toast to the page that follows, or to the one that sent the form."""
    toast: Toast | None = g.pop("toast", None)
    if toast is None:
        if g.pop("toast_shown", False) and request.headers.get("HX-Request") is None:
            response.delete_cookie(COOKIE)
        return response
    if request.headers.get("HX-Request") and "HX-Redirect" not in response.headers:
        events = parse_json(response.headers.get("HX-Trigger", "{}"))
        response.headers["HX-Trigger"] = json.dumps({**events, EVENT: asdict(toast)})
    else:
        value = urlsafe_b64encode(json.dumps(asdict(toast)).encode()).decode()
        response.set_cookie(COOKIE, value, max_age=GOOD_FOR_S, httponly=True, samesite="Lax", secure=request.is_secure)
    return response
