"""The protocol with one rule taken away at a time: for each, which rule it is and what then goes wrong (ADR 0001)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

from services.config.runs import protocol as p
from shared.contracts.runs import Directive, Report, ReportAnswer, Take

from .faults import zombie_wakes_with_leave
from .holder import Type
from .outside import Outside
from .world import TRUE_RULES, World

Reported = tuple[p.Transition, ReportAnswer]


@dataclass(frozen=True)
class Mutation:
    """One rule taken away."""

    rule: int
    """Its number in ADR 0001."""
    world: Callable[[], World]
    types: tuple[Type, ...] = tuple(Type)
    """Tasks that bring it out soonest."""
    story: Callable[[World], None] | None = None
    """The one life that shows it, where chance would need long to find it."""


def _with(**changed: Any) -> Callable[[], World]:
    return lambda: World(rules=SimpleNamespace(**{**vars(TRUE_RULES), **changed}))


def _any_take_owns(holding: p.RunClaim, ask: Take) -> tuple[p.RunClaim, p.TakeDecision]:
    free = holding.state is p.State.HELD and ask.dispatch == holding.dispatch
    return p.take(replace(holding, state=p.State.DISPATCHED) if free else holding, ask)


def _same_take_is_dropped(holding: p.RunClaim, ask: Take) -> tuple[p.RunClaim, p.TakeDecision]:
    if holding.state is p.State.HELD:
        return holding, p.TakeDecision(taken=False, reason="taken")
    return p.take(holding, ask)


def _same_take_after_its_lease_is_dropped(holding: p.RunClaim, ask: Take) -> tuple[p.RunClaim, p.TakeDecision]:
    if holding.state is p.State.DISPATCHED and ask.dispatch != holding.dispatch:
        return holding, p.TakeDecision(taken=False, reason="older")
    return p.take(holding, ask)


def _old_dispatches_count(holding: p.RunClaim, ask: Take) -> tuple[p.RunClaim, p.TakeDecision]:
    return p.take(holding, ask.model_copy(update={"dispatch": holding.dispatch}))


def _no_fence(holding: p.RunClaim, said: Report, at: float) -> Reported:
    return p.report(holding, said.model_copy(update={"attempt": holding.attempt, "runner": holding.runner}), at)


def _no_fence_for_grants(holding: p.RunClaim, said: Report, at: float) -> Reported:
    step, answer = p.report(holding, said, at)
    if said.grant is not None and answer.verdict is Directive.FENCED:
        last = said.events[-1].seq
        return step, ReportAnswer(verdict=Directive.GO, granted=True, accepted_seq=last)
    return step, answer


def _duplicates_accepted(holding: p.RunClaim, said: Report, at: float) -> Reported:
    events = tuple(
        event.model_copy(update={"seq": number})
        for number, event in enumerate(said.events, start=holding.accepted_seq + 1)
    )
    return p.report(holding, said.model_copy(update={"events": events}), at)


def _gaps_accepted(holding: p.RunClaim, said: Report, at: float) -> Reported:
    if said.events and said.attempt == holding.attempt and said.events[0].seq > holding.accepted_seq:
        return p.report(replace(holding, accepted_seq=said.events[0].seq - 1), said, at)
    return p.report(holding, said, at)


def _refused_number_not_spent(holding: p.RunClaim, said: Report, at: float) -> Reported:
    step, answer = p.report(holding, said, at)
    spent = said.grant is not None and not answer.granted and answer.accepted_seq > holding.accepted_seq
    if spent and step.holding.state is p.State.HELD and len(step.accepted) < len(said.events):
        step = replace(step, holding=replace(step.holding, accepted_seq=step.holding.accepted_seq - 1))
    return step, answer


def _started_is_not_durable(holding: p.RunClaim, said: Report, at: float) -> Reported:
    step, answer = p.report(holding, said, at)
    accepted = tuple(one for one in step.accepted if said.grant is None or one.event.type != "task.started")
    return replace(step, accepted=accepted), answer


def _grants_forgotten_by_a_take(holding: p.RunClaim, ask: Take) -> tuple[p.RunClaim, p.TakeDecision]:
    after, decision = p.take(holding, ask)
    return (after if after.attempt == holding.attempt else replace(after, grants=())), decision


def _lost_grant_is_not_repeated(holding: p.RunClaim, said: Report, at: float) -> Reported:
    step, answer = p.report(holding, said, at)
    new = any(grant not in holding.grants for grant in step.holding.grants)
    return step, answer.model_copy(update={"granted": answer.granted and new})


def _grants_whatever_is_wanted(holding: p.RunClaim, said: Report, at: float) -> Reported:
    step, answer = p.report(replace(holding, cancel=False, pause=False), said, at)
    pause = holding.pause and step.holding.state is not p.State.ENDED
    return replace(step, holding=replace(step.holding, cancel=holding.cancel, pause=pause)), answer


def _park_looks_at_nothing(holding: p.RunClaim, said: Report, at: float) -> Reported:
    blind = replace(holding, cancel=False, news=False)
    parks = any(event.type == "run.parked" for event in said.events)
    step, answer = p.report(blind if parks else holding, said, at)
    return replace(step, holding=replace(step.holding, cancel=holding.cancel)), answer


def _cancel_waits_for_a_holder(holding: p.RunClaim, intent: p.Intent, at: float) -> p.Transition:
    if intent is p.Intent.CANCEL and holding.state is not p.State.ENDED:
        return p.Transition(replace(holding, cancel=True))
    return p.intend(holding, intent, at)


def _answer_while_held_is_forgotten(holding: p.RunClaim, *said: Any) -> p.Transition:
    step = p.answer(holding, *said)
    forgotten = step.holding.state in (p.State.HELD, p.State.DISPATCHED)
    return replace(step, holding=replace(step.holding, news=False)) if forgotten else step


def _leases_never_end(holding: p.RunClaim, at: float) -> p.Transition:
    return p.Transition(holding)


def _deaths_uncounted(holding: p.RunClaim, at: float) -> p.Transition:
    step = p.expire(replace(holding, deaths=0), at)
    return replace(step, holding=replace(step.holding, deaths=0))


def _expire_sends_the_same_number(holding: p.RunClaim, at: float) -> p.Transition:
    step = p.expire(holding, at)
    if step.holding.state is not p.State.DISPATCHED:
        return step
    return p.Transition(replace(step.holding, dispatch=holding.dispatch), (p.Dispatch(holding.dispatch),))


def _dead_letters_lie(holding: p.RunClaim, *_: Any) -> p.Transition:
    return p.Transition(holding)


def _nothing_is_overdue(*_: Any, **__: Any) -> tuple[str, ...]:
    return ()


def _fence(number: Callable[[p.RunClaim, int], int]) -> Callable[[], World]:
    counter = {"takes": 0}

    def taken(holding: p.RunClaim, ask: Take) -> tuple[p.RunClaim, p.TakeDecision]:
        after, decision = p.take(holding, ask)
        counter["takes"] += 1
        return after, replace(decision, start_number=number(after, counter["takes"])) if decision.taken else decision

    return _with(take=taken)


MUTATIONS: dict[str, Mutation] = {
    "any take of a dispatch owns it": Mutation(1, _with(take=_any_take_owns)),
    "the same take again has to drop": Mutation(2, _with(take=_same_take_is_dropped)),
    "the same take after its lease has to drop": Mutation(2, _with(take=_same_take_after_its_lease_is_dropped)),
    "a runner forgets its takes with the connection": Mutation(2, lambda: World(forgetful=True)),
    "older dispatches can be taken": Mutation(1, _with(take=_old_dispatches_count)),
    "an expired lease sends the same number": Mutation(1, _with(expire=_expire_sends_the_same_number)),
    "no fence": Mutation(3, _with(report=_no_fence)),
    "no fence for grants": Mutation(3, _with(report=_no_fence_for_grants)),
    "duplicates are accepted": Mutation(4, _with(report=_duplicates_accepted)),
    "gaps are accepted": Mutation(4, _with(report=_gaps_accepted)),
    "a refused number is not spent": Mutation(6, _with(report=_refused_number_not_spent)),
    "go before task.started is durable": Mutation(5, _with(report=_started_is_not_durable)),
    "a take forgets the grants": Mutation(5, _with(take=_grants_forgotten_by_a_take)),
    "a lost grant is not given again": Mutation(6, _with(report=_lost_grant_is_not_repeated)),
    "grants in spite of intents": Mutation(7, _with(report=_grants_whatever_is_wanted)),
    "parking looks at nothing": Mutation(8, _with(report=_park_looks_at_nothing)),
    "cancel waits for a holder": Mutation(8, _with(intend=_cancel_waits_for_a_holder)),
    "an answer while held is forgotten": Mutation(8, _with(answer=_answer_while_held_is_forgotten)),
    "leases never end": Mutation(9, _with(expire=_leases_never_end)),
    "a sign of life counts when it is answered": Mutation(9, lambda: World(hears_by_answering=True)),
    "the clock runs on over unread signs of life": Mutation(9, lambda: World(deaf_clock=True)),
    "deaths are not counted": Mutation(10, _with(expire=_deaths_uncounted)),
    "lost messages stay lost": Mutation(11, _with(overdue=_nothing_is_overdue)),
    "dead letters lie": Mutation(15, _with(dead_lettered=_dead_letters_lie)),
    "the fence is the start alone": Mutation(
        12, _fence(lambda holding, takes: holding.start * p.FENCE_STEP), story=zombie_wakes_with_leave
    ),
    "the fence counts takes": Mutation(12, _fence(lambda holding, takes: takes), types=(Type.APPLY,)),
    "the cluster does not compare versions": Mutation(
        13, lambda: World(outside=Outside(checks_resource_version=False)), types=(Type.APPLY,)
    ),
}
