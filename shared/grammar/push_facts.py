"""What the facts of a push may look like before they become inputs: each has a grammar. Pure.

Names are those of the distribution specification (https://github.com/opencontainers/distribution-spec), of image
references (https://github.com/distribution/reference) and of digests (https://github.com/opencontainers/image-spec).
"""

from __future__ import annotations

import re

from shared.contracts.pushes import Push

_HOST = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
_COMPONENT = r"[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"(?=.{{1,255}}\Z){_COMPONENT}(?:/{_COMPONENT})*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST = re.compile(r"(?=.{1,255}\Z)[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[A-Za-z0-9=_-]+")
_MAX_PUSHER = 255
_YEAR_9999_S = 253_402_300_799
_SHOWN = 60


def impossible(push: Push) -> str:
    """Which name of a push no registry takes, in words; blank when all are possible."""
    names = (
        ("tag", push.tag, _TAG),
        ("repository", push.repository, _REPOSITORY),
        ("registry", push.registry_host, _HOST),
        ("digest", push.digest, _DIGEST),
    )
    for noun, name, grammar in names:
        if name and not grammar.fullmatch(name):
            shortened = name if len(name) <= _SHOWN else f"{name[:_SHOWN]}…"
            return f"No registry takes {shortened!r} as the name of a {noun}."
    return ""


def pusher(push: Push) -> str:
    """Who pushed: one line of printable characters; any other claim is blank."""
    name = push.pusher or ""
    return name if len(name) <= _MAX_PUSHER and name.isprintable() else ""


def pushed_at(push: Push) -> float | None:
    """When it was pushed, where that is a moment that calendars have."""
    return push.pushed_at if push.pushed_at is not None and 0 < push.pushed_at <= _YEAR_9999_S else None


def is_tag(name: str) -> bool:
    """Whether a registry takes this as a tag."""
    return _TAG.fullmatch(name) is not None
