"""Sending what is said: e-mail, Slack, and webhooks signed in the way of https://www.standardwebhooks.com.

A notice that is sent again has the same id everywhere, so that whoever gets it twice can tell.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import smtplib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate, parseaddr
from typing import Any
from urllib.parse import urlsplit

from services.runner.clients import smtp
from services.runner.clients.errors import why
from services.runner.clients.http import Outgoing, Reply
from services.runner.clients.tls import SYSTEM, trust_of
from services.runner.engine.outputs import MAX_MESSAGE_CHARS
from services.runner.task_protocol import OpenEndpoint
from shared.contracts.base import Json
from shared.contracts.notices import Notice

_TIMEOUT_S = 15.0
_ROUGHLY = 2 * MAX_MESSAGE_CHARS


@dataclass(frozen=True, slots=True)
class Sent:
    """It was told: to whom, and what came back."""

    target: str
    code: int
    message: str


class NotSent(Exception):
    """It was not told; `again` where a later try may help."""

    def __init__(self, message: str, *, code: int = 0, again: bool = False, target: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.again = again
        self.target = target


def tell(notice: Notice, entry: Json, endpoint: OpenEndpoint | None, outgoing: Outgoing) -> Sent:
    """Send once, everything in `entry` filled in; raises `NotSent`."""
    return _kind(notice.kind).send(_Letter(notice, entry, endpoint, outgoing))


def defaults(kind: str) -> Json:
    """What is said where an entry says nothing; its references are the notifications'. Raises `NotSent`."""
    return _kind(kind).defaults


def _kind(name: str) -> _Kind:
    found = _KINDS.get(name)
    if found is None:
        raise NotSent(f"Portside sends no notifications of kind {name or 'nothing'}; use {', '.join(_KINDS)}.")
    return found


@dataclass(frozen=True, slots=True)
class _Letter:
    """A notice with everything filled in."""

    notice: Notice
    entry: Json
    endpoint: OpenEndpoint | None
    outgoing: Outgoing

    def text(self, key: str) -> str:
        value = self.entry.get(key)
        return "" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

    def need_endpoint(self) -> OpenEndpoint:
        if self.endpoint is None:
            kind = self.notice.kind
            raise NotSent(f"The notification names no endpoint: choose one of type {kind} in `endpoint`.")
        return self.endpoint


# --------------------------------------------------------------------------------------------------------------- e-mail


def _email(letter: _Letter) -> Sent:
    endpoint, to = letter.need_endpoint(), _addresses(letter.entry.get("to"))
    if not to:
        raise NotSent("The notification names nobody in `to`.")
    sender, target = endpoint.text("senderAddress"), ", ".join(to)
    host, port = smtp.place_of(endpoint)
    try:
        with smtp.connected(endpoint) as server:
            if endpoint.text("outboundUsername"):
                server.login(endpoint.text("outboundUsername"), endpoint.text("outboundPassword"))
            refused = server.send_message(_message(letter, sender, to), sender, to)
    except smtplib.SMTPRecipientsRefused as error:
        code, said = next(iter(error.recipients.values()))
        raise NotSent(f"{host} refuses {target}: {_said(said)}", code=code, again=code < 500, target=target) from None
    except smtplib.SMTPResponseException as error:
        again = error.smtp_code < 500
        message = f"{host} answers {error.smtp_code}: {_said(error.smtp_error)}"
        raise NotSent(message, code=error.smtp_code, again=again, target=target) from None
    except (smtplib.SMTPException, OSError) as error:
        raise NotSent(f"Cannot send by {host}:{port}: {_reason(error)}", again=True, target=target) from None
    left_out = f"; refused: {', '.join(refused)}" if refused else ""
    return Sent(target, 250, f"Taken by {host}{left_out}")


def _message(letter: _Letter, sender: str, to: list[str]) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"] = sender, ", ".join(to)
    # A header is one line, whatever an expression brought.
    message["Subject"] = " ".join(letter.text("subject").split())
    message["Date"] = formatdate(localtime=False)
    message["Message-ID"] = f"<{letter.notice.notice_id}@{parseaddr(sender)[1].partition('@')[2] or 'portside'}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(letter.text("body"))
    return message


def _addresses(value: Any) -> list[str]:
    parts = value.replace(";", ",").split(",") if isinstance(value, str) else value if isinstance(value, list) else []
    return [str(one).strip() for one in parts if str(one).strip()]


def _said(answer: bytes | str) -> str:
    text = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
    return " ".join(text.split())


def _reason(error: BaseException) -> str:
    return str(error) if isinstance(error, smtplib.SMTPException) else why(error)


# ------------------------------------------------------------------------------------------------------ Slack, webhooks


def _slack(letter: _Letter) -> Sent:
    endpoint = letter.need_endpoint()
    url = endpoint.text("url") or endpoint.text("webhookUrl")
    channel = letter.text("channel") or endpoint.text("channel")
    payload = {"text": letter.text("text") or letter.text("message"), **({"channel": channel} if channel else {})}
    headers = {"Content-Type": "application/json"}
    reply = letter.outgoing(
        "POST", url, headers=headers, body=json.dumps(payload), timeout_s=_TIMEOUT_S,
        trust=trust_of(endpoint.properties),
    )  # fmt: skip
    return _judged(reply, f"{urlsplit(url).hostname or ''} {channel}".strip())


def _webhook(letter: _Letter) -> Sent:
    endpoint = letter.endpoint
    url = letter.text("url") or (endpoint.text("url") if endpoint is not None else "")
    if not url:
        raise NotSent("The notification has no `url`, and no endpoint of type webhook that has one.")
    body = letter.text("payload") or _standard_payload(letter)
    headers = {"Content-Type": "application/json", **_headers(letter.entry.get("headers"))}
    if endpoint is not None and endpoint.text("token"):
        headers.setdefault("Authorization", f"Bearer {endpoint.text('token')}")
    secret = endpoint.text("secret") if endpoint is not None else ""
    headers |= signed(letter.notice.notice_id, int(time.time()), body, secret)
    method = letter.text("action").upper() or "POST"
    if method not in ("POST", "PUT", "PATCH"):
        raise NotSent(f"`action` must be post, put or patch, not {method.lower()}.")
    trust = trust_of(endpoint.properties) if endpoint is not None else SYSTEM
    reply = letter.outgoing(method, url, headers=headers, body=body, timeout_s=_TIMEOUT_S, trust=trust)
    return _judged(reply, url.partition("?")[0])


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
            raise NotSent("The signing secret begins with whsec_ but what follows is no base64.") from None
    return secret.encode()


def _standard_payload(letter: _Letter) -> str:
    about = letter.notice.about
    data = {**about, "event": letter.notice.event, "output": letter.notice.outputs}
    when = about.get("endTime") or about.get("startTime")
    return json.dumps({"type": f"execution.{letter.notice.event.lower()}", "timestamp": when, "data": data})


def _headers(value: Any) -> dict[str, str]:
    given = value if isinstance(value, Mapping) else {}
    headers = {str(name): " ".join(str(said).split()) for name, said in given.items()}
    ours = {"webhook-id", "webhook-timestamp", "webhook-signature"}
    return {name: said for name, said in headers.items() if name.lower() not in ours}


def _judged(reply: Reply, target: str) -> Sent:
    # Roughly: it is cut where it is masked, since in half a secret nobody would know it.
    said = " ".join(reply.body[:_ROUGHLY].split())
    if 200 <= reply.code < 300:
        return Sent(target, reply.code, said or "ok")
    # Whoever is overloaded or half down may take it later; whoever refuses it now will refuse it then.
    again = reply.code in (408, 425, 429) or reply.code >= 500
    raise NotSent(f"{target} answers {reply.code}: {said}", code=reply.code, again=again, target=target)


@dataclass(frozen=True, slots=True)
class _Kind:
    send: Callable[[_Letter], Sent]
    defaults: Json


_TEXT = "${name} #${executionIndex}: ${status}\n${statusMessage}\n${executionUrl}"
_KINDS = {
    "email": _Kind(_email, {"subject": "${name} #${executionIndex}: ${status}", "body": _TEXT}),
    "slack": _Kind(_slack, {"text": _TEXT}),
    "webhook": _Kind(_webhook, {}),
}
