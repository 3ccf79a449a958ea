"""What release 0.1 asks in another form: read until 0.3, and sent to a config that reads no other."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import ValidationError

from .catalog import Act, Document, Kind
from .problems import Code, refuse
from .runs import NestedStarted, StartNested

_PARENT = "_parent"
_INPUT = "input."


def nested_as_act(ask: StartNested) -> Act:
    """`run.start-nested` as the `catalog.act` that config 0.1 knows."""
    body = {
        "executionId": ask.execution_id,
        "input": ask.inputs,
        "comments": ask.comments,
        _PARENT: {
            "executionId": ask.parent,
            "stage": ask.stage,
            "task": ask.task,
            "requestedBy": ask.requested_by,
        },
    }
    boxes = {f"{_INPUT}{name}": box for name, box in ask.sealed_inputs.items()}
    return Act(kind=Kind.PIPELINES, verb="execute", project=ask.project, name=ask.pipeline, body=body, sealed=boxes)


def nested_of_act(act: Act) -> StartNested | None:
    """The nested run that a runner 0.1 asks for; None for any other act. Raises `Refused` for one that lacks a part."""
    parent = act.body.get(_PARENT)
    if act.kind is not Kind.PIPELINES or act.verb != "execute" or not isinstance(parent, Mapping):
        return None
    try:
        return StartNested.model_validate(
            {
                "execution_id": act.body.get("executionId"),
                "project": act.project,
                "pipeline": act.name,
                "inputs": act.body.get("input") or {},
                "sealed_inputs": {path.removeprefix(_INPUT): box for path, box in act.sealed.items()},
                "comments": act.body.get("comments") or "",
                "parent": parent.get("executionId"),
                "stage": parent.get("stage"),
                "task": parent.get("task"),
                "requested_by": parent.get("requestedBy") or "",
            }
        )
    except ValidationError as error:
        flaw = error.errors()[0]
        raise refuse(Code.INVALID, f"The nested run cannot be read: {flaw['loc'][0]}: {flaw['msg']}") from error


def nested_answer(document: Document) -> NestedStarted:
    """What config 0.1 answers."""
    return NestedStarted.model_validate(
        {
            "execution_id": document.document.get("executionId"),
            "execution_index": document.document.get("executionIndex"),
        }
    )
