"""Sending what is said: to mail servers, chats, PagerDuty, and webhooks signed in the way of
https://www.standardwebhooks.com.

A notice that is sent again has the same id everywhere, so that a recipient of both can tell.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from services.runner.clients.http import access_of, ask
from services.runner.task_protocol import OpenEndpoint
from shared.contracts.base import Json
from shared.contracts.notices import Notice
from shared.grammar.resolving import Writer
from shared.outbound.http import PUBLIC, HttpClient
from shared.process import clock

from . import chat, escaping, mail, pagerduty
from .letters import TIMEOUT_S, FilledNotice, NotSent, Sent, judged

__all__ = ["NotSent", "Sent", "defaults", "send", "signed", "writers"]


def send(notice: Notice, entry: Json, endpoint: OpenEndpoint | None, client: HttpClient) -> Sent:
    """Send once, everything in `entry` filled in; raises `NotSent`."""
    return _kind(notice.kind).send(FilledNotice(notice, entry, endpoint, client))


def defaults(kind: str) -> Json:
    """What is said where an entry says nothing; its references are the notifications'. Raises `NotSent`."""
    return _kind(kind).defaults


def writers(kind: str, entry: Json) -> Mapping[str, Writer]:
    """How values are written into the fields of an entry that its author wrote; the rest take them as they are."""
    notification_kind = _KINDS.get(kind)
    writers_of_kind = notification_kind.writers if notification_kind is not None else {}
    return (
        {**writers_of_kind, "body": escaping.in_html}
        if kind == "email" and mail.is_html(entry.get("body"))
        else writers_of_kind
    )


def _kind(name: str) -> _Kind:
    notification_kind = _KINDS.get(name)
    if notification_kind is None:
        raise NotSent(f"Portside sends no notifications of kind {name or 'nothing'}; use {', '.join(_KINDS)}.")
    return notification_kind


def _webhook(letter: FilledNotice) -> Sent:
    endpoint = letter.endpoint
    url = letter.text("url") or (endpoint.text("url") if endpoint is not None else "")
    if not url:
        raise NotSent("The notification has no `url`, and no endpoint of type webhook that has one.")
    body = letter.text("payload") or _standard_payload(letter)
    headers = {"Content-Type": "application/json", **_headers(letter.entry.get("headers"))}
    if endpoint is not None and endpoint.text("token"):
        headers.setdefault("Authorization", f"Bearer {endpoint.text('token')}")
    secret = endpoint.text("secret") if endpoint is not None else ""
    headers |= signed(letter.notice.notice_id, int(clock.now()), body, secret)
    method = letter.text("action").upper() or "POST"
    if method not in ("POST", "PUT", "PATCH"):
        raise NotSent(f"`action` must be post, put or patch, not {method.lower()}.")
    access = access_of(endpoint) if endpoint is not None else PUBLIC
    reply = ask(letter.client, method, url, headers=headers, body=body, timeout_s=TIMEOUT_S, access=access)
    return judged(reply, url.partition("?")[0])


def signed(message_id: str, timestamp: int, body: str, secret: str) -> dict[str, str]:
    """The headers of Standard Webhooks; without a secret there is no signature."""
    headers = {"webhook-id": message_id, "webhook-timestamp": str(timestamp)}
    if secret:
        content = f"{message_id}.{timestamp}.{body}".encode()
        digest = hmac.new(_key(secret), content, hashlib.sha256).digest()
        headers["webhook-signature"] = f"v1,{base64.b64encode(digest).decode()}"
    return headers


def _key(secret: str) -> bytes:
    """`whsec_` and base64, as the standard writes secrets; any other text is the key itself."""
    if secret.startswith("whsec_"):
        try:
            return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        except ValueError:
            raise NotSent("The signing secret begins with whsec_ but what follows is not base64.") from None
    return secret.encode()


def _standard_payload(letter: FilledNotice) -> str:
    about = letter.notice.about
    data = {**about, "event": letter.notice.event, "output": letter.notice.outputs}
    when = about.get("endTime") or about.get("startTime")
    return json.dumps({"type": f"execution.{letter.notice.event.lower()}", "timestamp": when, "data": data})


def _headers(value: Any) -> dict[str, str]:
    table = value if isinstance(value, Mapping) else {}
    headers = {str(name): " ".join(str(text).split()) for name, text in table.items()}
    ours = {"webhook-id", "webhook-timestamp", "webhook-signature"}
    return {name: text for name, text in headers.items() if name.lower() not in ours}


@dataclass(frozen=True, slots=True)
class _Kind:
    send: Callable[[FilledNotice], Sent]
    defaults: Json
    writers: Mapping[str, Writer] = field(default_factory=dict)


_TITLE = "${name} #${executionIndex}: ${status}"
_TEXT = f"{_TITLE}\n${{statusMessage}}\n${{executionUrl}}"
_TITLED = {"title": _TITLE, "text": "${statusMessage}"}
_KINDS = {
    "email": _Kind(mail.send, {"subject": _TITLE, "body": _TEXT}, {"html": escaping.in_html}),
    "slack": _Kind(chat.slack, {"text": _TEXT}, dict.fromkeys(("text", "message"), escaping.slack)),
    "webhook": _Kind(_webhook, {}, {"url": escaping.url}),
    "teams": _Kind(chat.teams, _TITLED, dict.fromkeys(("title", "text"), escaping.card)),
    "discord": _Kind(chat.discord, _TITLED, dict.fromkeys(("title", "text", "content"), escaping.discord)),
    "pagerduty": _Kind(pagerduty.send, {"summary": f"{_TITLE} ${{statusMessage}}"}),
}
