"""Notify: tells people or a program something in the middle of a run, in the ways of notifications."""

from __future__ import annotations

from collections.abc import Mapping

from services.runner.notifications.channels import NotSent, tell, writers
from services.runner.task_protocol import Asked, Done, Effect, Running, Step, Task, TaskFailed
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

    def effect(self, given: Json) -> Effect:
        return Effect.KEYED

    def writers(self, written: Json, given: Json, endpoint_types: Mapping[str, str]) -> Mapping[str, Writer]:
        return writers(_kind(given, endpoint_types.get("notify", "")), written)

    def start(self, asked: Asked) -> Step:
        return self._send(asked, 1)

    def observe(self, asked: Asked, handle: Json) -> Step:
        return self._send(asked, int(handle["tried"]) + 1)

    def _send(self, asked: Asked, number: int) -> Step:
        endpoint = asked.endpoint("notify") if asked.roles.get("notify") else None
        kind = _kind(asked.input, endpoint.type if endpoint is not None else "")
        try:
            sent = tell(
                _notice(asked, kind), {**_defaults(asked, kind), **_written(asked.input)}, endpoint, self._client
            )
        except NotSent as failed:
            if not failed.again or number >= _TRIES:
                raise TaskFailed(failed.message, {"target": failed.target, "code": failed.code}) from None
            asked.tools.log(f"{failed.message} Trying again.")
            wait_s = _AGAIN_AFTER_S * number
            return Running({"tried": number}, failed.message, again_after_s=wait_s, effect_next=True)
        return Done({"target": sent.target, "code": sent.code, "message": sent.message}, f"Told {sent.target}.")


def _kind(given: Json, endpoint_type: str) -> str:
    return str(given.get("kind") or "").strip().lower() or endpoint_type


def _written(given: Json) -> Json:
    return {key: value for key, value in given.items() if value not in (None, "")}


def _defaults(asked: Asked, kind: str) -> Json:
    """What is said where the task says nothing."""
    title = f"{asked.about.pipeline} #{asked.about.index}: {asked.stage}.{asked.task}"
    if (write := writers(kind, {}).get("text")) is not None:
        title = write("", title)
    text = f"{title}\n{asked.about.execution_url}".strip()
    said = {"subject": title, "body": text, "title": title, "summary": title}
    return {**said, "text": text} if kind == "slack" else said


def _notice(asked: Asked, kind: str) -> Notice:
    about = {
        "name": asked.about.pipeline,
        "executionIndex": asked.about.index,
        "executionId": asked.about.execution_id,
        "executionUrl": asked.about.execution_url,
        "project": asked.about.project,
        "stageName": asked.stage,
        "taskName": asked.task,
    }
    key = asked.key
    return Notice(
        notice_id=key, execution_id=asked.about.execution_id, kind=kind, event="NOTIFY", entry={}, about=about
    )
