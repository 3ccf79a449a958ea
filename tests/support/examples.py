"""How many examples a property gets."""

from __future__ import annotations

from hypothesis import settings

_HUNDRED = 100
"""Examples of a property that names no number, in the profile `whole`."""


def share(examples: int) -> int:
    """So many in the profile `whole`, and of them as large a share as the present profile wants."""
    return max(5, examples * settings().max_examples // _HUNDRED)
