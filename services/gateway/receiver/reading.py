"""From bytes to JSON: tolerant of how it is sent, exact about where it is broken."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs

FORM = "application/x-www-form-urlencoded"
MAX_FORM_FIELDS = 100


class Unreadable(Exception):
    """The body is not JSON; line and column are 1-based."""

    def __init__(self, reason: str, line: int, column: int) -> None:
        super().__init__(f"The body is not valid JSON: {reason} at line {line}, column {column}.")
        self.line = line
        self.column = column


def _no_constant(word: str) -> Any:
    raise ValueError(f"{word} is not a JSON value")


def _decode(raw: bytes) -> str:
    try:
        return raw.decode(json.detect_encoding(raw))
    except UnicodeDecodeError as error:
        before = raw[: error.start]
        line = before.count(b"\n") + 1
        raise Unreadable(f"invalid {error.encoding} byte", line, error.start - (before.rfind(b"\n") + 1) + 1) from None


def _form_payload(text: str) -> str | None:
    try:
        fields = parse_qs(text, max_num_fields=MAX_FORM_FIELDS)
    except ValueError:
        return None
    return fields.get("payload", [None])[0]


def read_json(raw: bytes, content_type: str = "") -> Any:
    """Parse a hook's body; a form's field `payload` counts as the body. Raises `Unreadable`."""
    text = _decode(raw).lstrip("\ufeff")
    if content_type.startswith(FORM) or text.startswith("payload="):
        text = _form_payload(text) or text
    if not text.strip():
        raise Unreadable("the body is empty", 1, 1)
    try:
        return json.loads(text, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise Unreadable(error.msg, error.lineno, error.colno) from None
    except RecursionError:
        raise Unreadable("nested too deeply", 1, 1) from None
    except ValueError as error:
        raise Unreadable(str(error).partition(";")[0], 1, 1) from None
