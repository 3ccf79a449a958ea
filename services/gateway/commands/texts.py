"""Texts that every process and both databases can keep. Pure."""

from __future__ import annotations

from typing import Any

from shared.contracts.problems import Code, refuse
from shared.contracts.texts import keepable


def demand_keepable(tree: Any) -> None:
    """Refuse what no database keeps before anybody has to. Raises `Refused`."""
    if not keepable(tree):
        message = "The request contains a character that cannot be stored: NUL (U+0000) or an unpaired surrogate."
        raise refuse(Code.INVALID, message, next_step="Send it without that character.")
