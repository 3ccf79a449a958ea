"""Notices by e-mail: as plain text, as HTML, or as both."""

from __future__ import annotations

import re
import smtplib
from email.message import EmailMessage
from email.utils import formatdate, parseaddr
from typing import Any

from services.runner.clients import smtp
from shared.contracts.texts import one_line
from shared.outbound.cancel_scope import CancelScope
from shared.outbound.failures import explain
from shared.outbound.guard import ForbiddenAddress
from shared.outbound.http import forbidden_message

from .letters import FilledNotice, NotSent, Sent

_HTML = re.compile(r"\s*<(?:!doctype\s+html|html)\b", re.IGNORECASE)
_TAGS = re.compile(r"<(?:style|script)\b.*?(?:</(?:style|script)>|\Z)|<[^<>]*>", re.IGNORECASE | re.DOTALL)


def is_html(body: Any) -> bool:
    """Whether an author wrote the body as a page."""
    return isinstance(body, str) and _HTML.match(body) is not None


def send(letter: FilledNotice) -> Sent:
    """To all in `to` at once; once the server has taken it, it is sent, whatever becomes of the connection."""
    endpoint, to = letter.need_endpoint(), _addresses(letter.entry.get("to"))
    if not to:
        raise NotSent("The notification names nobody in `to`.")
    sender, target = endpoint.text("senderAddress"), ", ".join(to)
    host, port = smtp.place_of(endpoint)
    try:
        with (
            CancelScope(smtp.SESSION_S),
            smtp.taking_leave(smtp.connected(endpoint, letter.client.guard)) as server,
        ):
            if endpoint.text("outboundUsername"):
                server.login(endpoint.text("outboundUsername"), endpoint.text("outboundPassword"))
            refused = server.send_message(_message(letter, sender, to), sender, to)
    except smtplib.SMTPRecipientsRefused as error:
        code, reply = next(iter(error.recipients.values()))
        raise NotSent(f"{host} refuses {target}: {_said(reply)}", code=code, again=code < 500, target=target) from None
    except smtplib.SMTPResponseException as error:
        again = error.smtp_code < 500
        message = f"{host} answers {error.smtp_code}: {_said(error.smtp_error)}"
        raise NotSent(message, code=error.smtp_code, again=again, target=target) from None
    except ForbiddenAddress as error:
        raise NotSent(forbidden_message(f"{host}:{port}", error), target=target) from None
    except (smtplib.SMTPException, OSError) as error:
        raise NotSent(f"Cannot send by {host}:{port}: {_reason(error)}", again=True, target=target) from None
    left_out = f"; refused: {', '.join(refused)}" if refused else ""
    return Sent(target, 250, f"Taken by {host}{left_out}")


def _message(letter: FilledNotice, sender: str, to: list[str]) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"] = one_line(sender), ", ".join(to)
    # A header is one line, whatever an expression brought.
    message["Subject"] = one_line(letter.text("subject"))
    message["Date"] = formatdate(localtime=False)
    message["Message-ID"] = f"<{letter.notice.notice_id}@{parseaddr(sender)[1].partition('@')[2] or 'portside'}>"
    message["Auto-Submitted"] = "auto-generated"
    body, page = letter.text("body"), letter.text("html")
    if not page and is_html(body):
        body, page = _TAGS.sub("", body).strip(), body
    message.set_content(body)
    if page:
        message.add_alternative(page, subtype="html")
    return message


def _addresses(value: Any) -> list[str]:
    parts = value.replace(";", ",").split(",") if isinstance(value, str) else value if isinstance(value, list) else []
    return [address for part in parts if (address := one_line(str(part)))]


def _said(answer: bytes | str) -> str:
    text = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
    return one_line(text)


def _reason(error: BaseException) -> str:
    return str(error) if isinstance(error, smtplib.SMTPException) else explain(error)
