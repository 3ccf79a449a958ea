"""Whether a webhook wants a push, by a table of rules, and whether the push repeats an earlier delivery. Pure.

Every verdict has a reason that a person can read and, where there is something to do, the next step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from services.config.model.deliveries import Earlier
from services.config.model.triggers import MatchWebhook
from shared.contracts.pushes import BodySignature, Push
from shared.grammar import patterns
from shared.grammar.push_facts import impossible
from shared.grammar.repositories import HUB_HOST
from shared.process.addresses import is_let_in

from .case import Case, wording
from .verdicts import Judgement, Verdict, judge

_KINDS = {"chart": "a Helm chart", "signature": "a signature or attestation", "other": "an artifact of another kind"}
REPEAT_WITHIN_S = 600.0
_CALLED = ("hook", "spool", "test")
"""How an event arrives that somebody called for; the others Portside made itself."""
_SIGNATURE_FLAWS: dict[BodySignature | None, str] = {
    BodySignature.WRONG: "The signature does not match the body",
    BodySignature.MISSING: "The signature is missing",
    None: "A gateway of version 0.1 accepted the call without checking its signature",
}


def refusal(case: Case) -> Judgement | None:
    """Why the webhook starts nothing for this push; None when it wants it."""
    return next((judgement for rule in _RULES if (judgement := rule(case)) is not None), None)


def repeats(push: Push, received_at: float, earlier: Iterable[Earlier], *, via: str = "hook") -> Earlier | None:
    """The earlier delivery that this one repeats; `earlier` is newest first."""
    if via == "look":
        # What was found by looking has no hook's time: it was delivered if the tag's last delivery has its digest.
        last = next((candidate for candidate in earlier if candidate.tag == push.tag), None)
        return last if last is not None and last.digest is not None and last.digest == push.digest else None
    return next((candidate for candidate in earlier if _same(push, received_at, candidate)), None)


def _same(push: Push, received_at: float, earlier: Earlier) -> bool:
    if push.tag != earlier.tag:
        return False
    if push.digest and earlier.digest and push.digest != earlier.digest:
        return False
    if push.provider_delivery_id and push.provider_delivery_id == earlier.provider_delivery_id:
        return True
    if push.pushed_at is not None and (push.pushed_at, push.pusher) == (earlier.pushed_at, earlier.pusher):
        return True
    if push.digest is None or push.digest != earlier.digest:
        return False
    # A hook that comes long after its push was recovered says by its time that it is about the same push.
    before = push.pushed_at is not None and push.pushed_at <= earlier.received_at
    return before or abs(received_at - earlier.received_at) <= REPEAT_WITHIN_S


def _token(case: Case) -> Judgement | None:
    return judge(Verdict.UNKNOWN_TOKEN) if case.webhook is None else None


def _network(case: Case) -> Judgement | None:
    """A gateway that cannot ask config accepts calls from anywhere; here the address is judged in any case."""
    call, webhook = case.call, case.webhook
    if call is None or webhook is None or call.via not in _CALLED or is_let_in(call.source_address, webhook.networks):
        return None
    return judge(Verdict.NETWORK, address=call.source_address or "an unknown address", webhook=webhook.name)


def _signature(case: Case) -> Judgement | None:
    call, webhook = case.call, case.webhook
    if call is None or webhook is None or call.via not in _CALLED:
        return None
    if call.signature is not None:
        accepted = call.signature.is_accepted(demanded=webhook.signed)
    else:
        accepted = call.webhook_id is not None or not webhook.signed  # With the webhook's id it was checked there.
    if accepted:
        return None
    return judge(Verdict.SIGNATURE, why=_SIGNATURE_FLAWS[call.signature], webhook=webhook.name)


def _readable(case: Case) -> Judgement | None:
    if case.push is not None:
        return None
    return judge(Verdict.UNREADABLE, why=case.problem or "The body names no push.")


def _image(case: Case) -> Judgement | None:
    if case.push is None or case.push.kind == "image":
        return None
    kind, media_type = _KINDS[case.push.kind], case.push.media_type
    return judge(Verdict.NOT_AN_IMAGE, image=wording(case.push), kind=f"{kind} ({media_type})" if media_type else kind)


def _tagged(case: Case) -> Judgement | None:
    if case.push is None or case.push.tag:
        return None
    why = case.problem or f"The push of {case.push.image} names no tag"
    return judge(Verdict.NO_TAG, why=why.removesuffix("."))


def _possible(case: Case) -> Judgement | None:
    """Names end in scripts and manifests: what no registry takes as one is not handed on to them."""
    why = impossible(case.push) if case.push is not None else ""
    return judge(Verdict.UNREADABLE, why=why) if why else None


def _repository(case: Case) -> Judgement | None:
    push, webhook = case.push, case.webhook
    if push is None or webhook is None:
        return None
    registry_fits = webhook.is_for_registry(push.registry_host)
    repository_fits = webhook.is_for_repository(push.repository)
    if registry_fits and repository_fits:
        return None
    words = {"image": push.image, "webhook": webhook.name, "expected": webhook.about}
    if repository_fits:
        host = push.registry_host or HUB_HOST
        return judge(Verdict.REGISTRY, **words, host=host, endpoint=webhook.endpoint or "it names")
    return judge(Verdict.REPOSITORY, **words)


def _image_pattern(case: Case) -> Judgement | None:
    push, webhook = case.push, case.webhook
    if push is None or webhook is None:
        return None
    try:
        if any(patterns.matches(webhook.image_pattern, name) for name in dict.fromkeys((push.repository, push.image))):
            return None
    except patterns.BadPattern as error:
        return _bad_pattern(webhook, "image", error)
    return judge(Verdict.IMAGE, image=push.image, pattern=webhook.image_pattern, webhook=webhook.name)


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
    return judge(Verdict.TAG, why=judged.reason, webhook=webhook.name)


def _bad_pattern(webhook: MatchWebhook, which: str, error: patterns.BadPattern) -> Judgement:
    return judge(Verdict.INCOMPLETE, webhook=webhook.name, why=f"its {which} pattern cannot be read: {error}.")


def _enabled(case: Case) -> Judgement | None:
    if case.webhook is None or case.webhook.enabled:
        return None
    return judge(Verdict.DISABLED, pipeline=case.webhook.pipeline or "nothing: it names no pipeline")


def _complete(case: Case) -> Judgement | None:
    if case.webhook is None or (not case.webhook.missing and case.webhook.pipeline):
        return None
    missing = " ".join(case.webhook.missing) or "It names no pipeline."
    return judge(Verdict.INCOMPLETE, webhook=case.webhook.name, why=missing)


def _actor(case: Case) -> Judgement | None:
    actor = case.webhook.actor if case.webhook is not None else None
    if actor is None or not actor.problem:
        return None
    return judge(Verdict.TOKEN_ENDED if actor.token_problem else Verdict.NO_RIGHT, why=actor.problem)


def _pipeline(case: Case) -> Judgement | None:
    if case.webhook is None:
        return None
    name = case.webhook.pipeline
    if case.pipeline is None:
        why = f"There is no pipeline {name} in project {case.webhook.project}."
        return judge(Verdict.INCOMPLETE, webhook=case.webhook.name, why=why)
    return None if case.pipeline.enabled else judge(Verdict.PIPELINE_DISABLED, pipeline=name)


def _compiles(case: Case) -> Judgement | None:
    if case.webhook is None or case.pipeline is None or not case.plan_problem:
        return None
    why = f"pipeline {case.pipeline.name} cannot be read: {case.plan_problem}"
    return judge(Verdict.INCOMPLETE, webhook=case.webhook.name, why=why)


_RULES: tuple[Callable[[Case], Judgement | None], ...] = (
    _token,
    _network,
    _signature,
    _readable,
    _image,
    _tagged,
    _possible,
    _repository,
    _image_pattern,
    _tag_pattern,
    _enabled,
    _complete,
    _actor,
    _pipeline,
    _compiles,
)
