"""The one HTTP client: each request has a deadline for all of it, each body a bound, each hop is checked.

A deadline covers all hops, TLS handshakes and the body; at its end, or when the scope around the call is cancelled,
the sockets are closed. Redirects are followed one by one with their bodies unread.
"""

from __future__ import annotations

import base64
import socket
import ssl
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPException
from typing import Any
from urllib.parse import unquote, urlsplit

import urllib3

from shared.process.addresses import is_private
from shared.process.errors import causes

from .cancel_scope import CancelScope, Ended, watch
from .failures import explain
from .guard import ForbiddenAddress, Guard, Reach, local_reason
from .redirects import REDIRECTS, Hop, NotFollowed, next_hop, without_query
from .tls import SYSTEM, Trust, TrustingConnection, certificate_trouble, context

MAX_BODY_BYTES = 8 * 1024 * 1024
MAX_REDIRECTS = 5
_CHUNK_BYTES = 64 * 1024
_MAX_POOLS = 64
_CONNECT_S = 10.0
FAILURES = (urllib3.exceptions.HTTPError, HTTPException, OSError, ValueError)
"""What urllib3 raises where no whole answer comes."""


class OutboundError(Exception):
    """No usable answer; `code` is a stable word for the cause, `url` is what was asked, without its query."""

    def __init__(self, code: str, message: str, url: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.url = url


@dataclass(frozen=True, slots=True)
class RequestLimits:
    """How long a request may take, in seconds, and how large its answer may be once decompressed."""

    overall_s: float = 60.0
    """From the first connection to the last byte, redirects included."""
    connect_s: float = _CONNECT_S
    read_s: float = 30.0
    """Between two pieces of an answer."""
    body_bytes: int = MAX_BODY_BYTES


@dataclass(frozen=True, slots=True)
class OutboundAccess:
    """Which servers one caller's requests may reach and whose certificates they accept."""

    trust: Trust = SYSTEM
    local: bool = False
    """An administrator lets this endpoint reach the runner's own machine and networks."""
    private_hops: bool = False
    """Other hosts that the server names may be in a private network too."""


PUBLIC = OutboundAccess()
"""What a pipeline names itself: the system's authorities, nothing local."""


@dataclass(frozen=True, slots=True)
class HttpReply:
    """An answer, whatever its status."""

    status: int
    headers: Mapping[str, str]
    """Names in any case."""
    body: bytes
    url: str
    """The last hop's."""

    @property
    def text(self) -> str:
        """The body in the charset that it names, else as UTF-8; what is not in it is replaced."""
        # Without a charset HTTP once meant Latin-1; today it means UTF-8.
        head = Message()
        head["Content-Type"] = self.headers.get("Content-Type", "")
        try:
            return self.body.decode(head.get_content_charset() or "utf-8", "replace")
        except (LookupError, ValueError):
            return self.body.decode("utf-8", "replace")


class StreamedReply:
    """An answer whose body is still to come."""

    def __init__(self, response: urllib3.BaseHTTPResponse, url: str, scope: CancelScope, limits: RequestLimits) -> None:
        self.status = response.status
        self.headers: Mapping[str, str] = response.headers
        self.url = url
        self._response = response
        self._scope = scope
        self._limits = limits

    def read(self) -> bytes:
        """The whole body, decompressed. Raises OutboundError where it is too large, too slow or breaks off."""
        pieces, size = list[bytes](), 0
        for piece in self.chunks(decode=True):
            pieces.append(piece)
            size += len(piece)
            if size > self._limits.body_bytes:
                place, limit = without_query(self.url), _size(self._limits.body_bytes)
                raise OutboundError("too-large", f"{place} answered with more than {limit}.", place)
        return b"".join(pieces)

    def chunks(self, size: int = _CHUNK_BYTES, *, decode: bool = False) -> Iterator[bytes]:
        """The body as it comes; without `decode` the bytes that are on the wire, which a digest is of."""
        while piece := self.read_piece(size, decode=decode):
            yield piece

    def read_piece(self, size: int, *, decode: bool = True) -> bytes:
        """The next `size` bytes, fewer only at the end."""
        try:
            piece = self._response.read(size, decode_content=decode)
        except FAILURES as error:
            raise failure(self.url, error, self._scope) from None
        if self._scope.ended is not None:  # A body that is closed half-way may look like one that is whole.
            raise failure(self.url, OSError(), self._scope)
        return piece

    def close(self) -> None:
        """Let go of the connection before the block ends."""
        self._response.close()


class HttpClient:
    """Makes requests on behalf of others. Safe to use from several threads."""

    def __init__(self, guard: Guard, *, user_agent: str) -> None:
        self.guard = guard
        self._user_agent = user_agent
        self._lock = threading.Lock()
        self._pools: OrderedDict[tuple[Trust, Reach], urllib3.PoolManager] = OrderedDict()

    def fresh(self) -> HttpClient:
        """A client without connections: for trying what another would find already open."""
        return HttpClient(self.guard, user_agent=self._user_agent)

    def close(self) -> None:
        """Close idle connections."""
        with self._lock:
            managers, self._pools = list(self._pools.values()), OrderedDict()
        for manager in managers:
            close_idle(manager)

    def request(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: Any = None,
        limits: RequestLimits = RequestLimits(), access: OutboundAccess = PUBLIC, redirects: int = MAX_REDIRECTS,
    ) -> HttpReply:  # fmt: skip
        """One answer with its whole body. Raises OutboundError."""
        with self.stream(
            method, url, headers=headers, body=body, limits=limits, access=access, redirects=redirects
        ) as reply:
            return HttpReply(reply.status, reply.headers, reply.read(), reply.url)

    @contextmanager
    def stream(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: Any = None,
        limits: RequestLimits = RequestLimits(), access: OutboundAccess = PUBLIC, redirects: int = MAX_REDIRECTS,
    ) -> Iterator[StreamedReply]:  # fmt: skip
        """The same with the body still to be read. `redirects=0` answers with the redirect itself.

        `body` is bytes, or an iterable of bytes with a `Content-Length` beside it. Raises OutboundError; what an
        iterable raises comes through.
        """
        hop = _first_hop(method, url, {"User-Agent": self._user_agent, **(headers or {})}, body is not None)
        scope = CancelScope(limits.overall_s)
        response: urllib3.BaseHTTPResponse | None = None
        try:
            response, hop = self._follow(hop, body, limits, access, redirects, scope)
            yield StreamedReply(response, hop.url, scope, limits)
        finally:
            scope.close()
            if response is not None:
                let_go(response)

    def _follow(
        self, hop: Hop, body: Any, limits: RequestLimits, access: OutboundAccess, redirects: int, scope: CancelScope
    ) -> tuple[urllib3.BaseHTTPResponse, Hop]:
        reach = Reach(access.local)
        for redirects_left in range(redirects, -1, -1):
            response = self._send(hop, body if hop.has_body else None, limits, access.trust, reach, scope)
            location = response.headers.get("Location")
            if redirects == 0 or response.status not in REDIRECTS or not location:
                return response, hop
            response.close()
            place = without_query(hop.url)
            if redirects_left == 0:
                raise OutboundError("redirected", f"{place} redirects more than {redirects} times.", place)
            try:
                following = next_hop(hop, response.status, location)
            except NotFollowed as problem:
                raise OutboundError("redirected", f"{place} redirects to {problem}.", place) from None
            if following.has_body and not isinstance(body, bytes):
                raise OutboundError("redirected", f"{place} redirects a body that can be sent only once.", place)
            reach = _reach_of(hop, following, reach, access, scope.peer)
            hop = following
        raise AssertionError("unreachable")

    def _send(
        self, hop: Hop, body: Any, limits: RequestLimits, trust: Trust, reach: Reach, scope: CancelScope
    ) -> urllib3.BaseHTTPResponse:
        timeout = urllib3.Timeout(connect=limits.connect_s, read=limits.read_s)
        try:
            pool = self._pool(trust, reach)
        except ssl.SSLError:
            message = "The private authority (caCertificate) is not a PEM certificate."
            raise OutboundError("incomplete", message, without_query(hop.url)) from None
        try:
            with scope.active():
                return pool.urlopen(
                    hop.method, hop.url, body=body, headers=dict(hop.headers), redirect=False, retries=False,
                    preload_content=False, timeout=timeout,
                )  # fmt: skip
        except FAILURES as error:
            raise failure(hop.url, error, scope) from None

    def _pool(self, trust: Trust, reach: Reach) -> urllib3.PoolManager:
        """Connections are shared only by callers that may reach the same servers and accept the same certificates."""
        with self._lock:
            pool = self._pools.pop((trust, reach), None) or guarded_pool(self.guard, trust, reach)
            self._pools[trust, reach] = pool
            oldest = self._pools.popitem(last=False)[1] if len(self._pools) > _MAX_POOLS else None
        if oldest is not None:
            oldest.clear()  # Another thread may be about to use it, so that it closes with its last user.
        return pool


def close_idle(manager: urllib3.PoolManager) -> None:
    """Close idle connections now: `clear` alone waits for the garbage collector where an error still names a pool."""
    keys = manager.pools.keys()  # They cannot be iterated over in any other way.
    pools = [pool for key in keys if (pool := manager.pools.get(key)) is not None]
    manager.clear()
    for pool in pools:
        pool.close()


def guarded_pool(guard: Guard, trust: Trust, reach: Reach) -> urllib3.PoolManager:
    """Connections that the guard opens and the current scope may end. Raises ssl.SSLError for a broken authority."""
    manager = urllib3.PoolManager(num_pools=16, maxsize=16, ssl_context=context(trust))
    manager.pool_classes_by_scheme = guarded_pool_classes(guard, trust, reach)
    return manager


def guarded_pool_classes(guard: Guard, trust: Trust, reach: Reach) -> dict[str, Any]:
    """The same as classes, for a library that makes its own pool."""
    plain = type("Connection", (_Plain,), {"guard": guard, "reach": reach})
    secure = type("SecureConnection", (_Secure,), {"guard": guard, "reach": reach, "accepted": trust.fingerprint})
    return {
        "http": type("Pool", (urllib3.HTTPConnectionPool,), {"ConnectionCls": plain}),
        "https": type("SecurePool", (urllib3.HTTPSConnectionPool,), {"ConnectionCls": secure}),
    }


class _Guarded:
    """What both kinds of connections have of ours: `_new_conn`, `set_tunnel` and `request` are urllib3's."""

    guard: Guard
    reach: Reach

    def __init__(self, host: str, *args: Any, **options: Any) -> None:
        super().__init__(host, *args, **options)  # type: ignore[call-arg]
        self.dialed_host = host
        """With the dot at its end that makes a name absolute; urllib3's `host` has lost it."""

    def _new_conn(self: Any) -> socket.socket:
        timeout_s = self.timeout if isinstance(self.timeout, int | float) else _CONNECT_S
        opened: socket.socket = self.guard.connect(self.dialed_host, self.port, reach=self.reach, timeout_s=timeout_s)
        return opened

    def set_tunnel(self: Any, host: str, *args: Any, **options: Any) -> None:
        self.guard.check_host(host, self.reach)
        super().set_tunnel(host, *args, **options)  # type: ignore[misc]

    def request(self: Any, *args: Any, **options: Any) -> None:
        if self.sock is not None:  # From the pool: this call's scope does not know it yet.
            watch(self.sock)
        super().request(*args, **options)  # type: ignore[misc]


class _Plain(_Guarded, urllib3.connection.HTTPConnection):
    pass


class _Secure(_Guarded, TrustingConnection):
    pass


def _first_hop(method: str, url: str, headers: Mapping[str, str], has_body: bool) -> Hop:
    """Checks the address, and moves a user and password in it to where HTTP has them."""
    place = without_query(url)
    try:
        parts = urlsplit(url)
        wrong = parts.scheme.lower() not in ("http", "https") or not parts.hostname or parts.port == 0
    except ValueError:
        wrong = True
    if wrong:
        message = f"The URL {place!r} must begin with http:// or https:// and name a host."
        raise OutboundError("no-address", message, place)
    if parts.username and not any(name.lower() == "authorization" for name in headers):
        user = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers = {**headers, "Authorization": f"Basic {base64.b64encode(user.encode()).decode()}"}
    bare = parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment="").geturl()
    return Hop(method.upper(), bare, headers, has_body)


def _reach_of(hop: Hop, following: Hop, reach: Reach, access: OutboundAccess, peer: str) -> Reach:
    """Another host is reached where the server that names it is itself: on this machine, in a private network."""
    if urlsplit(hop.url).hostname == urlsplit(following.url).hostname:
        return reach
    inside = access.private_hops or is_private(peer)
    return Reach(local=reach.local and bool(local_reason(peer)), private=reach.private and inside)


def let_go(response: urllib3.BaseHTTPResponse) -> None:
    """Back to the pool where all was read, else closed with the rest unread."""
    if getattr(response, "closed", False) or response.length_remaining == 0:
        response.release_conn()
    response.close()


def failure(url: str, error: BaseException, scope: CancelScope) -> OutboundError:
    place = without_query(url)
    if scope.ended is Ended.DEADLINE:
        return OutboundError("too-slow", f"{place} did not answer in full within {scope.seconds:g} s.", place)
    if scope.ended is Ended.CANCELLED:
        return OutboundError("canceled", f"The request to {place} was canceled.", place)
    forbidden = next((cause for cause in causes(error) if isinstance(cause, ForbiddenAddress)), None)
    if forbidden is not None:
        return OutboundError("forbidden-address", forbidden_message(place, forbidden), place)
    code = certificate_trouble(error) or "unreachable"
    return OutboundError(code, f"Cannot reach {place}: {explain(error)}.", place)


def forbidden_message(place: str, forbidden: ForbiddenAddress) -> str:
    """What a person reads who may not call an address, and what an administrator can do."""
    text = f"{place} may not be called: {forbidden}."
    if forbidden.by_setting:
        return text
    return (
        f"{text} An administrator can allow it: for one endpoint with its property allowLocal, for all by starting the "
        "runner with OUTGOING_LOCAL=true."
    )


def _size(limit: int) -> str:
    return f"{limit // 2**20} MiB" if limit >= 2**20 else f"{limit // 1024} KiB"
