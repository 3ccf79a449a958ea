"""Text that may be printed, and how many are said."""

from __future__ import annotations

import re

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def counted(count: int, noun: str, nouns: str = "") -> str:
    """`1 change`, `2 changes`; `nouns` where a verb follows."""
    return f"{count:,} {noun if count == 1 else nouns or noun + 's'}"


def printable(text: str) -> str:
    """The text without control characters: what comes from outside must not steer a terminal."""
    return _CONTROLS.sub("�", text)
