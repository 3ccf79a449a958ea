"""Condition: the run continues only when it holds."""

from __future__ import annotations

from services.runner.task_protocol import Done, Effect, Step, Task, TaskFailed, TaskRequest
from shared.contracts.base import Json
from shared.grammar.conditions import ConditionError
from shared.grammar.resolving import Unresolved


class Condition(Task):
    """Fails when its condition is false."""

    name = "Condition"
    raw = frozenset({"condition"})
    inline = True

    def effect(self, task_input: Json) -> Effect:
        return Effect.PURE

    def start(self, request: TaskRequest) -> Step:
        condition = request.text("condition")
        try:
            holds = request.tools.evaluate(condition)
        except (ConditionError, Unresolved) as error:
            raise TaskFailed(f"The condition cannot be evaluated: {error}") from None
        if not holds:
            raise TaskFailed(f"The condition is false: {condition}")
        return Done({"result": True}, "The condition holds.")
