"""HTTP to addresses that a pipeline names: never to this machine or its cloud's metadata unless a setting allows it.

The check is made on the address that was really connected to, before anything is sent, at every redirect: a name that
resolves to something else a moment later gains nothing.
"""

from __future__ import annotations

import socket
import threading
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urlparse

import requests
import urllib3
from urllib3.connection import HTTPConnection

from services.runner.task_protocol import TaskFailed
from shared.contracts.base import Json
from shared.grammar.json_parser import parse_json
from shared.process.addresses import is_local

from .errors import why
from .tls import SYSTEM, Trust, TrustingAdapter, TrustingConnection, pools

MAX_BODY_BYTES = 8 * 1024 * 1024
_CONNECT_S = 10.0
_REDIRECTS = 5


class ForbiddenAddress(OSError):
    """The connection went where pipelines may not go."""


def _checked(connected: socket.socket) -> socket.socket:
    peer = connected.getpeername()[0]
    if is_local(peer):
        connected.close()
        raise ForbiddenAddress(f"{peer} is an address of the runner's own machine or its cloud's metadata")
    return connected


class _Plain(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        return _checked(super()._new_conn())


class _Secure(TrustingConnection):
    def _new_conn(self) -> socket.socket:
        return _checked(super()._new_conn())


class _PlainPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Plain


class _Guarded(TrustingAdapter):
    def init_poolmanager(self, *args: Any, **more: Any) -> None:
        super().init_poolmanager(*args, **more)
        self.poolmanager.pool_classes_by_scheme = {**pools(self.trust, secure=_Secure), "http": _PlainPool}


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back."""

    code: int
    headers: dict[str, str]
    body: str

    @property
    def ok(self) -> bool:
        """Below 400."""
        return self.code < 400

    @property
    def output(self) -> Json:
        """In Code Stream's shape; `responseJson` is null when the body is not JSON."""
        try:
            parsed = parse_json(self.body)
        except ValueError:
            parsed = None
        return {
            "responseCode": self.code,
            "responseHeaders": self.headers,
            "responseBody": self.body,
            "responseJson": parsed,
        }


class Outgoing:
    """Makes requests on behalf of tasks; safe to use from several threads."""

    def __init__(self, *, allow_local: bool = False) -> None:
        self._allow_local = allow_local
        self._lock = threading.Lock()
        self._sessions: dict[Trust, requests.Session] = {}

    def close(self) -> None:
        """Let the connections go."""
        with self._lock:
            sessions, self._sessions = self._sessions, {}
        for session in sessions.values():
            session.close()

    def _session(self, trust: Trust) -> requests.Session:
        with self._lock:
            found = self._sessions.get(trust)
            if found is None:
                found = self._sessions[trust] = self._new_session(trust)
            return found

    def _new_session(self, trust: Trust) -> requests.Session:
        session = requests.Session()
        # Proxies and ~/.netrc of the runner's user are none of a pipeline's business.
        session.trust_env = False
        session.max_redirects = _REDIRECTS
        # Connections are shared, cookies are not: one pipeline's sign-in must not speak for another's.
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
        session.headers["User-Agent"] = "portside-runner"
        adapter = (TrustingAdapter if self._allow_local else _Guarded)(trust, pool_maxsize=32)
        session.mount("http://", adapter)
        session.mount("https://", adapter)
        return session

    def __call__(
        self, method: str, url: str, *, headers: dict[str, str], body: str | None = None, timeout_s: float = 60.0,
        trust: Trust = SYSTEM,
    ) -> Reply:  # fmt: skip
        """One request, redirects followed; a failure to get an answer is worded."""
        _demand_http(url)
        _demand_headers(headers)
        place = url.partition("?")[0]
        data = body.encode() if body is not None else None
        try:
            with self._session(trust).request(
                method, url, headers=headers, data=data, timeout=(_CONNECT_S, timeout_s), stream=True
            ) as answer:
                raw = answer.raw.read(MAX_BODY_BYTES + 1, decode_content=True)
                # Without a charset requests would take every text for Latin-1, as HTTP had it in the nineties.
                named = answer.encoding if "charset" in answer.headers.get("Content-Type", "").lower() else None
                code, said = answer.status_code, dict(answer.headers)
        except requests.TooManyRedirects:
            raise TaskFailed(f"{place} redirects more than {_REDIRECTS} times.") from None
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise TaskFailed(_failure(place, error)) from None
        if len(raw) > MAX_BODY_BYTES:
            raise TaskFailed(f"{place} answered with more than {MAX_BODY_BYTES // 2**20} MiB.")
        return Reply(code, said, _text(raw, named or "utf-8"))


def _text(raw: bytes, charset: str) -> str:
    try:
        return raw.decode(charset, "replace")
    except (LookupError, ValueError):
        return raw.decode("utf-8", "replace")  # the server names an unknown charset


def _demand_http(url: str) -> None:
    address = urlparse(url)
    if address.scheme not in ("http", "https") or not address.hostname:
        raise TaskFailed(f"The URL {url.partition('?')[0]!r} must begin with http:// or https:// and name a host.")


def _demand_headers(headers: dict[str, str]) -> None:
    for name, value in headers.items():
        if not all(" " <= char <= "\xff" or char == "\t" for char in name + value):
            raise TaskFailed(
                f"The header {name.split()[0] if name.split() else '(without a name)'} cannot be sent: a header is one "
                "line of Latin characters. A token that was read from a file often ends with a line break: take that "
                "out of the variable."
            )
        if value != value.strip():
            raise TaskFailed(f"The header {name} cannot be sent: take the blanks around its value out.")


def _failure(place: str, error: BaseException) -> str:
    cause: BaseException | None = error
    for _ in range(12):
        if cause is None:
            break
        if isinstance(cause, ForbiddenAddress):
            return (
                f"{place} may not be called from a pipeline: {cause}. An administrator can allow it by starting the "
                "runner with OUTGOING_LOCAL=true."
            )
        inner = getattr(cause, "reason", None) or cause.__cause__ or cause.__context__
        if inner is None and cause.args:
            inner = cause.args[-1]
        cause = inner if isinstance(inner, BaseException) else None
    return f"Cannot reach {place}: {why(error)}."
