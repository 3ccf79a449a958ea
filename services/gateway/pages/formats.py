"""Values as people read and write them: statuses, durations, times, names of images. Pure but for the clock."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from markupsafe import Markup, escape

from shared.contracts.times import epoch_or_none, utc
from shared.grammar.repositories import read_repository
from shared.process.clock import now

SIGNS = {
    "COMPLETED": ("done", "✓", "completed"),
    "FAILED": ("failed", "✗", "failed"),
    "RUNNING": ("running", "▶", "running"),
    "STARTED": ("running", "▶", "started"),
    "WAITING": ("waiting", "◔", "waiting"),
    "PAUSING": ("waiting", "◫", "pausing"),
    "PAUSED": ("waiting", "◫", "paused"),
    "RESUMING": ("running", "▶", "resuming"),
    "CANCELING": ("canceled", "◻", "canceling"),
    "CANCELED": ("canceled", "◻", "canceled"),
    "SKIPPED": ("skipped", "↷", "skipped"),
    "NOT_STARTED": ("none", "○", "not started"),
}
"""Every status by shape, colour and word, so that none of the three carries the meaning alone."""


def sign(status: object) -> tuple[str, str, str]:
    """The colour, shape and word of a status."""
    return SIGNS.get(str(status), ("none", "○", str(status).lower()))


def quoted(value: str) -> str:
    """A text as a literal of a filter."""
    return "'" + value.replace("'", "''") + "'"


def image_named(text: str) -> tuple[str, str]:
    """Repository and tag of an image as people write it, `docker.io/acme/web:1.4.1`; the tag may be blank."""
    name, _, tag = text.rpartition("/")[2].partition("@")[0].partition(":")
    return read_repository(text).path or name, tag


def duration(micros: Any) -> str:
    """`40 ms`, `1.2 s`, `3 min 4 s`; empty for none."""
    if not isinstance(micros, int | float) or micros <= 0:
        return ""
    seconds = micros / 1_000_000
    if seconds < 0.1:
        return f"{max(1, round(micros / 1_000))} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def when(value: Any) -> Markup:
    """How long ago, as an element that says on hover when exactly; `value` in microseconds or as ISO 8601."""
    return _time(value, relative=True)


def instant(value: Any) -> Markup:
    """A date and a time; the server writes UTC, the viewer's browser its own zone."""
    return _time(value, relative=False)


def _time(value: Any, *, relative: bool) -> Markup:
    seconds = _seconds(value)
    if seconds is None:
        return Markup("")
    moment = utc(seconds)
    exact = f"{moment:%Y-%m-%d %H:%M:%S} UTC"
    kind = Markup(" data-ago") if relative else ""
    template = Markup('<time datetime="{}" title="{}"{}>{}</time>')
    return template.format(f"{moment:%Y-%m-%dT%H:%M:%SZ}", exact, kind, ago(seconds) if relative else exact)


def _seconds(value: Any) -> float | None:
    """Seconds since the epoch; None where there is no time."""
    if isinstance(value, int | float):
        return value / 1_000_000 if value > 0 else None
    return epoch_or_none(value)


def ago(seconds: float) -> str:
    """How long before now an instant was, roughly."""
    past = max(0.0, now() - seconds)
    for size, word in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if past >= size:
            return f"{int(past // size)} {word} ago"
    return "just now"


DIGEST_DIGITS = 12
"""As registries and Docker cut digests."""


def short_digest(digest: str) -> str:
    """`sha256:3f2a9c1b04de…` as `3f2a9c1b04de`."""
    return digest.partition(":")[2][:DIGEST_DIGITS] or digest[:DIGEST_DIGITS]


_DIGEST = re.compile(r"sha256:([0-9a-f]{12})[0-9a-f]{52}")


def brief(text: Any) -> str:
    """A sentence with its digests cut as `short_digest` cuts one."""
    return _DIGEST.sub(r"sha256:\1…", str(text or ""))


_CODE = re.compile(r"`([^`]+)`")


def code(text: Any) -> Markup:
    """A sentence whose words between backticks are code, as documentation writes it."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text or ""))))


def plot(depths: Sequence[int]) -> str:
    """The points of a line, 100 wide and 20 high, its top the highest value; empty for less than two."""
    if len(depths) < 2:
        return ""
    top = max(1, *depths)
    step = 100 / (len(depths) - 1)
    return " ".join(f"{index * step:.1f},{19 - 18 * depth / top:.1f}" for index, depth in enumerate(depths))
