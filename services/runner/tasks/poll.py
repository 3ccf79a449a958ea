"""POLL: asks an address until a condition over its answer holds."""

from __future__ import annotations

from services.runner.clients.http import TextReply, ask
from services.runner.task_protocol import Asked, Done, Effect, Running, Step, Task, TaskFailed
from shared.contracts.base import Json
from shared.grammar.conditions import ConditionError
from shared.grammar.resolving import Unresolved
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

    def effect(self, given: Json) -> Effect:
        # It only reads, but goes on for long: a pause or cancel that its holder has not heard of meets it at its start.
        return Effect.REPEATABLE

    def start(self, asked: Asked) -> Step:
        return Running({"asked": 0}, "Asking", again_after_s=0.0)

    def observe(self, asked: Asked, handle: Json) -> Step:
        number, most = int(handle["asked"]) + 1, int(asked.number("pollCount", 30))
        interval = asked.number("pollIntervalSeconds", 10)
        try:
            reply = ask(self._client, "GET", asked.text("url").strip(), headers=headers_of(asked))
        except TaskFailed as error:
            if not asked.flag("ignoreFailure"):
                raise
            reply = None
            asked.tools.log(f"{number}: {error.message}")
        output = {**(reply.output if reply else {}), "iterationCount": number, "pollCount": most, "interval": interval}
        output["processedUrl"] = asked.text("url").strip()
        if reply is not None:
            asked.tools.log(f"{number}: answered {reply.code}")
            if ended := self._judge(asked, reply, output):
                return ended
        if number >= most:
            raise TaskFailed(f"After {number} answers neither criterion held.", output)
        return Running({"asked": number}, f"Asked {number} of {most} times", again_after_s=max(interval, 0.1))

    def _judge(self, asked: Asked, reply: TextReply, output: Json) -> Done | None:
        criteria = asked.input.get("exitCriteria") or {}
        success, failure = (str(criteria.get(key) or "").strip() for key in ("success", "failure"))
        if not reply.ok and not asked.flag("ignoreFailure"):
            raise TaskFailed(f"Request failed with status code : {reply.code}", output)
        if success and self._holds(asked, success, output):
            return Done(output, f"Held after {output['iterationCount']} answers: {success}")
        if failure and self._holds(asked, failure, output):
            raise TaskFailed(f"The failure criterion held: {failure}", output)
        return Done(output, "Answered.") if reply.ok and not success and not failure else None

    def _holds(self, asked: Asked, condition: str, output: Json) -> bool:
        try:
            return holds(asked, condition, "response", output)
        except Unresolved:
            return False  # the answer has no such field yet
        except ConditionError as error:
            raise TaskFailed(f"The exit criterion cannot be evaluated: {error}", output) from None
