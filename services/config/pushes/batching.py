"""What was pushed together: several tags of one image, one tag several times. Pure.

A CI job that pushes `1.4.2`, `1.4` and `latest`, or one image for each architecture and then their index, sends a hook
each time. A webhook that gathers waits until none came for its quiet period, and starts one run for each image.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from shared.grammar import patterns
from shared.grammar.versions import parse_version

LONGEST_IN_QUIETS = 10
"""A stream of pushes without a quiet period is cut after that many of them."""


@dataclass(frozen=True, slots=True)
class GroupMember:
    """One event that waits for others."""

    id: str
    tag: str
    digest: str | None
    received_at: float


@dataclass(frozen=True, slots=True)
class PushGroup:
    """What one run stands for: the event that decides, the others, and all tags that name the image."""

    winner: str
    others: tuple[str, ...]
    tags: tuple[str, ...]


def due_at(now: float, quiet_s: float, first_at: float) -> float:
    """When a group that got another member now is decided."""
    return min(now + quiet_s, first_at + LONGEST_IN_QUIETS * quiet_s)


def group(members: Iterable[GroupMember], pattern: str) -> list[PushGroup]:
    """One group an image, in the order in which the deciding events were received.

    A tag that was pushed several times names only its last image. Of the tags of one image wins the one that the
    first line of the pattern wants, then the longest version.
    """
    last: dict[str, GroupMember] = {}
    passed: dict[str, list[GroupMember]] = {}
    for member in sorted(members, key=lambda member: member.received_at):
        if member.tag in last:
            passed.setdefault(member.tag, []).append(last[member.tag])
        last[member.tag] = member
    images: dict[str, list[GroupMember]] = {}
    for member in last.values():
        images.setdefault(member.digest or member.id, []).append(member)
    groups = []
    for same in images.values():
        ordered = sorted(same, key=lambda member: (_rank(pattern, member.tag), member.tag))
        winner, rest = ordered[0], ordered[1:]
        others = [*rest, *(old for member in ordered for old in passed.get(member.tag, ()))]
        groups.append((winner.received_at, PushGroup(winner.id, _ids(others), tuple(member.tag for member in ordered))))
    return [push_group for _, push_group in sorted(groups, key=lambda pair: pair[0])]


def _ids(members: Sequence[GroupMember]) -> tuple[str, ...]:
    return tuple(member.id for member in members)


def _rank(pattern: str, tag: str) -> tuple[int, bool, int, bool, int]:
    """Lower is better: the pattern's line, a version, more numbers in it, no pre-release, more letters."""
    version = parse_version(tag)
    numbers = tag.partition("-")[0].count(".")
    return patterns.line_of(pattern, tag), version is None, -numbers, bool(version and version.pre), -len(tag)
