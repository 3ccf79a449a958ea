"""Which texts can be sent and kept, which are numbers, and how many are said. Pure.

UTF-8 has no half of a surrogate pair, and databases refuse NUL; Python reads no integer of more than 4,300 digits, and
databases keep none of more than 64 bits.
"""

from __future__ import annotations

import math
import re
from typing import Any

from .bounds import MAX_NUMBER_LENGTH

UNKEEPABLE = re.compile("[\x00\ud800-\udfff]")
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""All but tab and line feed: what moves cursors, colours terminals or ends lines elsewhere."""


def keepable(tree: Any) -> bool:
    """Whether every text within a JSON value can be kept, keys included."""
    pending = [tree]
    while pending:
        value = pending.pop()
        if isinstance(value, str):
            if UNKEEPABLE.search(value):
                return False
        elif isinstance(value, dict):
            pending += (*value, *value.values())
        elif isinstance(value, list | tuple):
            pending += value
    return True


def without_controls(text: str) -> str:
    """The text of somebody else's server without what a terminal or a database would act on."""
    return _CONTROLS.sub("", text)


def one_line(text: str) -> str:
    """The same, blanks and line breaks between words made one blank each."""
    return without_controls(" ".join(text.split()))


def counted(count: float, noun: str, nouns: str = "") -> str:
    """`1 hook`, `2 hooks`; `nouns` where an s alone does not make the plural, or where a verb follows."""
    amount = f"{count:,}" if isinstance(count, int) else f"{count:g}"
    return f"{amount} {noun if count == 1 else nouns or noun + 's'}"


def whole_number(text: str, digits: int = 9) -> int | None:
    """The number that a text of ASCII digits is; None for any other text, and for one that is longer."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= digits else None


def integer(text: str, digits: int = 9) -> int | None:
    """The same of a text that may begin with a sign."""
    value = whole_number(text[text[:1] in ("+", "-") :], digits)
    return -value if value is not None and text[0] == "-" else value


def finite(value: Any) -> float | None:
    """The number that a JSON value is, also as text; None for any other, and for one that is too long or infinite."""
    if isinstance(value, bool) or (isinstance(value, str) and len(value) > MAX_NUMBER_LENGTH):
        return None
    try:
        float_value = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return float_value if math.isfinite(float_value) else None


def is_integer(text: str) -> bool:
    """Whether a text is ASCII digits, however many, after a sign or none."""
    digits = text[text[:1] in ("+", "-") :]
    return digits.isascii() and digits.isdigit()


def mended(tree: Any) -> Any:
    """The same JSON value with U+FFFD in place of every character that cannot be kept."""
    return tree if keepable(tree) else _mended(tree)


def _mended(tree: Any) -> Any:
    if isinstance(tree, str):
        return UNKEEPABLE.sub("\ufffd", tree)
    if isinstance(tree, dict):
        return {_mended(key): _mended(value) for key, value in tree.items()}
    return [_mended(item) for item in tree] if isinstance(tree, list | tuple) else tree
