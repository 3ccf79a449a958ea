"""UserOperation: waits, without a runner, until somebody approves or rejects."""

from __future__ import annotations

from typing import Any

from services.runner.task_protocol import Asked, Done, Effect, Step, Task, TaskFailed, Waiting
from shared.contracts.base import Json

LONGEST_S = 36_500 * 86_400.0
"""Who writes more means "never", and a calendar ends somewhere."""
_UNITS_S = {"DAYS": 86_400.0, "HOURS": 3_600.0, "MINUTES": 60.0}


class UserOperation(Task):
    """The ledger keeps the question and hears the answers; here is only what to ask and what an answer means."""

    name = "UserOperation"
    inline = True

    def effect(self, given: Json) -> Effect:
        return Effect.PURE

    def start(self, asked: Asked) -> Step:
        summary = asked.text("summary") or f"{asked.stage}.{asked.task}"
        ask: Json = {
            "summary": summary,
            "description": asked.text("description"),
            "approvers": _names(asked.input.get("approvers")),
            "approverGroups": _names(asked.input.get("approverGroups")),
            "quorum": max(1, int(asked.number("quorum", 1))),
            "requestedBy": asked.about.requested_by,
            "sendemail": asked.flag("sendemail"),
            "endpoint": asked.roles.get("emailServer", ""),
            "cancelPreviousPendingUserOp": asked.flag("cancelPreviousPendingUserOp"),
        }
        due_at = asked.tools.now() + min(_life_s(asked), LONGEST_S)
        return Waiting("approval", f"Waits for approval: {summary}", due_at, ask)

    def answered(self, asked: Asked, ask: Json, answer: Json) -> Step:
        who, said = answer.get("respondedBy") or "somebody", str(answer.get("comments") or "")
        output = {key: value for key, value in answer.items() if key not in ("answers", "tryNumber")}
        if answer.get("status") != "Approved":
            raise TaskFailed(f"Rejected by {who}" + (f": {said}" if said else "."), output)
        return Done(output, f"Approved by {who}" + (f": {said}" if said else "."))


def _names(value: Any) -> list[str]:
    if isinstance(value, str):
        value = value.split(",")
    return [str(one).strip() for one in value or () if str(one).strip()]


def _life_s(asked: Asked) -> float:
    if asked.input.get("expirationInDays"):
        return asked.number("expirationInDays", 3) * _UNITS_S["DAYS"]
    unit = asked.text("expirationUnit", "DAYS").upper() or "DAYS"
    if unit not in _UNITS_S:
        raise TaskFailed(f"`expirationUnit` must be DAYS, HOURS or MINUTES, not {unit}.")
    return asked.number("expiration", 3) * _UNITS_S[unit]
