"""What is kept between two polls of a repository's tags: values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class TagSighting:
    """A tag as it was last seen."""

    digest: str | None
    pushed_at: float | None


@dataclass(frozen=True, slots=True)
class Suspect:
    """A push whose hook may still come."""

    digest: str | None
    since: float


@dataclass(frozen=True, slots=True)
class Memory:
    """What is kept between looks at one repository."""

    about: str = ""
    """Which registry and repository; another one makes a new baseline."""
    baseline_at: float | None = None
    tags: Mapping[str, TagSighting] = field(default_factory=dict)
    suspects: Mapping[str, Suspect] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Delivered:
    """The last delivery of a tag."""

    digest: str | None
    received_at: float
