"""Reading the Hub's answers: several generations of back-ends, several shapes of errors, sometimes no JSON. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from shared.grammar.json_parser import parse_json

from .problems import HubProblem, HubUnavailable, Limited, NoManagement, NotAllowed, Rejected, WrongCredentials
from .retry import asked_for

LONGEST_TEXT = 200
_NAMED = ("message", "detail", "text", "error")


def as_json(body: str) -> Any:
    """The body as a value, or None when it is not JSON."""
    try:
        return parse_json(body)
    except ValueError:
        return None


def error_text(body: str) -> str:
    """What an error body says, in one line: `message`, `detail`, `text`, `error`, `errors[0].message`, else all."""
    value = as_json(body)
    if isinstance(value, dict):
        for name in _NAMED:
            if isinstance(value.get(name), str) and value[name].strip():
                return _line(value[name])
        errors = value.get("errors")
        if isinstance(errors, list) and errors and isinstance(errors[0], dict) and errors[0].get("message"):
            return _line(str(errors[0]["message"]))
    if isinstance(value, dict | list):
        return _line("; ".join(_flat(value)))
    if isinstance(value, str):
        return _line(value)
    if "<" in body:
        title = re.search(r"<(?:title|h1)\b[^<>]*>([^<]*)", body, re.IGNORECASE)
        return _line(f"a web page, {title[1]}" if title else "a web page")
    return _line(body)


def _flat(value: Any, place: str = "") -> list[str]:
    if isinstance(value, dict):
        return [text for name, part in value.items() for text in _flat(part, f"{place}.{name}" if place else str(name))]
    if isinstance(value, list):
        return [text for part in value for text in _flat(part, place)]
    if value is None or isinstance(value, bool):
        return []
    return [f"{place}: {value}" if place else str(value)]


def _line(text: str) -> str:
    text = " ".join(re.sub(r"<[^<>]*>", " ", text).split())
    return text if len(text) <= LONGEST_TEXT else f"{text[: LONGEST_TEXT - 1]}…"


def problem(status: int, headers: Mapping[str, str], body: str, now: float, doing: str) -> HubProblem:
    """What an unsuccessful answer means."""
    text = error_text(body).rstrip(".")
    tail = f": {text}" if text else ""
    if status == 429:
        return Limited(f"Docker Hub allows no more calls for now{tail}.", asked_for(headers, now))
    if status == 401:
        return WrongCredentials(f"Docker Hub did not accept the sign-in while {doing}{tail}.")
    if status == 403:
        return NotAllowed(f"Docker Hub does not permit {doing}{tail}.")
    if status == 405:
        return NoManagement(f"Docker Hub does not offer {doing} by calls{tail}.")
    if status in (400, 404, 409, 413, 415, 422):
        return Rejected(f"Docker Hub refused {doing} ({status}){tail}.")
    return HubUnavailable(f"Docker Hub gave no usable answer to {doing} ({status}){tail}.", asked_for(headers, now))
