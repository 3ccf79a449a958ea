"""Which images and tags a webhook wants.

A pattern is blank (any), a regular expression that must match the whole name (a text without pattern signs is the
name itself, so `1.2` is not `1x2`), `glob:` with `*`, `?` and `[…]`, or `semver:` with a range. Several go
on lines of their own; a line that starts with `!` excludes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from string import ascii_letters

from shared.contracts.problems import Flaw

from .names import did_you_mean, nearest
from .regular import BadPattern, Test, whole_match
from .versions import Range, Version, parse_range, parse_version, with_pre_releases

MAX_LENGTH, MAX_LINES = 1000, 100
_SIGNS = re.compile(r"[\\^$*+?()\[\]{}|]")
"""A dot alone does not make a pattern: versions are full of them."""

_OF_TAGS = re.compile(r"[\w.-]*", re.ASCII)
_COMPARISON = re.compile(r"[<>=~^]")

__all__ = [
    "BadPattern", "PatternResult", "check_pattern", "check_tag_pattern", "judge", "line_of", "matches", "newest",
    "wants",
]  # fmt: skip


@dataclass(frozen=True)
class PatternResult:
    """Whether a name is wanted, and what decided that."""

    wanted: bool
    reason: str


def check_pattern(pattern: str | None, path: str = "") -> list[Flaw]:
    """What is wrong with a pattern."""
    try:
        _tests(pattern or "")
    except BadPattern as error:
        return [Flaw(message=str(error), path=path)]
    return []


def check_tag_pattern(pattern: str | None, path: str = "") -> list[Flaw]:
    """The same of a pattern for tags, where one that no tag can match is a flaw too: a range without `semver:`."""
    if flaws := check_pattern(pattern, path):
        return flaws
    lines = (line.strip().removeprefix("!").strip() for line in (pattern or "").splitlines())
    return [
        Flaw(
            message=f"{line} matches no tag: a tag has letters, digits, dots, - and _ alone",
            path=path,
            hint=_meant(line),
        )
        for line in lines
        if _matches_no_tag(line)
    ]


def _matches_no_tag(line: str) -> bool:
    """Does it demand, before its first sign, a character that no tag has?"""
    if _kind_of(line) or "|" in line:
        return False
    beginning = _SIGNS.split(line, maxsplit=1)[0]
    if line[len(beginning) :].startswith(("?", "*", "{")):
        beginning = beginning[:-1]
    return _OF_TAGS.fullmatch(beginning) is None


def _meant(line: str) -> str | None:
    """What to write instead."""
    if "," in line:
        return "write each pattern on a line of its own"
    kind, colon, rest = line.partition(":")
    near_kind = nearest(kind, _KINDS) if colon else None
    choices = [f"{near_kind}:{rest}"] if near_kind else []
    choices.append(rest)
    if _COMPARISON.search(line):
        choices += [f"semver:{line}", f"semver:{line.lstrip(ascii_letters).lstrip(': ')}"]
    return did_you_mean(next((choice for choice in choices if choice and not check_tag_pattern(choice)), "")) or None


def matches(pattern: str | None, name: str) -> bool:
    """Whether a name is wanted; raises `BadPattern`."""
    return judge(pattern, name).wanted


def judge(pattern: str | None, name: str, exclude: Iterable[str] = ()) -> PatternResult:
    """Whether a name is wanted and why, by a pattern and a list of patterns that exclude; raises `BadPattern`."""
    wanted, unwanted = _tests(pattern or "")
    for text in exclude:
        unwanted = (*unwanted, *((line, test) for line, test in _tests(text)[0]))
    for text, test in unwanted:
        if test(name):
            return PatternResult(False, f"{name} is excluded by {text}")
    if not wanted:
        return PatternResult(True, "any tag is wanted")
    for text, test in wanted:
        if test(name):
            return PatternResult(True, f"{name} matches {text}")
    why = next((why for text, _ in wanted if (why := _pre_release(text, name) or _range(text, name))), "")
    return PatternResult(False, f"{name} does not match {' or '.join(text for text, _ in wanted)}{why}")


def _pre_release(text: str, name: str) -> str:
    """What to write where a range leaves a version out only because it is a pre-release; blank for any other case."""
    kind, _, range_ = text.partition(":")
    version = parse_version(name)
    if kind != "semver" or version is None or not version.pre or not _with_pre_releases(range_)(version):
        return ""
    advice = f"semver:{with_pre_releases(range_.strip())}"
    if not wants(advice, name):
        advice = f"{text} || {name}"
    return f": it is a pre-release, which {advice} would want"


def _range(text: str, name: str) -> str:
    """What to write where a range of versions would want the name, and only `semver:` is missing before it."""
    advice = f"semver:{text}"
    if _kind_of(text) or parse_version(name) is None or not wants(advice, name):
        return ""
    return f": as a range of versions it is written {advice}"


@lru_cache(maxsize=256)
def _with_pre_releases(range_: str) -> Range:
    return parse_range(range_, pre_releases=True)


def wants(pattern: str | None, name: str, exclude: Iterable[str] = ()) -> bool:
    """The same as a plain yes or no; a pattern that cannot be read wants nothing."""
    try:
        return judge(pattern, name, exclude).wanted
    except BadPattern:
        return False


def line_of(pattern: str | None, name: str) -> int:
    """Which line of a pattern wants a name, from 0: earlier lines are preferred. Raises `BadPattern`."""
    wanted, _ = _tests(pattern or "")
    return next((index for index, (_, test) in enumerate(wanted) if test(name)), len(wanted))


def newest(pattern: str | None, names: Iterable[str]) -> str | None:
    """Of the wanted names that are versions, the highest; None when there is none."""
    versions = ((parse_version(name), name) for name in names if matches(pattern, name))
    candidates = [(version, name) for version, name in versions if version is not None]
    return max(candidates)[1] if candidates else None


Tests = tuple[tuple[str, Test], ...]


@lru_cache(maxsize=4096)
def _tests(pattern: str) -> tuple[Tests, Tests]:
    """What is wanted and what is not, each with its text."""
    if len(pattern) > MAX_LENGTH:
        raise BadPattern(f"the pattern is longer than {MAX_LENGTH} characters")
    lines = [line.strip() for line in pattern.splitlines() if line.strip()]
    if len(lines) > MAX_LINES:
        raise BadPattern(f"the pattern has more than {MAX_LINES} lines")
    wanted = tuple((line, _test(line)) for line in lines if not line.startswith("!"))
    unwanted = tuple((line[1:].strip(), _test(line[1:].strip())) for line in lines if line.startswith("!"))
    return wanted, unwanted


def _test(text: str) -> Test:
    if kind := _kind_of(text):
        return _KINDS[kind](text.partition(":")[2].strip())
    return whole_match(text) if _SIGNS.search(text) else text.__eq__


def _kind_of(text: str) -> str:
    """`glob`, `semver` or `regex` where the text begins so; else empty."""
    kind, colon, _ = text.partition(":")
    return kind if colon and kind in _KINDS else ""


def _glob(text: str) -> Test:
    if not text:
        raise BadPattern("glob: needs a pattern, such as glob:v1.*")
    return whole_match(_glob_expression(text))


def _glob_expression(text: str) -> str:
    """`*` and `?` stop at a slash, `**` does not; a set holds characters, ranges and classes such as `[:digit:]`."""
    parts: list[str] = []
    for token in _GLOB_TOKENS.finditer(text):
        sign = token[0]
        if token["set"] is not None:
            parts.append(f"[{'^' if token['negated'] else ''}{_SET_TOKENS.sub(_in_a_set, token['set'])}]")
        else:
            parts.append(_GLOB_SIGNS.get(sign) or re.escape(sign))
    return "".join(parts)


def _in_a_set(token: re.Match[str]) -> str:
    if token["class"]:
        return token[0]
    return "-".join(re.escape(sign) for sign in (token["first"], token["last"]) if sign)


_GLOB_TOKENS = re.compile(
    r"\*\*|\*|\?|\[(?P<negated>[!^]?)(?P<set>(?:\[:[a-z]+:\]|[^\]])(?:\[:[a-z]+:\]|[^\]])*+)\]|.", re.DOTALL
)
_SET_TOKENS = re.compile(r"(?P<class>\[:[a-z]+:\])|\\?(?P<first>.)(?:-\\?(?P<last>.))?", re.DOTALL)
_GLOB_SIGNS = {"**": ".*", "*": "[^/]*", "?": "[^/]"}


def _semver(text: str) -> Test:
    try:
        inside = parse_range(text)
    except ValueError as error:
        raise BadPattern(f"semver:{text}: {error}") from None

    def test(name: str) -> bool:
        version: Version | None = parse_version(name)
        return version is not None and inside(version)

    return test


_KINDS: dict[str, Callable[[str], Test]] = {"glob": _glob, "semver": _semver, "regex": whole_match}
