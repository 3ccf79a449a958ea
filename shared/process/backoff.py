"""How long to wait before the next try."""

from __future__ import annotations

import random

_MOST_DOUBLINGS = 60
"""Beyond these a float soon has no room, and every ceiling is reached."""


def doubled(first_s: float, failures: int, longest_s: float) -> float:
    """`first_s` after the first failure, twice as long after each further one in a row, and never more than
    `longest_s`."""
    return min(first_s * 2.0 ** min(max(failures - 1, 0), _MOST_DOUBLINGS), longest_s)


def spread(wait_s: float) -> float:
    """Up to a quarter longer, so that those who began to wait together do not come back together."""
    return wait_s * random.uniform(1.0, 1.25)
