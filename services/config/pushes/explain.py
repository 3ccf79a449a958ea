"""Why an image was not deployed at a given time: what was delivered then, and if nothing, why not, in words."""

from __future__ import annotations

from datetime import datetime

from services.config.catalog.base import readable
from services.config.catalog.documents import wire_time
from services.config.catalog.hooks import wanted
from services.config.catalog.webhooks import for_matching
from services.config.model.definitions import Webhook
from services.config.model.people import Person
from services.config.model.rights import Right
from services.config.model.triggers import MatchWebhook
from services.config.store import Reading, deliveries
from services.config.store import polls as look_store
from services.config.store.definitions import webhooks as webhooks_store
from services.config.store.deliveries import Delivery
from shared.contracts.base import Json
from shared.contracts.mirror import MirrorState
from shared.contracts.problems import Code, refuse
from shared.contracts.texts import whole_number
from shared.grammar import patterns
from shared.grammar.repositories import read_repository

_END_OF_9999 = 253_402_300_800.0 - 86_400.0
"""A day before the calendar of Python ends, so that a day later has a date too."""
BEFORE_S, AFTER_S = 3_600.0, 86_400.0
"""An event this long before or after the time is taken for the one that is meant."""
_SETTLED = (MirrorState.IN_STEP.value, wanted.LOOKED_AT, "")


def answer(uow: Reading, person: Person, repository: str, tag: str, at: str) -> Json:
    """What is known about that image at that time, and the one sentence that answers."""
    if not repository:
        raise refuse(Code.INVALID, "repository is required, such as acme/web", subject="repository")
    moment = instant(at) if at else uow.now
    seen = readable(uow, person)
    # As people have it at hand: an image reference, or the address of the repository's page.
    path = read_repository(repository).path or repository.strip()
    found = deliveries.around(uow, seen, path, tag, moment - BEFORE_S, moment + AFTER_S, moment)
    webhooks = [
        (webhook, match)
        for webhook in webhooks_store.WEBHOOKS.all(uow)
        if person.may(webhook.project, Right.READ)
        and (match := for_matching.match_webhook(uow, webhook)).repository in ("", path)
    ]
    image = f"{repository}:{tag}" if tag else repository
    said = [sentence(one) for one in found]
    silent = [] if found else [why_silent(uow, webhook, match, tag) for webhook, match in webhooks]
    if found:
        first, next_step = said[0], found[0].next_step
    elif webhooks:
        first = f"No delivery of {image} was received between an hour before and a day after. " + " ".join(silent)
        next_step = "Look at the webhook; Test sends it a delivery."
    else:
        first = f"No webhook that you may see is for {repository}: nothing listens for its pushes."
        next_step = f"Make a webhook for {repository}."
    return {
        "kind": "WHY",
        "repository": repository,
        "tag": tag,
        "at": wire_time(moment),
        "answer": first,
        "nextStep": next_step,
        "events": [one.id for one in found],
        "sentences": said or silent,
        "webhooks": [webhook.id for webhook, _ in webhooks],
    }


def instant(text: str) -> float:
    """A time as people and programs write it: ISO 8601, or microseconds, milliseconds or seconds since the epoch."""
    try:
        seconds = _seconds(text.strip())
    except (ValueError, OverflowError):
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
    number = whole_number(text, digits=18)
    if number is None:
        moment = datetime.fromisoformat(text.replace(" ", "T", 1))
        return (moment if moment.tzinfo else moment.astimezone()).timestamp()
    unit = next((unit for limit, unit in ((1e14, 1e6), (1e11, 1e3)) if number >= limit), 1.0)
    return number / unit


def sentence(one: Delivery) -> str:
    """What became of one delivery, to its run's end."""
    to = f" to webhook {one.webhook}" if one.webhook else ""
    said = f"Received{to} on {wire_time(one.received_at)[:19]} UTC, {one.verdict}: {one.reason}"
    if one.execution_id and one.execution_status:
        said += f" The run is {one.execution_status}: {one.execution_message or 'it has said nothing yet'}"
    return said


def why_silent(uow: Reading, webhook: Webhook, match: MatchWebhook, tag: str) -> str:
    """Why a webhook that is for the repository may have heard nothing. Every reason, in the order of their weight."""
    said = []
    if not webhook.enabled:
        said.append("it is disabled")
    if webhook.hub_state not in _SETTLED:
        said.append(f"its hook is not in step ({webhook.hub_state}: {webhook.hub_message or 'no reason given'})")
    look = look_store.load(uow, webhook.id)
    if look is not None and look.problem:
        said.append(f"the registry could not be looked at ({look.problem})")
    if unwanted := _unwanted(match, tag):
        said.append(f"it would ignore tag {unwanted}")
    if not said:
        said.append("all is well with it: the push was of another repository, or the registry sent no hook")
    return f"Webhook {webhook.name}: {'; '.join(said)}."


def _unwanted(match: MatchWebhook, tag: str) -> str:
    """Why a push of this tag would not run; empty where it would, or where any tag is meant."""
    if not tag:
        return ""
    try:
        judged = patterns.judge(match.tag_pattern, tag, match.exclude)
    except patterns.BadPattern as error:
        return f"{tag}, since its tag pattern cannot be read: {error}"
    return "" if judged.wanted else f"{tag}, which {judged.reason.removeprefix(tag).strip()}"
