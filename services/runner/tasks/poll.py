"""POLL: asks an address until a condition over its answer holds."""

from __future__ import annotations

from services.runner.clients.http import TextReply, ask
from services.runner.task_protocol import Done, Effect, Running, Step, Task, TaskFailed, TaskRequest
from shared.contracts.base import Json
from shared.grammar.conditions import ConditionError, MissingValue
from shared.outbound.http import HttpClient

from .own_output import holds
from .rest import headers_of


class Poll(Task):
    """The first exit criterion that holds ends it; without any, the first answer below 400 does."""

    name = "POLL"
    interrupt_after_s = 0.0
    raw = frozenset({"exitCriteria"})

    def __init__(self, client: HttpClient) -> None:
        self._client = client

    def effect(self, task_input: Json) -> Effect:
        # It only reads, but for long: a pause or cancel that its holder has not heard of meets it at its start.
        return Effect.REPEATABLE

    def start(self, request: TaskRequest) -> Step:
        return Running({"asked": 0}, "Asking", again_after_s=0.0)

    def observe(self, request: TaskRequest, handle: Json) -> Step:
        poll_number, most = int(handle["asked"]) + 1, int(request.number("pollCount", 30))
        interval = request.number("pollIntervalSeconds", 10)
        try:
            reply = ask(self._client, "GET", request.text("url").strip(), headers=headers_of(request))
        except TaskFailed as error:
            if not request.flag("ignoreFailure"):
                raise
            reply = None
            request.tools.log(f"{poll_number}: {error.message}")
        output = {
            **(reply.output if reply else {}),
            "iterationCount": poll_number,
            "pollCount": most,
            "interval": interval,
        }
        output["processedUrl"] = request.text("url").strip()
        if reply is not None:
            request.tools.log(f"{poll_number}: answered {reply.code}")
            if ended := self._judge(request, reply, output):
                return ended
        if poll_number >= most:
            raise TaskFailed(f"After {poll_number} answers neither criterion held.", output)
        return Running({"asked": poll_number}, f"Asked {poll_number} of {most} times", again_after_s=max(interval, 0.1))

    def _judge(self, request: TaskRequest, reply: TextReply, output: Json) -> Done | None:
        criteria = request.input.get("exitCriteria") or {}
        success, failure = (str(criteria.get(key) or "").strip() for key in ("success", "failure"))
        if not reply.ok and not request.flag("ignoreFailure"):
            raise TaskFailed(f"Request failed with status code : {reply.code}", output)
        if success and self._holds(request, success, output):
            return Done(output, f"Held after {output['iterationCount']} answers: {success}")
        if failure and self._holds(request, failure, output):
            raise TaskFailed(f"The failure criterion held: {failure}", output)
        return Done(output, "Answered.") if reply.ok and not success and not failure else None

    def _holds(self, request: TaskRequest, condition: str, output: Json) -> bool:
        try:
            return holds(request, condition, "response", output)
        except ConditionError as error:
            if isinstance(error, MissingValue) and error.name.startswith("output."):
                return False  # The answer has no such field yet.
            raise TaskFailed(f"The exit criterion cannot be evaluated: {error}", output) from None
