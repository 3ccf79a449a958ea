"""The address that registries post to, as one WSGI callable.

Order: method, token, size, JSON, shape, a place from which nothing gets lost, 202. Whatever is wrong with a token has
one answer, so that nobody learns which ones exist.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from services.gateway.metrics import HOOK_ACK, HOOKS
from services.gateway.request_bodies import BodyTooLarge, BodyUnreadable, decoded, read_body
from shared.contracts.base import Json
from shared.contracts.pushes import BodySignature, HookReceived, Push, TokenEntry
from shared.contracts.topics import HOOK_IN_BULK, HOOK_RECEIVED, Topic
from shared.process.addresses import Network, is_let_in
from shared.process.clock import monotonic, now
from shared.process.ids import new_id
from shared.process.logging import get_logger
from shared.process.secrets import token_hash

from . import allowlist, signatures
from .addresses import client_address
from .allowlist_cache import AllowlistCache, CannotAsk
from .headers import sent_delivery_id, sent_token
from .hook_span import hook_span
from .intake import Intake
from .limits import Limiter
from .parsers.recognition import read_push
from .parsers.values import ParsedPayload
from .rates import Rates
from .reading import Unreadable, read_json
from .spool import SpoolFull
from .trimming import clean_text, trim

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

MAX_BODY = 1024 * 1024
MAX_TOKEN = 512
HUB_PATH = "/pipelines/api/docker-hub-webhooks"
LISTENERS = ("/pipeline/api/registry-webhook-listeners/", "/codestream/api/registry-webhook-listeners/")

TEST_HEADER = "HTTP_X_PORTSIDE_TEST"
"""With it a delivery is judged and starts nothing."""
_PREFIXES = (HUB_PATH, *LISTENERS)
_PROVIDER = "portside.provider"
"""Where a request keeps the provider of its webhook, one of a fixed list, for metrics."""

_STATUS = {
    202: "202 Accepted",
    400: "400 Bad Request",
    403: "403 Forbidden",
    405: "405 Method Not Allowed",
    413: "413 Content Too Large",
    415: "415 Unsupported Media Type",
    429: "429 Too Many Requests",
    503: "503 Service Unavailable",
}
_FORBIDDEN = "Invalid token. Copy the hook URL from the webhook's page."
_PURPOSE = "Registries send push notifications here; only POST is supported."


class HookAnswer(Exception):
    """The end of a request, from anywhere within it."""

    def __init__(self, status: int, body: Json, *headers: tuple[str, str]) -> None:
        super().__init__(status)
        self.status = status
        self.body = body
        self.headers = headers


def _problem(status: int, code: str, message: str, *headers: tuple[str, str], **more: Any) -> HookAnswer:
    body = {"status": status, "error": _STATUS[status][4:], "code": code, "message": message, **more}
    return HookAnswer(status, body, *headers)


def is_hook(path: str) -> bool:
    """Does this path belong to the receiver?"""
    return path.startswith(_PREFIXES)


def hook_route(path: str) -> str:
    """The pattern of a receiver's path, without the webhook's id."""
    return next((f"{prefix}{{id}}" for prefix in LISTENERS if path.startswith(prefix)), HUB_PATH)


def _check_network(entry: TokenEntry, address: str) -> None:
    """Whether the webhook takes calls from this address. Ends the request with 403."""
    if not is_let_in(address, entry.networks):
        message = f"This webhook does not accept calls from {address}; see its source networks."
        raise _problem(403, "forbidden", message, subject="sourceNetworks")


def _check_signature(entry: TokenEntry, signature: BodySignature) -> None:
    """Whether the body is signed as the webhook demands it. Ends the request with 403."""
    if not signature.is_accepted(demanded=entry.signed):
        why = "does not match the body" if signature is BodySignature.WRONG else "is missing"
        message = f"The signature {why}. The registry must sign with this webhook's secure token."
        raise _problem(403, "forbidden", message, subject="signed")


def _identified(pushes: tuple[Push, ...], delivery_id: str | None) -> tuple[Push, ...]:
    """Each push with the sender's id, its own or the body's; pushes of one body that share one are told apart."""
    if delivery_id is None and len(pushes) < 2:
        return pushes
    used: set[str] = set()
    named = []
    for place, push in enumerate(pushes):
        own = push.provider_delivery_id or delivery_id
        if own in used:
            own = f"{own}#{place}"
        if own is not None:
            used.add(own)
        named.append(push.model_copy(update={"provider_delivery_id": own}))
    return tuple(named)


class Receiver:
    """The WSGI callable."""

    def __init__(
        self, keeper: AllowlistCache, intake: Intake, *, cap_per_minute: int, proxies: Sequence[Network] = ()
    ) -> None:
        self._keeper = keeper
        self._rates = Rates(cap_per_minute)
        self._intake = intake
        self._proxies = proxies
        # Docker Hub calls for everybody from shared addresses: only calls without a good token are counted.
        self._strangers = Limiter(burst=60, per_s=2)
        self._unjudged = Limiter(burst=500, per_s=5)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        environ[_PROVIDER] = "unknown"
        try:
            answer = self._receive(environ)
        except HookAnswer as early:
            answer = early
        except Exception:
            get_logger().exception("hook.failed")
            answer = _problem(
                503, "internal", "The webhook call could not be stored; send it again.", ("Retry-After", "10")
            )
        HOOKS.labels(environ[_PROVIDER], str(answer.status)).inc()
        body = json.dumps(answer.body).encode()
        headers = [
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(body))),
            ("Cache-Control", "no-store"),
            ("Referrer-Policy", "no-referrer"),
            *answer.headers,
        ]
        start_response(_STATUS[answer.status], headers)
        return [body]

    def _receive(self, environ: WSGIEnvironment) -> HookAnswer:
        if environ["REQUEST_METHOD"] != "POST":
            return _problem(405, "unsupported", _PURPOSE, ("Allow", "POST"))
        began, received_at, address = now(), self._keeper.clock.now(), self._address(environ)
        token = sent_token(environ)
        hashed, entry = self._judge(environ, address, token)
        if entry is not None:
            environ[_PROVIDER] = entry.provider
        topic = HOOK_RECEIVED if entry is None else self._topic(entry)
        if entry is not None:
            _check_network(entry, address)
        signature: BodySignature | None = None
        try:
            raw = read_body(environ, MAX_BODY)
            signature = signatures.check(environ, raw, token)
            if entry is not None:
                _check_signature(entry, signature)
            plain = decoded(raw, environ.get("HTTP_CONTENT_ENCODING", ""), MAX_BODY)
            body = read_json(plain, environ.get("CONTENT_TYPE", ""))
        except (BodyTooLarge, BodyUnreadable, Unreadable) as error:
            if entry is not None:
                unread = ParsedPayload(problem=str(error))
                trace = _delivery(environ, received_at, address, hashed, entry, signature, unread, {})
                self._leave_trace(trace, topic)
            return _refused_body(error)
        reading = read_push(entry.provider if entry else "auto", body)
        if reading.not_a_push:
            return HookAnswer(202, {"status": "ignored", "message": reading.problem})
        delivery = _delivery(environ, received_at, address, hashed, entry, signature, reading, body)
        try:
            route, caller = hook_route(environ.get("PATH_INFO", "")), environ.get("HTTP_TRACEPARENT", "")
            with HOOK_ACK.time(), hook_span(delivery.delivery_id, route, began, caller):
                self._intake.take(delivery, topic)
        except SpoolFull as error:
            get_logger().error("hook.refused", reason=str(error))
            message = "The webhook call was not stored: the spool is full or cannot be written; send it again."
            return _problem(503, "unavailable", message, ("Retry-After", "30"))
        answer: Json = {"status": "accepted", "delivery": delivery.delivery_id}
        if reading.problem:
            answer["message"] = reading.problem
        return HookAnswer(202, answer)

    def _leave_trace(self, delivery: HookReceived, topic: Topic) -> None:
        """Let the webhook's Activity show a call whose body was refused; the sender gets its refusal in any case."""
        with suppress(SpoolFull):
            self._intake.take(delivery, topic)

    def _topic(self, entry: TokenEntry) -> Topic:
        """Where a delivery of this token waits its turn. Ends the request with 429 past the hard cap."""
        rate = self._rates.take(entry.token_hash, entry.webhook_id, monotonic(), now())
        if rate.refused is not None:
            self._intake.tell_refused(rate.refused)
        if rate.wait_s:
            raise _too_many("Too many webhook calls with this token; retry later.", rate.wait_s)
        return HOOK_IN_BULK if rate.in_bulk else HOOK_RECEIVED

    def _address(self, environ: WSGIEnvironment) -> str:
        return client_address(environ.get("REMOTE_ADDR", ""), environ.get("HTTP_X_FORWARDED_FOR", ""), self._proxies)

    def _judge(self, environ: WSGIEnvironment, address: str, token: str) -> tuple[str, TokenEntry | None]:
        """The token's hash and its entry; no entry when nobody could be asked. Ends the request with 403 or 429."""
        hashed = token_hash(token)
        entry = allowlist.find(self._keeper.tokens, hashed, now())
        path: str = environ.get("PATH_INFO", "").rstrip("/")
        if entry is not None and _leads_to(path, entry):
            return hashed, entry
        if wait_s := self._strangers.wait_s(address, monotonic()):
            raise _too_many("Too many calls without a valid token from this address.", wait_s)
        if entry is not None or not token or len(token) > MAX_TOKEN:
            raise self._refuse_stranger(address)
        return hashed, self._ask(hashed, path, address)

    def _refuse_stranger(self, address: str) -> HookAnswer:
        """Count a call whose token is known to be no good. One that nobody could judge may be a registry's."""
        self._strangers.take(address, monotonic())
        return _problem(403, "forbidden", _FORBIDDEN)

    def _ask(self, hashed: str, path: str, address: str) -> TokenEntry | None:
        try:
            entry = self._keeper.look_up(hashed)
        except CannotAsk:
            if wait_s := self._unjudged.take("all", monotonic()):
                raise _too_many("Tokens cannot be checked at the moment; retry later.", wait_s) from None
            return None
        if entry is None or not allowlist.is_good(entry, now()) or not _leads_to(path, entry):
            raise self._refuse_stranger(address)
        return entry


def _leads_to(path: str, entry: TokenEntry) -> bool:
    """A listener's address ends with the id of its webhook; Docker Hub's is one for all."""
    return path == HUB_PATH or path.rpartition("/")[2] == entry.webhook_id


def _delivery(
    environ: WSGIEnvironment,
    received_at: float,
    address: str,
    hashed: str,
    entry: TokenEntry | None,
    signature: BodySignature | None,
    reading: ParsedPayload,
    body: Any,
) -> HookReceived:
    """What config learns of a call."""
    return HookReceived.model_construct(
        delivery_id=new_id(),
        received_at=received_at,
        token_hash=hashed,
        webhook_id=entry.webhook_id if entry else None,
        pushes=_identified(reading.pushes, sent_delivery_id(environ)),
        problem=reading.problem,
        body=trim(body) if isinstance(body, dict) else {},
        source_address=address,
        signature=signature,
        user_agent=clean_text(environ.get("HTTP_USER_AGENT", ""), 200),
        via="test" if environ.get(TEST_HEADER) else "hook",
    )


def _refused_body(error: BodyTooLarge | BodyUnreadable | Unreadable) -> HookAnswer:
    if isinstance(error, Unreadable):
        return _problem(400, "invalid", str(error), line=error.line, column=error.column)
    if isinstance(error, BodyTooLarge):
        return _problem(413, "invalid", str(error))
    return _problem(415 if error.unsupported else 400, "invalid", str(error))


def _too_many(message: str, wait_s: float) -> HookAnswer:
    return _problem(429, "too-many-requests", message, ("Retry-After", str(max(1, round(wait_s)))))
