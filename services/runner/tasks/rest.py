"""REST: one HTTP request."""

from __future__ import annotations

import json
from typing import Any

from services.runner.clients.http import ask
from services.runner.task_protocol import Done, Effect, Step, Task, TaskFailed, TaskRequest, is_true
from shared.contracts.base import Json
from shared.grammar.json_parser import parse_json
from shared.outbound.http import HttpClient

_PROMISED = {
    "GET": Effect.PURE,
    "HEAD": Effect.PURE,
    "OPTIONS": Effect.PURE,
    "PUT": Effect.REPEATABLE,
    "DELETE": Effect.REPEATABLE,
}
"""HTTP's own promises (RFC 9110): safe methods only read (9.2.1), idempotent ones may be repeated (9.2.2)."""


class RestTask(Task):
    """An answer of 400 and above fails the task."""

    name = "REST"
    interrupt_after_s = 0.0

    def __init__(self, client: HttpClient) -> None:
        self._client = client

    def effect(self, task_input: Json) -> Effect:
        """The author's word, else HTTP's: a GET that starts a build changes something, and its author says so."""
        word = task_input.get("repeatable")
        if word is None or word == "":
            return _PROMISED.get(_method(task_input), Effect.ONCE)
        return Effect.REPEATABLE if is_true(word) else Effect.ONCE

    def start(self, request: TaskRequest) -> Step:
        method = _method(request.input)
        url = request.text("url").strip()
        headers = headers_of(request)
        body, kind = _payload(request.input.get("payload"))
        if body is not None and kind and not any(name.lower() == "content-type" for name in headers):
            headers["Content-Type"] = kind
        if method not in _PROMISED:
            headers.setdefault("Idempotency-Key", request.key)
        request.tools.log(f"{method} {url.partition('?')[0]}")
        reply = ask(self._client, method, url, headers=headers, body=body, timeout_s=request.number("timeout", 60))
        request.tools.log(f"answered {reply.code}")
        if not reply.ok:
            raise TaskFailed(f"Request failed with status code : {reply.code}", reply.output)
        return Done(reply.output, f"Answered {reply.code}.")


def _method(fields: Json) -> str:
    return str(fields.get("action") or "get").upper()


def headers_of(request: TaskRequest) -> dict[str, str]:
    """The request's headers as text, with the task's span where the author names none and there is one."""
    headers = {str(name): str(value) for name, value in request.table("headers").items() if value is not None}
    if request.traceparent and not any(name.lower() == "traceparent" for name in headers):
        headers["traceparent"] = request.traceparent
    return headers


def _payload(value: Any) -> tuple[str | None, str]:
    if value is None or value == "":
        return None, ""
    if isinstance(value, str):
        try:
            parse_json(value)
        except ValueError:
            return value, "text/plain; charset=utf-8"
        return value, "application/json"
    return json.dumps(value, ensure_ascii=False), "application/json"
