"""Log: writes its message; for examples, and for measuring the engine alone."""

from __future__ import annotations

from services.runner.task_protocol import Done, Effect, Step, Task, TaskRequest
from shared.contracts.base import Json


class Log(Task):
    """Prints and is done."""

    name = "Log"
    inline = True

    def effect(self, task_input: Json) -> Effect:
        return Effect.PURE

    def start(self, request: TaskRequest) -> Step:
        message = request.text("message")
        if message:
            request.tools.log(message)
        return Done({"message": message} if message else {})
