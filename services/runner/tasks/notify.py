"""Notify: tells people or a program something in the middle of a run, in the ways of notifications."""

from __future__ import annotations

from collections.abc import Mapping

from services.runner.notifications.channels import NotSent, send, writers
from services.runner.task_protocol import Done, Effect, Running, Step, Task, TaskFailed, TaskRequest
from shared.contracts.base import Json
from shared.contracts.notices import Notice
from shared.grammar.resolving import Writer
from shared.outbound.http import HttpClient

_TRIES = 3
_AGAIN_AFTER_S = 5.0


class Notify(Task):
    """A message that is sent twice has the same id, by which the recipient can tell."""

    name = "Notify"

    def __init__(self, client: HttpClient) -> None:
        self._client = client

    def effect(self, task_input: Json) -> Effect:
        return Effect.KEYED

    def writers(self, unresolved: Json, task_input: Json, endpoint_types: Mapping[str, str]) -> Mapping[str, Writer]:
        return writers(_kind(task_input, endpoint_types.get("notify", "")), unresolved)

    def start(self, request: TaskRequest) -> Step:
        return self._send(request, 1)

    def observe(self, request: TaskRequest, handle: Json) -> Step:
        return self._send(request, int(handle["tried"]) + 1)

    def _send(self, request: TaskRequest, try_number: int) -> Step:
        endpoint = request.endpoint("notify") if request.roles.get("notify") else None
        kind = _kind(request.input, endpoint.type if endpoint is not None else "")
        try:
            sent = send(
                _notice(request, kind), {**_defaults(request, kind), **_written(request.input)}, endpoint, self._client
            )
        except NotSent as failed:
            if not failed.again or try_number >= _TRIES:
                raise TaskFailed(failed.message, {"target": failed.target, "code": failed.code}) from None
            request.tools.log(f"{failed.message} Trying again.")
            wait_s = _AGAIN_AFTER_S * try_number
            return Running({"tried": try_number}, failed.message, again_after_s=wait_s, effect_next=True)
        return Done({"target": sent.target, "code": sent.code, "message": sent.message}, f"Told {sent.target}.")


def _kind(fields: Json, endpoint_type: str) -> str:
    return str(fields.get("kind") or "").strip().lower() or endpoint_type


def _written(fields: Json) -> Json:
    return {key: value for key, value in fields.items() if value not in (None, "")}


def _defaults(request: TaskRequest, kind: str) -> Json:
    """What is said where the task says nothing."""
    title = f"{request.about.pipeline} #{request.about.index}: {request.stage}.{request.task}"
    if (write := writers(kind, {}).get("text")) is not None:
        title = write("", title)
    text = f"{title}\n{request.about.execution_url}".strip()
    texts = {"subject": title, "body": text, "title": title, "summary": title}
    return {**texts, "text": text} if kind == "slack" else texts


def _notice(request: TaskRequest, kind: str) -> Notice:
    about = {
        "name": request.about.pipeline,
        "executionIndex": request.about.index,
        "executionId": request.about.execution_id,
        "executionUrl": request.about.execution_url,
        "project": request.about.project,
        "stageName": request.stage,
        "taskName": request.task,
    }
    key = request.key
    return Notice(
        notice_id=key, execution_id=request.about.execution_id, kind=kind, event="NOTIFY", entry={}, about=about
    )
