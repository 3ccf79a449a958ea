"""The one place where a push is judged: from every fact about it to a verdict, a wait, or a run. Pure.

`decide` asks the rules in order, and the first that has something to say decides: first whether the webhook wants this
push (`matching`), then whether anything must be known or happen before, then whether a run of it makes sense now. An
event passes here when it arrives, when the registry answers, and when its group is complete; its state says which.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from services.config.model import lineage
from services.config.model.push_events import ANSWERED, GATHERING, ORDERING, RECEIVED, RESOLVING, RETRYING, PushEvent
from services.config.model.triggers import MatchWebhook, RunnablePipeline
from services.config.runs.admission import MAX_DESCENDANTS, Admitted, Compiled, RunRequest, run_id
from shared.contracts.pushes import Found, Push
from shared.contracts.texts import counted
from shared.grammar.inputs import blank, docker_inputs, run_inputs
from shared.grammar.repositories import HUB_HOST
from shared.grammar.spec import Supersede
from shared.grammar.versions import parse_version

from . import batching, matching
from .case import Case, Decision, Start, Wait, wording
from .verdicts import Judgement, Verdict, judge

ORDERED_WITHIN_S = 5.0
"""Gateways that have lost the same broker are back one after the other; one that stays silent is not waited for."""
ANSWER_WITHIN_S = 10.0
FOUND_WITHIN_S = 600.0
RUN_WITHIN_S = 86_400.0
"""A delivery older than this when it is judged is not run automatically."""
_AGAIN_AFTER_S = (2.0, 5.0, 10.0, 20.0, 40.0, 60.0)
_WHY_LATE = {
    "spool": "it waited {waited} in the gateway's spool because the message broker was unavailable, and a later push "
    "came first",
    "look": "its webhook call never came, and it was found at the registry",
}
_DELIVERED_LATE = "it was judged {waited} after it was received"


def decide(case: Case) -> Decision:
    """What to do about a push. The first rule that applies wins; a run starts when none does."""
    if (refusal := matching.refusal(case)) is not None:
        return refusal
    match = _match(case)
    for rule in _RULES:
        if (decision := rule(case, match)) is not None:
            return decision
    return _start(case, match)


def started(case: Case, admitted: Admitted) -> Judgement:
    """The verdict of a push whose run was admitted."""
    run = admitted.run
    note = f" {case.event.digest_note}" if case.event.digest_note else ""
    verdict = Verdict.QUEUED if admitted.waits else Verdict.STARTED
    return judge(verdict, run=f"{run.pipeline} #{run.index}", behind=admitted.behind, note=note)


def batched(winner: PushEvent) -> Judgement:
    """The verdict of a push that was pushed together with `winner`, whose event decides for all of them."""
    image = wording(winner.push) if winner.push is not None else winner.id
    return judge(Verdict.GATHERED, why=f"Batched with {image}; see that event for the result.")


@dataclass(frozen=True, slots=True)
class _Match:
    """What the rules below can rely on."""

    push: Push
    webhook: MatchWebhook
    pipeline: RunnablePipeline
    compiled: Compiled


def _match(case: Case) -> _Match:
    if case.push is None or case.webhook is None or case.pipeline is None or case.compiled is None:
        raise ValueError(f"no rule refused event {case.event.id}, which has no push, webhook, pipeline or plan")
    return _Match(case.push, case.webhook, case.pipeline, case.compiled)


def _repeats(case: Case, match: _Match) -> Decision | None:
    if case.rerun or case.event.state == GATHERING:
        return None
    other = matching.repeats(match.push, case.event.received_at, case.earlier, via=case.event.via)
    return None if other is None else judge(Verdict.DUPLICATE, other=other.id, was=other.verdict)


def _order_is_known(case: Case, match: _Match) -> Decision | None:
    """A push that was spooled waits for those before it in the spools of others; those behind it wait with it."""
    event = case.event
    if event.state != RECEIVED or case.rerun or event.via == "test" or not (event.via == "spool" or case.ordering):
        return None
    due_at = None if case.ordering else case.now + ORDERED_WITHIN_S
    return Wait(ORDERING, due_at, judge(Verdict.ORDERING, image=wording(match.push)))


def _registry_is_asked(case: Case, match: _Match) -> Decision | None:
    if case.event.state not in (RECEIVED, ORDERING, RETRYING) or not _needs_registry(case, match):
        return None
    why = f"Asking the registry which image {wording(match.push)} is."
    judgement = None if case.event.state == RETRYING else judge(Verdict.WAITING, why=why)
    return Wait(RESOLVING, case.now + ANSWER_WITHIN_S, judgement)


def _needs_registry(case: Case, match: _Match) -> bool:
    push, webhook = match.push, match.webhook
    if webhook.access is None or case.event.via == "test":
        return False
    # Docker Hub says what was pushed and counts a manifest that is read as a pull; elsewhere only the manifest says it.
    unread = push.registry_host != HUB_HOST and push.kind == "image"
    return not push.digest or bool(webhook.platforms) or unread


def _not_found(case: Case, match: _Match) -> Decision | None:
    answer = case.answer
    if answer is None or answer.outcome is not Found.NOT_FOUND:
        return None
    if match.push.digest and not match.webhook.platforms:
        # The push itself names the image; only what it is of was to be read.
        return None
    image, asked_for_s = wording(match.push), case.now - case.event.recorded_at
    if asked_for_s >= FOUND_WITHIN_S:
        return judge(Verdict.NOT_FOUND, image=image, detail=answer.detail)
    wait_s = next((after_s for after_s in _AGAIN_AFTER_S if after_s > asked_for_s / 2), _AGAIN_AFTER_S[-1])
    why = f"The registry does not have {image} yet; Portside retries for up to ten minutes. {answer.detail}"
    return Wait(RETRYING, case.now + wait_s, judge(Verdict.WAITING, why=why))


def _waits_its_turn(case: Case, _match: _Match) -> Decision | None:
    """Answers arrive in any order; pushes of one repository are judged in the order in which they arrived."""
    return Wait(ANSWERED) if case.awaits_earlier and case.event.state in (RESOLVING, ANSWERED) else None


def _is_gathered(case: Case, match: _Match) -> Decision | None:
    quiet_s = match.webhook.gather_s
    if quiet_s <= 0 or case.event.state == GATHERING or case.rerun or case.event.via == "test":
        return None
    first_at = case.now if case.gathering_since is None else case.gathering_since
    due_at = batching.due_at(case.now, quiet_s, first_at)
    why = f"Waits {counted(round(due_at - case.now), 'second')} for further tags of the same push."
    return Wait(GATHERING, due_at, judge(Verdict.GATHERED, why=why))


def _is_late(case: Case, _match: _Match) -> Decision | None:
    age_s = case.now - case.event.received_at
    if case.rerun or age_s <= RUN_WITHIN_S:
        return None
    return judge(Verdict.LATE, hours=f"{age_s / 3600:.0f}")


def _loops(case: Case, match: _Match) -> Decision | None:
    """The pipeline is already among the causes of this very image, or there are too many of them."""
    if case.event.forced:
        return None
    pushed_by = lineage.wording(case.causes[:1])
    if lineage.is_endless(case.causes):
        why = f"the last of {len(case.causes)} runs each of which was started by what the one before pushed"
        return judge(Verdict.LOOP, by=pushed_by, why=why)
    if case.multiplies:
        why = f"the last of {MAX_DESCENDANTS} runs that came of one, nested in it or started by what others pushed"
        return judge(Verdict.LOOP, by=pushed_by, why=why)
    if lineage.already(case.causes, match.pipeline.id, match.push.digest or "") is None:
        return None
    why = f"and {match.pipeline.name} is already among its causes: {lineage.wording(case.causes)}"
    return judge(Verdict.LOOP, by=pushed_by, why=why)


def _is_older(case: Case, match: _Match) -> Decision | None:
    if case.event.forced:
        return None
    if match.compiled.policy is Supersede.PARALLEL:
        # Tags run beside each other, in whatever order they come; one tag goes forward only.
        newer = case.started_later if case.started_later and case.started_later.tag == match.push.tag else None
    else:
        newer = case.started_later or _higher_version(case, match)
    return None if newer is None else judge(Verdict.OLDER, live=newer.tag or newer.image, why=_why_late(case))


def _why_late(case: Case) -> str:
    if case.rerun:
        return "it was run again"
    waited_s = max(1, round(case.now - case.event.received_at))
    return _WHY_LATE.get(case.event.via, _DELIVERED_LATE).format(waited=f"{waited_s} s")


def _higher_version(case: Case, match: _Match) -> Push | None:
    """Where the registry does not say when a tag was pushed, versions say which is the newer."""
    if case.event.via != "look" or match.push.pushed_at is not None or case.last_started is None:
        return None
    live, pushed = parse_version(case.last_started.tag or ""), parse_version(match.push.tag or "")
    return case.last_started if live is not None and pushed is not None and live > pushed else None


def _lacks_input(case: Case, match: _Match) -> Decision | None:
    _, missing = _inputs(case, match)
    if not missing:
        return None
    return judge(Verdict.INPUT_MISSING, pipeline=match.pipeline.name, webhook=match.webhook.name, why=missing)


def _inputs(case: Case, match: _Match) -> tuple[Mapping[str, Any], str]:
    """The run's inputs, and in words which mandatory ones have no value."""
    own = {name: value for name, value in match.webhook.input.items() if not blank(value)}
    values, flaws = run_inputs(match.compiled.spec, {**docker_inputs(match.push, case.tags), **own}, strict=False)
    return values, "; ".join(flaw.message for flaw in flaws)


def _is_a_test(case: Case, match: _Match) -> Decision | None:
    return judge(Verdict.TESTED, pipeline=match.pipeline.name) if case.event.via == "test" else None


def _is_skipped(case: Case, _match: _Match) -> Decision | None:
    return judge(Verdict.BUSY) if case.skipped else None


def _start(case: Case, match: _Match) -> Start:
    event, webhook = case.event, match.webhook
    inputs, _ = _inputs(case, match)
    order = RunRequest(
        execution_id=run_id(webhook.id, event.delivery_id, event.ordinal),
        requested_by=webhook.actor.user,
        inputs=inputs,
        order_at=event.received_at,
        comments=f"Push of {wording(match.push)}",
        push=match.push,
        delivery=event.id,
        webhook_id=webhook.id,
        source=f"webhook {webhook.name}",
        # Who runs it anyway begins to count again.
        pushed_by=case.causes[0].execution_id if case.causes and not event.forced else "",
    )
    return Start(match.pipeline, match.compiled, order)


_RULES: tuple[Callable[[Case, _Match], Decision | None], ...] = (
    _repeats,
    _order_is_known,
    _registry_is_asked,
    _not_found,
    _waits_its_turn,
    _is_gathered,
    _is_late,
    _loops,
    _is_older,
    _lacks_input,
    _is_a_test,
    _is_skipped,
)
