"""What becomes of a delivery: whether it repeats another, and its verdict. Pure.

Every verdict comes with a reason that a person can read and, where there is something to do, the next step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from shared.contracts.pushes import Push
from shared.grammar import patterns

from .catalog.values import MatchWebhook, RunnablePipeline

REPEAT_WITHIN_S = 600.0
RUN_WITHIN_S = 86_400.0
"""A delivery older than this when matched is not run by itself."""


class Verdict(StrEnum):
    """The closed list; the value is what Activity shows."""

    STARTED = "started"
    QUEUED = "queued"
    GATHERED = "gathered"
    DUPLICATE = "duplicate"
    LOOP = "loop"
    OLDER = "held as older"
    LATE = "held as late"
    WAITING = "waiting for the registry"
    NOT_FOUND = "not found"
    SKIPPED = "skipped"
    DISABLED = "ignored: disabled"
    IMAGE = "ignored: image"
    TAG = "ignored: tag"
    REPOSITORY = "ignored: repository"
    NOT_AN_IMAGE = "ignored: not an image"
    NO_TAG = "ignored: no tag"
    UNKNOWN_TOKEN = "unknown token"
    UNREADABLE = "unreadable"
    PIPELINE_DISABLED = "not started: pipeline disabled"
    NO_PIPELINE = "not started: no such pipeline"
    INPUT_MISSING = "not started: input missing"
    TOKEN_ENDED = "not started: token ended"
    NO_RIGHT = "not started: no right"
    INCOMPLETE = "not started: incomplete webhook"


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict with its reason."""

    verdict: Verdict
    reason: str
    next_step: str = ""


@dataclass(frozen=True, slots=True)
class Earlier:
    """Another delivery of the same webhook, as far as repeating it is concerned."""

    id: str
    received_at: float
    tag: str | None
    digest: str | None
    pushed_at: float | None
    pusher: str | None
    provider_delivery_id: str | None
    verdict: str


@dataclass(frozen=True, slots=True)
class Case:
    """All that is known about one delivery when it is judged."""

    push: Push | None
    problem: str | None
    received_at: float
    now: float
    via: str
    webhook: MatchWebhook | None
    pipeline: RunnablePipeline | None
    forced: bool = False
    """A person asked for it to run: what holds it back by age or as a repeat does not count."""


def wording(push: Push) -> str:
    """`acme/web:1.4.1`."""
    return f"{push.image}:{push.tag}" if push.tag else push.image


def repeats(push: Push, received_at: float, earlier: Iterable[Earlier], *, via: str = "hook") -> Earlier | None:
    """The earlier delivery that this one repeats."""
    return next((one for one in earlier if _same(push, received_at, one, via)), None)


def _same(push: Push, received_at: float, one: Earlier, via: str) -> bool:
    if push.provider_delivery_id and push.provider_delivery_id == one.provider_delivery_id:
        return True
    if push.tag != one.tag:
        return False
    if push.digest and one.digest and push.digest != one.digest:
        return False
    if push.pushed_at is not None and (push.pushed_at, push.pusher) == (one.pushed_at, one.pusher):
        return True
    known = push.digest is not None and push.digest == one.digest
    # What was found by looking has no hook's time: the digest alone says whether it was delivered before.
    return known and (via == "look" or abs(received_at - one.received_at) <= REPEAT_WITHIN_S)


def duplicate(other: Earlier) -> Judgement:
    """It repeats a delivery that was judged before."""
    return Judgement(
        Verdict.DUPLICATE,
        f"Repeats the delivery {other.id}, whose verdict was: {other.verdict}.",
        "Nothing to do; to deploy it again, rerun this event.",
    )


def older(live_tag: str) -> Judgement:
    """A later push of the repository has already started a run."""
    return Judgement(
        Verdict.OLDER,
        f"Older than {live_tag}, which is live: it came late and does not by itself replace a newer image.",
        "Run anyway, if this image is the one that you want.",
    )


def first_look(case: Case) -> Judgement | None:
    """What can be said before the registry is asked; None when the delivery would run."""
    return _first(_EARLY, case)


def last_look(case: Case) -> Judgement | None:
    """What can be said once the push is known in full; None when a run is to be started."""
    return _first((*_EARLY, *_LATE), case)


def _first(rules: Sequence[Callable[[Case], Judgement | None]], case: Case) -> Judgement | None:
    return next((found for rule in rules if (found := rule(case)) is not None), None)


def _token(case: Case) -> Judgement | None:
    if case.webhook is not None:
        return None
    return Judgement(
        Verdict.UNKNOWN_TOKEN,
        "No webhook has this secure token any more.",
        "Copy the Hook URL of the webhook again and set it at the registry.",
    )


def _readable(case: Case) -> Judgement | None:
    if case.push is not None:
        return None
    return Judgement(
        Verdict.UNREADABLE,
        case.problem or "The body names no push.",
        "See the payload; the webhook's provider must be the one that sent it.",
    )


def _image(case: Case) -> Judgement | None:
    if case.push is None or case.push.kind == "image":
        return None
    return Judgement(Verdict.NOT_AN_IMAGE, f"{wording(case.push)} is a {case.push.kind}, not an image.")


def _tagged(case: Case) -> Judgement | None:
    if case.push is None or case.push.tag:
        return None
    return Judgement(
        Verdict.NO_TAG,
        f"{case.problem or f'The push of {case.push.image} names no tag'}.".replace("..", "."),
        "Push with a tag.",
    )


def _repository(case: Case) -> Judgement | None:
    push, webhook = case.push, case.webhook
    if push is None or webhook is None:
        return None
    host_differs = bool(webhook.registry_host) and webhook.registry_host != push.registry_host
    if not host_differs and webhook.repository in ("", push.repository):
        return None
    expected = webhook.repository or "any repository"
    if webhook.registry_host not in ("", "docker.io"):
        expected = f"{webhook.registry_host}/{expected}"
    return Judgement(
        Verdict.REPOSITORY,
        f"{push.image} was pushed; webhook {webhook.name} is for {expected}.",
        "Give that repository a webhook of its own.",
    )


def _image_pattern(case: Case) -> Judgement | None:
    push, webhook = case.push, case.webhook
    if push is None or webhook is None:
        return None
    try:
        if any(patterns.matches(webhook.image_pattern, name) for name in dict.fromkeys((push.repository, push.image))):
            return None
    except patterns.BadPattern as error:
        return _bad_pattern(webhook, "image", error)
    return Judgement(
        Verdict.IMAGE,
        f"Image {push.image} does not match the webhook's image pattern {webhook.image_pattern}.",
        f"Change the image pattern of webhook {webhook.name}, if it should.",
    )


def _tag_pattern(case: Case) -> Judgement | None:
    push, webhook = case.push, case.webhook
    if push is None or webhook is None or push.tag is None:
        return None
    try:
        judged = patterns.judge(webhook.tag_pattern, push.tag, webhook.exclude)
    except patterns.BadPattern as error:
        return _bad_pattern(webhook, "tag", error)
    if judged.wanted:
        return None
    return Judgement(
        Verdict.TAG,
        f"Tag {judged.reason}.",
        f"Change the tag pattern of webhook {webhook.name}, if it should.",
    )


def _bad_pattern(webhook: MatchWebhook, which: str, error: patterns.BadPattern) -> Judgement:
    return Judgement(
        Verdict.INCOMPLETE,
        f"The {which} pattern of webhook {webhook.name} cannot be read: {error}",
        "Repair the pattern, then rerun this event.",
    )


def _enabled(case: Case) -> Judgement | None:
    if case.webhook is None or case.webhook.enabled:
        return None
    would = f"; it would have started {case.webhook.pipeline}" if case.webhook.pipeline else ""
    return Judgement(
        Verdict.DISABLED,
        f"Webhook {case.webhook.name} is disabled{would}.",
        "Enable the webhook, then rerun this event.",
    )


def _complete(case: Case) -> Judgement | None:
    if case.webhook is None or (not case.webhook.missing and case.webhook.pipeline):
        return None
    missing = " ".join(case.webhook.missing) or "It names no pipeline."
    return Judgement(
        Verdict.INCOMPLETE,
        f"Webhook {case.webhook.name} is incomplete: {missing}",
        "Complete it, then rerun this event.",
    )


def _actor(case: Case) -> Judgement | None:
    if case.webhook is None or not case.webhook.actor_problem:
        return None
    ended = "token" in case.webhook.actor_problem.lower()
    return Judgement(
        Verdict.TOKEN_ENDED if ended else Verdict.NO_RIGHT,
        case.webhook.actor_problem,
        "Give the webhook a good API token, then rerun this event."
        if ended
        else "Give the token's owner the right to run pipelines in the project, then rerun this event.",
    )


def _pipeline(case: Case) -> Judgement | None:
    if case.webhook is None:
        return None
    name = case.webhook.pipeline
    if case.pipeline is None:
        return Judgement(
            Verdict.NO_PIPELINE,
            f"There is no pipeline {name} in project {case.webhook.project}.",
            f"Create it or choose another for webhook {case.webhook.name}, then rerun this event.",
        )
    if case.pipeline.enabled:
        return None
    return Judgement(
        Verdict.PIPELINE_DISABLED,
        f"Not started: pipeline {name} is disabled.",
        "Enable the pipeline, then rerun this event.",
    )


def _age(case: Case) -> Judgement | None:
    if case.forced or case.now - case.received_at <= RUN_WITHIN_S:
        return None
    return Judgement(
        Verdict.LATE,
        f"It was received {(case.now - case.received_at) / 3600:.0f} hours before it could be matched.",
        "Run anyway, if this image is the one that you want.",
    )


_EARLY = (
    _token,
    _readable,
    _image,
    _tagged,
    _repository,
    _image_pattern,
    _tag_pattern,
    _enabled,
    _complete,
    _actor,
    _pipeline,
)
_LATE = (_age,)
