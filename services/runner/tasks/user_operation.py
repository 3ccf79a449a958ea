"""UserOperation: waits, without a runner, until somebody approves or rejects."""

from __future__ import annotations

from typing import Any

from services.runner.task_protocol import Done, Effect, Step, Task, TaskFailed, TaskRequest, Waiting
from shared.contracts.base import Json

LONGEST_S = 36_500 * 86_400.0
"""Who writes more means "never", and a calendar ends somewhere."""
_UNITS_S = {"DAYS": 86_400.0, "HOURS": 3_600.0, "MINUTES": 60.0}


class UserOperation(Task):
    """The ledger keeps the question and hears the answers; here is only what to ask and what an answer means."""

    name = "UserOperation"
    inline = True

    def effect(self, task_input: Json) -> Effect:
        return Effect.PURE

    def start(self, request: TaskRequest) -> Step:
        summary = request.text("summary") or f"{request.stage}.{request.task}"
        ask: Json = {
            "summary": summary,
            "description": request.text("description"),
            "approvers": _names(request.input.get("approvers")),
            "approverGroups": _names(request.input.get("approverGroups")),
            "quorum": max(1, int(request.number("quorum", 1))),
            "requestedBy": request.about.requested_by,
            "sendemail": request.flag("sendemail"),
            "endpoint": request.roles.get("emailServer", ""),
            "cancelPreviousPendingUserOp": request.flag("cancelPreviousPendingUserOp"),
        }
        due_at = request.tools.now() + min(_life_s(request), LONGEST_S)
        return Waiting("approval", f"Waits for approval: {summary}", due_at, ask)

    def answered(self, request: TaskRequest, ask: Json, answer: Json) -> Step:
        approver, comments = answer.get("respondedBy") or "somebody", str(answer.get("comments") or "")
        output = {key: value for key, value in answer.items() if key not in ("answers", "tryNumber")}
        if answer.get("status") != "Approved":
            raise TaskFailed(f"Rejected by {approver}" + (f": {comments}" if comments else "."), output)
        return Done(output, f"Approved by {approver}" + (f": {comments}" if comments else "."))


def _names(value: Any) -> list[str]:
    if isinstance(value, str):
        value = value.split(",")
    return [str(name).strip() for name in value or () if str(name).strip()]


def _life_s(request: TaskRequest) -> float:
    if request.input.get("expirationInDays"):
        return request.number("expirationInDays", 3) * _UNITS_S["DAYS"]
    unit = request.text("expirationUnit", "DAYS").upper() or "DAYS"
    if unit not in _UNITS_S:
        raise TaskFailed(f"`expirationUnit` must be DAYS, HOURS or MINUTES, not {unit}.")
    return request.number("expiration", 3) * _UNITS_S[unit]
