"""Handlers of user operations: an answer comes back as Code Stream's UserOpResource, several are given at once."""

from __future__ import annotations

import re

from shared.contracts.base import Json
from shared.contracts.catalog import Act, Kind
from shared.contracts.problems import Code, Refused, refuse

from . import generic
from .call import Call, Reply

KIND = Kind.USER_OPERATIONS
MAX_AT_ONCE = 200
_WIRE_TIME = re.compile(r"(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d\.\d+)\+00")


def answer(call: Call) -> Reply:
    """Approve or reject."""
    command = Act(kind=KIND, verb="patch", body=call.body, **generic.address(call))
    return Reply(resource(call.act(command).document))


def answer_all(call: Call) -> Reply:
    """The same answer to several questions; each stands alone, and what was refused is listed."""
    ids = call.body.get("ids")
    if not isinstance(ids, list) or not ids or not all(isinstance(id, str) for id in ids):
        raise refuse(Code.INVALID, "ids must be a list of the ids of user operations.", subject="ids")
    if len(ids) > MAX_AT_ONCE:
        raise refuse(Code.INVALID, f"ids names {len(ids)} user operations; {MAX_AT_ONCE} at most.", subject="ids")
    if not call.body.get("status"):
        raise refuse(Code.INVALID, "status is required: Approved or Rejected.", subject="status")
    body = {key: call.body[key] for key in ("status", "responseMessage") if key in call.body}
    errors = []
    for id in dict.fromkeys(ids):
        try:
            call.act_as_part(Act(kind=KIND, verb="patch", id=id, body=body), id)
        except Refused as refused:
            errors.append({"id": id, "error": refused.problem.message})
    return Reply({"success": len(dict.fromkeys(ids)) - len(errors), "failure": len(errors), "errors": errors})


def resource(document: Json) -> Json:
    """A user operation as the answer to an answer has it: times in RFC 3339, the status in capitals."""
    times: Json = {
        key: _WIRE_TIME.sub(r"\1T\2Z", document[key]) for key in ("createdAt", "updatedAt") if key in document
    }
    status = document.get("status")
    return {**document, **times, **({"status": status.upper()} if isinstance(status, str) else {})}
