"""REST: one HTTP request."""

from __future__ import annotations

import json
from typing import Any

from shared.contracts.base import Json

from .outgoing import Outgoing
from .protocol import Asked, Done, Effect, Step, Task, TaskFailed, is_true

_HARMLESS = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
"""HTTP itself promises that repeating these is the same as once."""


class Rest(Task):
    """An answer of 400 and above fails the task."""

    name = "REST"

    def __init__(self, outgoing: Outgoing) -> None:
        self._outgoing = outgoing

    def effect(self, given: Json) -> Effect:
        harmless = str(given.get("action") or "get").upper() in _HARMLESS or is_true(given.get("repeatable"))
        return Effect.REPEATABLE if harmless else Effect.ONCE

    def start(self, asked: Asked) -> Step:
        method = asked.text("action", "get").upper() or "GET"
        url = asked.text("url").strip()
        headers = headers_of(asked)
        body, kind = _payload(asked.input.get("payload"))
        if body is not None and kind and not any(name.lower() == "content-type" for name in headers):
            headers["Content-Type"] = kind
        if method not in _HARMLESS:
            headers.setdefault("Idempotency-Key", asked.key)
        asked.tools.log(f"{method} {url.partition('?')[0]}")
        reply = self._outgoing(method, url, headers=headers, body=body, timeout_s=asked.number("timeout", 60))
        asked.tools.log(f"answered {reply.code}")
        if not reply.ok:
            raise TaskFailed(f"Request failed with status code : {reply.code}", reply.output)
        return Done(reply.output, f"Answered {reply.code}.")


def headers_of(asked: Asked) -> dict[str, str]:
    """The request's headers as text."""
    return {str(name): str(value) for name, value in asked.table("headers").items() if value is not None}


def _payload(value: Any) -> tuple[str | None, str]:
    if value is None or value == "":
        return None, ""
    if isinstance(value, str):
        try:
            json.loads(value)
        except ValueError:
            return value, "text/plain; charset=utf-8"
        return value, "application/json"
    return json.dumps(value, ensure_ascii=False), "application/json"
