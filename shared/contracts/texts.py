"""Which texts can be sent and kept: UTF-8 has no half of a surrogate pair, and databases refuse NUL. Pure."""

from __future__ import annotations

import re
from typing import Any

UNKEEPABLE = re.compile("[\x00\ud800-\udfff]")


def keepable(tree: Any) -> bool:
    """Whether every text within a JSON value can be kept, keys included."""
    left = [tree]
    while left:
        value = left.pop()
        if isinstance(value, str):
            if UNKEEPABLE.search(value):
                return False
        elif isinstance(value, dict):
            left += (*value, *value.values())
        elif isinstance(value, list | tuple):
            left += value
    return True
