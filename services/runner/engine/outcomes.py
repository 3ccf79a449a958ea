"""How a task ended, in words, from what its type's call brought back."""

from __future__ import annotations

from typing import Any

from services.runner.task_protocol import Done, TaskFailed
from shared.contracts import history as h
from shared.contracts.base import Json
from shared.process.logging import get_logger

from .active_task import ActiveTask

log = get_logger()


def outcome(step: Any, live: ActiveTask) -> tuple[h.Status, str, Json]:
    """How a task ended; what nobody foresaw is logged in full and told in one sentence."""
    if isinstance(step, Done):
        return step.status, step.message, step.output
    if isinstance(step, TaskFailed):
        return h.Status.FAILED, step.message, step.output
    if step is None and live.ending is not None:
        return live.ending[0], live.ending[1], {}
    if isinstance(step, BaseException):
        log.error("task.crashed", task=f"{live.stage}.{live.task}", type=live.plan.type, exc_info=step)
        return h.Status.FAILED, _crash(live, step), {}
    return h.Status.FAILED, f"The {live.plan.type} task returned {type(step).__name__} instead of a step.", {}


def _crash(live: ActiveTask, error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    detail = f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
    return f"The {live.plan.type} task failed unexpectedly ({detail}); see the runner's log."


def complaint(answer: Any) -> str:
    """What to add when a cancelled task's outside work could not be ended; empty when it could."""
    if isinstance(answer, TaskFailed):
        return f"What it had started could not be ended: {answer.message}"
    if isinstance(answer, BaseException):
        log.error("cancel.crashed", exc_info=answer)
        return f"What it had started could not be ended ({type(answer).__name__})."
    return ""
