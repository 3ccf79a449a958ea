"""Semantic versions and ranges of them, as tags write them: `v1.4.1`, `1.4`, `2.0.0-rc.1`."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import total_ordering
from typing import NamedTuple

from shared.contracts.texts import whole_number

_VERSION = re.compile(
    r"[vV]?(?P<major>\d{1,18})(?:\.(?P<minor>\d{1,18}))?(?:\.(?P<patch>\d{1,18}))?(?:\.(?P<revision>\d{1,18}))?"
    r"(?:-(?P<pre>[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z.-]+)?"
)
_MONTH, _DAY = r"0?[1-9]|1[0-2]", r"0?[1-9]|[12]\d|3[01]"
_CALENDAR = (
    re.compile(
        rf"[vV]?(?P<major>(?:19|20)\d\d)(?P<sign>[.-])(?P<minor>{_MONTH})(?:(?P=sign)(?P<patch>{_DAY}))?"
        r"(?:[.-](?P<revision>\d{1,18}))?"
    ),
    re.compile(r"[vV]?(?P<major>(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01]))-(?P<minor>\d{1,18})"),
)
"""`2026-11-29`, `2026.11.29-2`, `20261129-1530`: what follows a date counts builds, and is not a pre-release."""
_PLACES = ("major", "minor", "patch", "revision")
_PART = re.compile(r"(?P<sign>\^|~|>=|<=|>|<|=)?\s*(?P<version>[vV]?[0-9xX*][^\s,|]*)")
_WITH_PRE_RELEASES = re.compile(r"([vV]?[0-9xX*]+(?:\.[0-9xX*]+)*)-0")
_LOWEST = ((0, 0, ""),)
"""The pre-release `0`, before which there is none."""


@total_ordering
class Version(NamedTuple):
    """A version in the order of semver.org, of up to four numbers: a pre-release comes before its release."""

    major: int
    minor: int
    patch: int
    revision: int = 0
    pre: tuple[tuple[int, int, str], ...] = ()

    @property
    def numbers(self) -> tuple[int, int, int, int]:
        """What a pre-release has in common with its release."""
        return self.major, self.minor, self.patch, self.revision

    @property
    def _key(self) -> tuple[tuple[int, int, int, int], bool, tuple[tuple[int, int, str], ...]]:
        return self.numbers, not self.pre, self.pre

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
    read = _read(text.strip())
    return read[0] if read is not None else None


def _read(text: str) -> tuple[Version, int] | None:
    """A version and how many of its numbers are written."""
    for form in (*_CALENDAR, _VERSION):
        if (match := form.fullmatch(text)) is not None:
            break
    else:
        return None
    parts = match.groupdict()
    major, minor, patch, revision = (int(parts.get(place) or 0) for place in _PLACES)
    pre = tuple(
        (1, 0, part) if (value := whole_number(part, digits=128)) is None else (0, value, "")
        for part in (parts.get("pre") or "").split(".")
        if part
    )
    version = Version(major, minor, patch, revision, pre)
    return version, sum(parts.get(place) is not None for place in _PLACES)


def parse_range(text: str, *, pre_releases: bool = False) -> Range:
    """A range such as `^1.4`, `~1.4.2`, `>=1.2 <2`, `1.x`, `1.2 - 1.4`, `<1 || >=2`, `*`; raises ValueError.

    A pre-release is inside only where the range names a pre-release of the same numbers, or has a version that ends
    with `-0` (`>=1.0.0-0`, `^1.x-0`), as Helm, Flux and Kargo write it; with `pre_releases` it is in any case.
    """
    if not text.strip():
        raise ValueError("a range is missing, such as ^1.4 or >=1.2 <2")
    choices = [_all_of(part, pre_releases) for part in text.split("||")]
    return lambda version: any(inside(version) for inside in choices)


def with_pre_releases(text: str) -> str:
    """The same range as it is written to have pre-releases inside too; one that it names gives way to `-0`."""

    def marked(part: re.Match[str]) -> str:
        version = part["version"].partition("+")[0]
        is_date = any(form.fullmatch(version) for form in _CALENDAR)
        numbers = version.replace("-", ".") if is_date else version.partition("-")[0]
        return f"{part[0].removesuffix(part['version'])}{numbers}-0"

    return _PART.sub(marked, text)


def _all_of(text: str, pre_releases: bool) -> Range:
    hyphen = re.fullmatch(r"\s*(\S+)\s+-\s+(\S+)\s*", text)
    if hyphen:
        text = f">={hyphen[1]} <={hyphen[2]}"
    remainder = re.sub(r"[\s,]+", "", _PART.sub("", text))
    parts = [_Part.read(match["sign"] or "", match["version"]) for match in _PART.finditer(text)]
    if remainder or not parts:
        raise ValueError(f"{text.strip() or 'nothing'} is not a range of versions")
    bounds = [bound for part in parts for bound in _bounds(part)]
    named = {part.version.numbers for part in parts if part.version.pre}
    takes_pre_releases = pre_releases or any(part.pre_releases for part in parts)

    def inside(version: Version) -> bool:
        if version.pre and not takes_pre_releases and version.numbers not in named:
            return False
        return all(_SIGNS[sign](version, limit) for sign, limit in bounds)

    return inside


Bound = tuple[str, Version]


class _Part(NamedTuple):
    """One comparison of a range as it is written."""

    sign: str
    version: Version
    given: int
    """How many numbers are written; the rest is `x` or missing."""
    pre_releases: bool
    """It ends with `-0`."""

    @classmethod
    def read(cls, sign: str, text: str) -> _Part:
        marked = _WITH_PRE_RELEASES.fullmatch(text)
        plain = re.sub(r"(?:\.[xX*])+\Z", "", marked[1] if marked else text)
        if re.fullmatch(r"[vV]?[xX*]", plain):
            return cls(sign, Version(0, 0, 0, 0, _LOWEST if marked else ()), 0, marked is not None)
        read = _read(plain)
        if read is None:
            raise ValueError(f"{text} is not a version")
        version, precision = read
        return cls(sign, version._replace(pre=_LOWEST) if marked else version, precision, marked is not None)


def _bounds(part: _Part) -> list[Bound]:
    """What one part of a range says, as comparisons."""
    sign, version, precision, _ = part
    if precision == 0:
        return [("<", Version(0, 0, 0, 0, _LOWEST))] if sign in ("<", ">") else [(">=", version)]
    if sign == "^":
        return [(">=", version), ("<", _after(version, _caret_place(version, precision)))]
    if sign == "~":
        return [(">=", version), ("<", _after(version, min(precision, 2)))]
    if precision >= 3:
        return [(sign or "=", version)]
    following = _after(version, precision)
    return {
        "": [(">=", version), ("<", following)],
        "=": [(">=", version), ("<", following)],
        ">=": [(">=", version)],
        "<": [("<", version)],
        ">": [(">=", following)],
        "<=": [("<", following)],
    }[sign]


def _caret_place(version: Version, precision: int) -> int:
    """The first number that is not 0 may not change."""
    for place, number in enumerate(version.numbers[:3], start=1):
        if number or place == precision:
            return place
    return precision


def _after(version: Version, place: int) -> Version:
    """The lowest version, pre-releases with it, whose number at that place (1 major, 2 minor, 3 patch) is higher."""
    raised = (*version.numbers[: place - 1], version.numbers[place - 1] + 1, 0, 0, 0)
    return Version(raised[0], raised[1], raised[2], raised[3], _LOWEST)


_SIGNS: dict[str, Callable[[Version, Version], bool]] = {
    "=": lambda a, b: a == b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}
