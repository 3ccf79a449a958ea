"""A notice with everything filled in, on its way out, and how it went."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from services.runner.clients.http import TextReply, access_of, ask
from services.runner.engine.outputs import MAX_MESSAGE_CHARS
from services.runner.task_protocol import OpenEndpoint
from shared.contracts.base import Json
from shared.contracts.notices import Notice
from shared.contracts.texts import one_line
from shared.grammar.json_parser import parse_json
from shared.outbound.http import HttpClient
from shared.process.addresses import parts_of

TIMEOUT_S = 15.0
_ROUGHLY = 2 * MAX_MESSAGE_CHARS


@dataclass(frozen=True, slots=True)
class Sent:
    """It was sent: to whom, and what came back."""

    target: str
    code: int
    message: str


class NotSent(Exception):
    """It was not sent; `again` where a later try may help."""

    def __init__(self, message: str, *, code: int = 0, again: bool = False, target: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.again = again
        self.target = target


@dataclass(frozen=True, slots=True)
class FilledNotice:
    """A notice with everything filled in."""

    notice: Notice
    entry: Json
    endpoint: OpenEndpoint | None
    client: HttpClient

    def text(self, key: str) -> str:
        """A field as text; absent and null are blank."""
        value = self.entry.get(key)
        return "" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

    def fact(self, name: str) -> str:
        """A fact about the run as text; blank where it is not known."""
        value = self.notice.about.get(name)
        return "" if value is None else str(value)

    def need_endpoint(self) -> OpenEndpoint:
        """The endpoint. Raises NotSent where there is none."""
        if self.endpoint is None:
            kind = self.notice.kind
            raise NotSent(f"The notification names no endpoint: choose one of type {kind} in `endpoint`.")
        return self.endpoint

    def own_payload(self) -> Json | None:
        """The JSON object that its author gives in place of ours. Raises NotSent where it is none."""
        payload = self.entry.get("payload")
        if payload in (None, ""):
            return None
        if isinstance(payload, str):
            try:
                payload = parse_json(payload)
            except ValueError:
                payload = None
        if not isinstance(payload, dict):
            raise NotSent("`payload` is not a JSON object.")
        return payload


def posted(letter: FilledNotice, url: str, body: Any) -> TextReply:
    """Post JSON with the endpoint's trust."""
    headers = {"Content-Type": "application/json"}
    return ask(
        letter.client, "POST", url, headers=headers, body=json.dumps(body), timeout_s=TIMEOUT_S,
        access=access_of(letter.need_endpoint()),
    )  # fmt: skip


def judged(reply: TextReply, target: str) -> Sent:
    """What an answer means. Raises NotSent for all but success."""
    # Roughly: it is cut where it is masked, since in half a secret nobody would know it.
    line = one_line(reply.body[:_ROUGHLY])
    if 200 <= reply.code < 300:
        return Sent(target, reply.code, line or "ok")
    # A server that is overloaded or half down may take it later; one that refuses it now will refuse it then.
    again = reply.code in (408, 425, 429) or reply.code >= 500
    raise NotSent(f"{target} answers {reply.code}: {line}", code=reply.code, again=again, target=target)


def host_of(url: str) -> str:
    """The server of an address whose path may hold a secret."""
    return parts_of(url).hostname or ""


def cut(text: str, most: int) -> str:
    """At most this many characters."""
    return text if len(text) <= most else text[: most - 1] + "…"
