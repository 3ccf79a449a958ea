"""What became of a push: its verdict until there is a run, then the run's own end. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from shared.contracts.base import Json

from .execution_view import AT_WORK, ENDED
from .formats import sign

VERDICTS = {
    word: word
    for word in ("started", "queued", "gathered", "ignored", "duplicate", "loop", "held", "not started", "not found")
}
"""How the verdicts begin that people look for."""
OUTCOMES = {status: sign(status)[2] for status in ("RUNNING", "WAITING", "COMPLETED", "FAILED", "CANCELED")}
"""The status of the run that a push started."""


@dataclass(frozen=True, slots=True)
class PushOutcome:
    """`word` with its class for the colour, and the sentence that explains it."""

    word: str
    colour: str
    sentence: str


def outcome(event: Json) -> PushOutcome:
    """A run that has ended says how; what it waited for before is past."""
    status = str(event.get("executionStatus") or "")
    reason = str(event.get("reason") or event.get("message") or "")
    if event.get("executionId") and (status in ENDED or (event.get("verdict") == "queued" and status in AT_WORK)):
        colour, _, word = sign(status)
        message = str(event.get("message") or "")
        return PushOutcome(word, colour, message if message != reason or status != "COMPLETED" else "")
    verdict = str(event.get("verdict") or event.get("state") or "")
    return PushOutcome(verdict, f"v-{verdict.partition(':')[0].replace(' ', '-')}", reason)


def by_weight(events: Iterable[Json]) -> list[Json]:
    """The events of one push: what failed first, then the other runs, then those that started none."""
    return sorted(events, key=lambda event: (event.get("executionStatus") != "FAILED", not event.get("executionId")))
