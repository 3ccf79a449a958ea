"""Who holds a run, for how long, and how it lets go: `held`, the lease, `released`. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from services.config.model.claims import PLACED, RunClaim, State, Transition
from shared.contracts import history as h
from shared.contracts.runs import Directive, Held, HeldAnswer

from .transitions import CANCELED, dispatch, end, let_go

DEATHS_ALLOWED = 3
"""This many leases in a row may run out without progress; the last of them fails the run."""


def speaks(holding: RunClaim, runner: str, attempt: int) -> bool:
    """The newest attempt counts until it lets go or the next take cuts it off, lease or no lease."""
    return holding.state in PLACED and attempt == holding.attempt > 0 and runner == holding.runner


def verdict(holding: RunClaim, runner: str, attempt: int) -> Directive:
    """For one pair of a `Held` list."""
    return holding.wanted if speaks(holding, runner, attempt) else Directive.FENCED


def held(holdings: Mapping[str, RunClaim], ask: Held) -> HeldAnswer:
    """Answer a whole `Held`; an execution that is not in `holdings` is fenced."""
    verdicts = {
        pair.execution_id: verdict(claim, ask.runner, pair.attempt)
        if (claim := holdings.get(pair.execution_id))
        else Directive.FENCED
        for pair in ask.holds
    }
    return HeldAnswer(verdicts=verdicts)


def regain(holding: RunClaim, runner: str, attempt: int) -> Transition:
    """A holder whose lease ran out lives after all and nobody has taken the run since: it has it again."""
    if holding.state is State.DISPATCHED and speaks(holding, runner, attempt):
        return Transition(replace(holding, state=State.HELD, deaths=max(0, holding.deaths - 1)))
    return Transition(holding)


def expire(holding: RunClaim, at: float) -> Transition:
    """Its lease ran out: dispatch again, or fail it after `DEATHS_ALLOWED` without progress."""
    if holding.state is not State.HELD:
        return Transition(holding)
    holding = replace(holding, deaths=holding.deaths + 1)
    if holding.cancel and (not holding.open_work or holding.deaths >= DEATHS_ALLOWED):
        return end(holding, h.Status.CANCELED, CANCELED, at)
    if holding.deaths >= DEATHS_ALLOWED:
        place = f"in {holding.where}" if holding.where else "before the first task"
        return end(holding, h.Status.FAILED, f"The runner died three times {place}.", at)
    return dispatch(holding)


def release(holding: RunClaim, runner: str, attempt: int, at: float) -> Transition:
    """The holder lets go in order (`run.released`)."""
    if not speaks(holding, runner, attempt):
        return Transition(holding)
    return let_go(holding, at, parked=False)
