"""A task type of one's own: waits until somebody is at work. Install it beside Portside, for every process."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, ClassVar

from services.runner.task_protocol import Done, Effect, Running, Step, Task, TaskFailed, TaskRequest


class BusinessHours(Task):
    """Completes at once between `from` and `to` (hours, UTC) from Monday to Friday, else when that time comes."""

    name = "BusinessHours"
    schema: ClassVar[dict[str, Any]] = {
        "title": "Business hours",
        "description": "Waits until somebody is at work.",
        "type": "object",
        "properties": {
            "from": {"type": ["integer", "string"], "title": "From (hour, UTC)", "default": 8},
            "to": {"type": ["integer", "string"], "title": "To (hour, UTC)", "default": 16},
        },
    }

    def effect(self, given: dict[str, Any]) -> Effect:
        return Effect.PURE

    def start(self, asked: TaskRequest) -> Step:
        if not 0 <= asked.number("from", 8) < asked.number("to", 16) <= 24:
            raise TaskFailed("`from` must be an hour before `to`.")
        return self.observe(asked, {})

    def observe(self, asked: TaskRequest, handle: dict[str, Any]) -> Step:
        now = datetime.fromtimestamp(asked.tools.now(), UTC)
        if now.weekday() < 5 and asked.number("from", 8) <= now.hour < asked.number("to", 16):
            asked.tools.log(f"Somebody is at work: it is {now:%A, %H:%M} UTC.")
            return Done({"hour": now.hour, "weekday": f"{now:%A}"}, "Somebody is at work.")
        return Running({"since": handle.get("since") or asked.tools.now()}, "Nobody is at work.", again_after_s=60)
