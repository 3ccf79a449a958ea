"""Names: how a place in a tree is written, and which existing name was probably meant."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

Step = str | int
Path = tuple[Step, ...]
"""Where in a tree: keys and list indexes from the root down."""


def path_text(path: Sequence[Step]) -> str:
    """Write a path for people: `stages.Deploy.taskOrder[0]`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def nearest(name: str, names: Iterable[str], cutoff: float = 0.5) -> str | None:
    """The existing name that was probably meant, or None when nothing is near."""
    by_case = {candidate.casefold(): candidate for candidate in names}
    matches = get_close_matches(name.casefold(), by_case, n=1, cutoff=cutoff)
    return by_case[matches[0]] if matches else None


def did_you_mean(name: str | None) -> str:
    """A hint for people from the result of `nearest`."""
    return f"did you mean {name}?" if name else ""


@dataclass(frozen=True)
class UnplacedFlaw:
    """Something wrong at a place, before it has a line and a column."""

    path: Path
    message: str
    hint: str = ""
    needle: str = ""
    """The text within that place which is wrong."""
    offset: int = 0
    """How many characters into the needle."""
    warning: bool = False
