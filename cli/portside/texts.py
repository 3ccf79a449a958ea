"""Text that may be printed."""

from __future__ import annotations

import re

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def printable(text: str) -> str:
    """The text without control characters: what comes from outside must not steer a terminal."""
    return _CONTROLS.sub("�", text)
