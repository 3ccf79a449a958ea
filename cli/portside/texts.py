"""Text that may be printed, and how many are said."""

from __future__ import annotations

import re

CONTROLS = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""What moves a cursor, colours, rings, ends lines or turns the direction of what follows; and halves of characters."""
MAX_QUOTED, MAX_MESSAGE = 100, 4_000


def counted(count: int, noun: str, nouns: str = "") -> str:
    """`1 change`, `2 changes`; `nouns` where a verb follows."""
    return f"{count:,} {noun if count == 1 else nouns or noun + 's'}"


def printable(text: str) -> str:
    """The text without control characters: what comes from outside must not steer a terminal."""
    return CONTROLS.sub("�", text)


def quoted(text: str) -> str:
    """A name or another text that somebody typed, as a message quotes it: escaped, and cut where it is long."""
    return repr(text if len(text) <= MAX_QUOTED else f"{text[:MAX_QUOTED]}…")


def message_of(text: str) -> str:
    """A message as it may be printed, whatever it quotes."""
    return printable(text if len(text) <= MAX_MESSAGE else f"{text[:MAX_MESSAGE]}…")
