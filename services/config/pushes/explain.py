"""Why an image was not deployed at a given time: what was delivered then, and if nothing, why not, in words."""

from __future__ import annotations

from collections.abc import Sequence

from services.config.catalog.base import readable
from services.config.catalog.hooks import wanted
from services.config.catalog.webhooks.for_matching import missing_of
from services.config.model.definitions import Webhook
from services.config.model.people import Person
from services.config.model.push_events import PushEvent
from services.config.store import Reading, activity, polls
from services.config.store.definitions import webhooks as webhooks_store
from services.config.store.polls import NO_REPOSITORY
from shared.contracts.base import Json
from shared.contracts.mirror import MirrorState
from shared.contracts.problems import Code, refuse
from shared.contracts.texts import whole_number
from shared.contracts.times import epoch, wire_time
from shared.grammar import patterns
from shared.grammar.repositories import read_repository

_END_OF_9999 = 253_402_300_800.0 - 86_400.0
"""A day before the calendar of Python ends, so that a day later has a date too."""
BEFORE_S, AFTER_S = 3_600.0, 86_400.0
"""An event this long before or after the time is taken for the one that is meant."""
MOST_WEBHOOKS = 20
"""The answer names at most this many webhooks."""
_SETTLED = (MirrorState.IN_STEP.value, wanted.LOOKED_AT, "")


def answer(uow: Reading, person: Person, repository: str, tag: str, at: str) -> Json:
    """What is known about that image at that time, and the one sentence that answers."""
    if not repository:
        raise refuse(Code.INVALID, "repository is required, such as acme/web", subject="repository")
    moment = instant(at) if at else uow.now
    projects = readable(uow, person)
    # As people have it at hand: an image reference, or the address of the repository's page.
    path = read_repository(repository).path or repository.strip()
    image = f"{repository}:{tag}" if tag else repository
    events = activity.around(uow, projects, path, tag, moment - BEFORE_S, moment + AFTER_S, moment)
    webhooks = webhooks_store.for_repository(uow, projects, path, MOST_WEBHOOKS)
    if events:
        events = sorted(events, key=_weight)
        sentences = [sentence(event) for event in events]
        first, next_step = sentences[0], events[0].next_step
    elif webhooks:
        missing = [missing_of(uow, webhook) for webhook in webhooks]
        sentences = [why_silent(uow, webhook, tag, lacks) for webhook, lacks in zip(webhooks, missing, strict=True)]
        first = f"No delivery of {image} was received between an hour before and a day after. " + " ".join(sentences)
        next_step = (
            f"Give webhook {webhooks[0].name} what it lacks; Test then sends it a delivery."
            if missing[0]
            else "Check the webhook; Test sends it a delivery."
        )
    else:
        sentences = []
        first = f"No webhook that you can see is for {repository}: nothing listens for its pushes."
        next_step = f"Create a webhook for {repository}."
    return {
        "kind": "WHY",
        "repository": repository,
        "tag": tag,
        "at": wire_time(moment),
        "answer": first,
        "nextStep": next_step,
        "events": [event.id for event in events],
        "sentences": sentences,
        "webhooks": [webhook.id for webhook in webhooks],
    }


def _weight(event: PushEvent) -> int:
    """What happened to the image comes first: a run that failed, then one that deployed it or is at it, then the pushes
    that started none; of equals the nearest in time."""
    if not event.execution_id:
        return 2
    return 0 if event.execution_status in _FAILED else 1


_FAILED = ("FAILED", "CANCELED")


def instant(text: str) -> float:
    """A time as people and programs write it: ISO 8601, or microseconds, milliseconds or seconds since the epoch."""
    try:
        seconds = _seconds(text.strip())
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < _END_OF_9999:
        raise refuse(
            Code.INVALID,
            f"`at` is not a valid timestamp: {text[:50]!r}",
            subject="at",
            next_step="Write it as 2026-11-23T09:00:00Z.",
        )
    return seconds


def _seconds(text: str) -> float:
    value = whole_number(text, digits=18)
    if value is None:
        return epoch(text)
    unit = next((unit for limit, unit in ((1e14, 1e6), (1e11, 1e3)) if value >= limit), 1.0)
    return value / unit


def sentence(event: PushEvent) -> str:
    """What became of one delivery; a run's own end comes before how it began."""
    by = f" by webhook {event.webhook}" if event.webhook else ""
    received = f"Received{by} on {wire_time(event.received_at)[:19]} UTC, {event.verdict}: {event.reason}"
    if not event.execution_id or not event.execution_status:
        return received
    message = event.execution_message or "it has reported nothing yet"
    return f"{event.pipeline} #{event.execution_index} is {event.execution_status}: {message} {received}"


def why_silent(uow: Reading, webhook: Webhook, tag: str, lacks: Sequence[str] = ()) -> str:
    """Why a webhook that is for the repository may have received nothing: every reason, the weightiest first.

    `lacks`: sentences on what it is missing.
    """
    reasons = []
    if not webhook.enabled:
        reasons.append("it is disabled")
    if lacks:
        reasons.append(f"it is incomplete ({' '.join(lacks).rstrip('.')})")
    if webhook.hub_state not in _SETTLED:
        reasons.append(f"its hook is not in step ({webhook.hub_state}: {webhook.hub_message or 'no reason given'})")
    look = polls.load(uow, webhook.id)
    if look is not None and look.problem and not (lacks and look.problem == NO_REPOSITORY):
        reasons.append(f"polling the registry failed ({look.problem})")
    if ignored := _ignored(webhook, tag):
        reasons.append(f"it would ignore tag {ignored}")
    if not reasons:
        reasons.append("nothing is wrong with it: the push was to another repository, or the registry sent no hook")
    return f"Webhook {webhook.name}: {'; '.join(reasons)}."


def _ignored(webhook: Webhook, tag: str) -> str:
    """Why a push of this tag would not run; empty where it would, or where any tag is meant."""
    if not tag:
        return ""
    try:
        result = patterns.judge(webhook.tag_pattern, tag, webhook.exclude)
    except patterns.BadPattern as error:
        return f"{tag}, since its tag pattern cannot be read: {error}"
    return "" if result.wanted else f"{tag}, which {result.reason.removeprefix(tag).strip()}"
