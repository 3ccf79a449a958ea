"""From bytes to JSON: tolerant of how it is sent, exact about where it is broken."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

from shared.grammar.json_parser import decode_json, parse_json
from shared.grammar.malformed import Malformed

FORM = "application/x-www-form-urlencoded"
MAX_FORM_FIELDS = 100


class Unreadable(Exception):
    """The body is not JSON; line and column are 1-based."""

    def __init__(self, reason: str, line: int, column: int) -> None:
        super().__init__(f"The body is not valid JSON: {reason} at line {line}, column {column}.")
        self.line = line
        self.column = column


def _form_payload(text: str) -> str | None:
    try:
        fields = parse_qs(text, max_num_fields=MAX_FORM_FIELDS)
    except ValueError:
        return None
    return fields.get("payload", [None])[0]


def read_json(raw: bytes, content_type: str = "") -> Any:
    """Parse a hook's body; a form's field `payload` counts as the body. Raises `Unreadable`."""
    try:
        text = decode_json(raw)
        if content_type.startswith(FORM) or text.startswith("payload="):
            text = _form_payload(text) or text
        if not text.strip():
            raise Unreadable("the body is empty", 1, 1)
        return parse_json(text)
    except Malformed as error:
        raise Unreadable(error.flaws[0].message, *error.place) from None
