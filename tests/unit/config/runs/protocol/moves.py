"""Short ways to bring a holding into a state."""

from __future__ import annotations

from typing import Any, Literal

from services.config.runs import protocol as p
from shared.contracts import history as h
from shared.contracts.runs import Grant, Report, ReportAnswer, Take

STAGE = "Deploy"
AT = 1_000.0


def queued() -> p.RunClaim:
    """A new run."""
    return p.RunClaim(execution_id="e1")


def dispatched() -> p.RunClaim:
    """Its first message is out."""
    return p.admit(queued(), 7).holding


def ask(holding: p.RunClaim, runner: str = "r1", take_id: str = "t1", dispatch: int | None = None) -> Take:
    """A take of the newest dispatch, or of that one."""
    number = holding.dispatch if dispatch is None else dispatch
    return Take(execution_id="e1", dispatch=number, runner=runner, take_id=take_id)


def held(holding: p.RunClaim | None = None, runner: str = "r1") -> p.RunClaim:
    """A runner has it."""
    before = dispatched() if holding is None else holding
    return p.take(before, ask(before, runner, f"take-{runner}-{before.dispatch}"))[0]


def started(seq: int, task: str = "Apply", try_number: int = 1) -> h.TaskStarted:
    return h.TaskStarted(seq=seq, at=AT, stage=STAGE, task=task, try_number=try_number)


def ended(seq: int, task: str = "Apply", try_number: int = 1) -> h.TaskEnded:
    return h.TaskEnded(seq=seq, at=AT, stage=STAGE, task=task, try_number=try_number, status=h.Status.COMPLETED)


def parked(seq: int, reason: Literal["paused", "waiting"] = "waiting", due_at: float | None = None) -> h.RunParked:
    return h.RunParked(seq=seq, at=AT, reason=reason, due_at=due_at)


def over(seq: int) -> h.RunEnded:
    return h.RunEnded(seq=seq, at=AT, status=h.Status.COMPLETED, message="Execution Completed.")


def grant(task: str = "Apply", try_number: int = 1, *, repeat: bool = False) -> Grant:
    return Grant(stage=STAGE, task=task, try_number=try_number, repeat=repeat)


def report(
    holding: p.RunClaim,
    *events: h.Event,
    wants: Grant | None = None,
    attempt: int | None = None,
    runner: str | None = None,
) -> tuple[p.Transition, ReportAnswer]:
    """The holder says something; `attempt` and `runner` for someone who is not the holder."""
    said = Report(
        execution_id="e1",
        attempt=holding.attempt if attempt is None else attempt,
        runner=holding.runner if runner is None else runner,
        events=events,
        grant=wants,
    )
    return p.report(holding, said, AT)


def with_leave(*, repeat: bool = False) -> p.RunClaim:
    """Held, and in the middle of Deploy.Apply."""
    step, answer = report(held(), started(1), wants=grant(repeat=repeat))
    assert answer.granted
    return step.holding


def waiting(due_at: float | None = None) -> p.RunClaim:
    """Parked for an answer or a time."""
    return report(held(), parked(1, due_at=due_at))[0].holding


def kinds(step: p.Transition) -> list[type[Any]]:
    """The effects, by kind."""
    return [type(effect) for effect in step.effects]


def says(step: p.Transition) -> list[tuple[int, int, str]]:
    """Attempt, number and type of what was accepted."""
    return [(one.attempt, one.event.seq, one.event.type) for one in step.accepted]
