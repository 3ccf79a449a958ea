"""Semantic versions and ranges of them, as tags write them: `v1.4.1`, `1.4`, `2.0.0-rc.1`."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import total_ordering
from typing import NamedTuple

_VERSION = re.compile(
    r"[vV]?(?P<major>\d{1,18})(?:\.(?P<minor>\d{1,18}))?(?:\.(?P<patch>\d{1,18}))?"
    r"(?:-(?P<pre>[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z.-]+)?"
)
_PART = re.compile(r"(?P<sign>\^|~|>=|<=|>|<|=)?\s*(?P<version>[vV]?[0-9xX*][^\s,|]*)")


@total_ordering
class Version(NamedTuple):
    """A version in the order of semver.org: a pre-release comes before its release."""

    major: int
    minor: int
    patch: int
    pre: tuple[tuple[int, int, str], ...] = ()

    @property
    def _key(self) -> tuple[int, int, int, bool, tuple[tuple[int, int, str], ...]]:
        return self.major, self.minor, self.patch, not self.pre, self.pre

    def __lt__(self, other: tuple[object, ...]) -> bool:
        return isinstance(other, Version) and self._key < other._key

    def __le__(self, other: tuple[object, ...]) -> bool:
        return isinstance(other, Version) and self._key <= other._key

    def __gt__(self, other: tuple[object, ...]) -> bool:
        return isinstance(other, Version) and self._key > other._key

    def __ge__(self, other: tuple[object, ...]) -> bool:
        return isinstance(other, Version) and self._key >= other._key


Range = Callable[[Version], bool]


def parse_version(text: str) -> Version | None:
    """The version that a text is, missing parts as 0; None when it is none."""
    found = _VERSION.fullmatch(text.strip())
    if found is None:
        return None
    pre = tuple(
        (0, int(part), "") if part.isdecimal() else (1, 0, part) for part in (found["pre"] or "").split(".") if part
    )
    return Version(int(found["major"]), int(found["minor"] or 0), int(found["patch"] or 0), pre)


def parse_range(text: str) -> Range:
    """A range such as `^1.4`, `~1.4.2`, `>=1.2 <2`, `1.x`, `1.2 - 1.4`, `<1 || >=2`, `*`; raises ValueError.

    A pre-release is inside only where the range names a pre-release of the same major.minor.patch.
    """
    if not text.strip():
        raise ValueError("a range is missing, such as ^1.4 or >=1.2 <2")
    choices = [_all_of(part) for part in text.split("||")]
    return lambda version: any(inside(version) for inside in choices)


def _all_of(text: str) -> Range:
    hyphen = re.fullmatch(r"\s*(\S+)\s+-\s+(\S+)\s*", text)
    if hyphen:
        text = f">={hyphen[1]} <={hyphen[2]}"
    left = re.sub(r"[\s,]+", "", _PART.sub("", text))
    parts = [(found["sign"] or "", found["version"]) for found in _PART.finditer(text)]
    if left or not parts:
        raise ValueError(f"{text.strip() or 'nothing'} is no range of versions")
    bounds = [bound for sign, version in parts for bound in _bounds(sign, version)]
    named = {bound[1][:3] for bound in bounds if bound[1].pre}

    def inside(version: Version) -> bool:
        if version.pre and version[:3] not in named:
            return False
        return all(_SIGNS[sign](version, limit) for sign, limit in bounds)

    return inside


Bound = tuple[str, Version]


def _bounds(sign: str, text: str) -> list[Bound]:
    """What one part of a range says, as comparisons."""
    numbers = re.sub(r"[xX*]", "x", text.lstrip("vV")).split("-")[0].split("+")[0].split(".")
    given = len(numbers) if "x" not in numbers else numbers.index("x")
    plain = re.sub(r"(\.[xX*])+$", "", text)
    version = Version(0, 0, 0) if given == 0 else parse_version(plain)
    if version is None or given > 3:
        raise ValueError(f"{text} is no version")
    if given == 0:
        return [(">=", Version(0, 0, 0))] if sign in ("", "=", ">=", "<=", "^", "~") else [("<", Version(0, 0, 0))]
    if sign == "^":
        return [(">=", version), ("<", _after(version, _caret_place(version, given)))]
    if sign == "~":
        return [(">=", version), ("<", _after(version, min(given, 2)))]
    if given == 3:
        return [(sign or "=", version)]
    following = _after(version, given)
    return {
        "": [(">=", version), ("<", following)],
        "=": [(">=", version), ("<", following)],
        ">=": [(">=", version)],
        "<": [("<", version)],
        ">": [(">=", following)],
        "<=": [("<", following)],
    }[sign]


def _caret_place(version: Version, given: int) -> int:
    """The first number that is not 0 may not change."""
    for place, number in enumerate(version[:3], start=1):
        if number or place == given:
            return place
    return given


def _after(version: Version, place: int) -> Version:
    """The first version whose number at that place (1 major, 2 minor, 3 patch) is higher."""
    numbers = [number for number in version[: place - 1] if isinstance(number, int)]
    raised = [*numbers, [version.major, version.minor, version.patch][place - 1] + 1, 0, 0]
    return Version(raised[0], raised[1], raised[2])


_SIGNS: dict[str, Callable[[Version, Version], bool]] = {
    "=": lambda a, b: a == b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}
