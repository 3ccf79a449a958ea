"""One request to a vendor's sign-in service: its clock, its refusals in its own words."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any

from shared.contracts.base import Json
from shared.grammar.json_parser import parse_json
from shared.outbound.http import HttpClient, HttpReply, OutboundAccess, OutboundError, RequestLimits
from shared.outbound.redirects import without_query
from shared.process.clock import now

from .minted import CloudProblem

LIMITS = RequestLimits(overall_s=20.0, connect_s=5.0, read_s=15.0, body_bytes=256 * 1024)
_SKEW_S = 60.0
"""A clock that is off by more may be why a vendor refuses; each of them allows five minutes or so."""
_MOST_WORDS = 600


@dataclass(frozen=True, slots=True)
class VendorRequest:
    """What is sent."""

    url: str
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    method: str = "POST"


class VendorService:
    """Asks one vendor on behalf of one endpoint. What it sends is never redirected."""

    def __init__(self, title: str, client: HttpClient, access: OutboundAccess, now: Callable[[], float] = now) -> None:
        self._title = title
        self._client = client
        self._access = access
        self._clock = now
        self._ahead_s = 0.0

    def now(self) -> float:
        """Seconds since the epoch by the vendor's clock, as far as it is known."""
        return self._clock() + self._ahead_s

    def ask(self, prepare: Callable[[float], VendorRequest], right: str) -> str:
        """The answer to a request made for a time; once more where the clocks differ. `right` is what it needs."""
        reply = self._send(prepare(self.now()))
        if reply.status in (400, 401, 403) and self._learns_time(reply):
            reply = self._send(prepare(self.now()))
        if reply.status == 200:
            return reply.text
        raise self._refused(reply, right)

    def ask_json(self, prepare: Callable[[float], VendorRequest], right: str) -> Json:
        """The same where the answer is a JSON object."""
        text = self.ask(prepare, right)
        try:
            document = parse_json(text)
        except ValueError:
            document = None
        if not isinstance(document, dict):
            raise CloudProblem("odd-answer", f"{self._title} answered without a JSON object.")
        return document

    def _send(self, request: VendorRequest) -> HttpReply:
        headers = {"Accept": "application/json", **request.headers}
        # The connection writes the host itself, just as it was signed.
        sent = {name: value for name, value in headers.items() if name.lower() != "host"}
        try:
            return self._client.request(
                request.method, request.url, headers=sent, body=request.body, limits=LIMITS, access=self._access,
                redirects=0,
            )  # fmt: skip
        except OutboundError as error:
            raise CloudProblem(error.code, error.message) from None

    def _learns_time(self, reply: HttpReply) -> bool:
        """Whether the vendor's clock shows another time than what the request was made for."""
        try:
            theirs = parsedate_to_datetime(reply.headers.get("Date", "")).timestamp()
        except (ValueError, TypeError):
            return False
        if abs(theirs - self.now()) <= _SKEW_S:
            return False
        self._ahead_s = theirs - self._clock()
        return True

    def _refused(self, reply: HttpReply, right: str) -> CloudProblem:
        code, words = vendor_words(reply.text)
        place = without_query(reply.url)
        if reply.status == 429 or reply.status >= 500:
            return CloudProblem("unavailable", f"{place} answered {reply.status}; try again later.")
        reason = ": ".join(part for part in (code, words) if part) or f"status {reply.status}"
        if any(sign in code.lower() for sign in _RIGHTS):
            return CloudProblem("no-right", f"{self._title} does not let this identity do {right}: {reason}")
        return CloudProblem("wrong-password", f"{self._title} refuses the sign-in ({right}): {reason}")


_RIGHTS = ("accessdenied", "permission_denied", "unauthorized_client", "denied")
"""What vendors call it where the identity is known and lacks the right."""


def vendor_words(body: str) -> tuple[str, str]:
    """Code and sentence of a refusal, in whichever of the vendors' shapes: JSON of three kinds, or AWS's XML."""
    try:
        document = parse_json(body)
    except ValueError:
        matches = (re.search(rf"<{tag}>([^<]*)</{tag}>", body) for tag in ("Code", "Message"))
        code_in_xml, message = (_short(match[1]) if match else "" for match in matches)
        return code_in_xml, message
    if not isinstance(document, dict):
        return "", ""
    errors = document.get("errors")
    inner: Any = errors[0] if isinstance(errors, list) and errors else document.get("error")
    table = inner if isinstance(inner, dict) else document
    code = inner if isinstance(inner, str) else _first(table, "status", "code", "__type")
    return _short(code.rpartition("#")[2]), _short(_first(table, "error_description", "message", "Message"))


def _first(table: Json, *names: str) -> str:
    return next((str(table[name]) for name in names if isinstance(table.get(name), str | int)), "")


def _short(text: str) -> str:
    return " ".join(text.split())[:_MOST_WORDS]


def text_of(document: Json, name: str, title: str) -> str:
    """A text of an answer. Raises CloudProblem where it lacks it, or could not be sent on in a header."""
    value = document.get(name)
    if not isinstance(value, str) or not value or not all("!" <= char <= "~" for char in value):
        raise CloudProblem("odd-answer", f"{title} answered without a usable {name}.")
    return value
