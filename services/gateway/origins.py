"""Where a request comes from: the client's address as far as it can be known, and a browser that has been here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from werkzeug.wrappers import Request, Response

from shared.process.addresses import Network, client_network, is_within
from shared.process.clock import monotonic

from .receiver.addresses import client_address
from .sessions import BROWSER_COOKIE, BROWSER_GOOD_FOR_S, Sessions, of_port

FORWARDING_HEADERS = ("X-Forwarded-For", "Forwarded", "X-Real-IP")
UNDECLARED_FOR_S = 3600.0
"""So long after the last request through an undeclared proxy Health speaks of it."""


@dataclass(frozen=True, slots=True)
class Origin:
    """`proxied`: the address is a proxy's and says nothing about the client."""

    address: str
    proxied: bool = False
    browser_of: str = ""
    """Who signed in last with this browser."""

    @property
    def key(self) -> str:
        """Origins with the same key are treated alike, as config does; all unknown clients have one."""
        return f"browser {self.browser_of}" if self.browser_of else "" if self.proxied else client_network(self.address)


class Origins:
    """Reads origins off requests, and notices a proxy that `TRUSTED_PROXIES` does not name."""

    def __init__(
        self, sessions: Sessions, proxies: Sequence[Network], *, monotonic: Callable[[], float] = monotonic
    ) -> None:
        self._sessions = sessions
        self._proxies = proxies
        self._monotonic = monotonic
        self._undeclared = ""
        self._undeclared_at = float("-inf")

    def of(self, request: Request) -> Origin:
        """Where this request comes from."""
        remote = request.remote_addr or ""
        address = client_address(remote, request.headers.get("X-Forwarded-For", ""), self._proxies)
        forwarded = any(name in request.headers for name in FORWARDING_HEADERS)
        declared = is_within(remote, self._proxies)
        if forwarded and not declared:
            self._undeclared, self._undeclared_at = remote, self._monotonic()
        browser_of = self._sessions.read_browser(request.cookies.get(of_port(BROWSER_COOKIE, request), ""))
        return Origin(address, is_within(address, self._proxies) or (forwarded and not declared), browser_of)

    def remember(self, request: Request, response: Response, user: str, at: float) -> None:
        """Mark this browser as one in which that user has signed in."""
        response.set_cookie(
            of_port(BROWSER_COOKIE, request),
            self._sessions.issue_browser(user, at),
            max_age=BROWSER_GOOD_FOR_S,
            httponly=True,
            samesite="Strict",
            secure=request.is_secure,
            path="/sign-in",
        )

    def note(self) -> str:
        """For Health: the proxy that is not declared; empty when there was none of late."""
        if self._monotonic() - self._undeclared_at > UNDECLARED_FOR_S:
            return ""
        return (
            f"Requests come through {self._undeclared}, which names other clients, but TRUSTED_PROXIES does not list "
            "it. Failed sign-ins through it are limited all together, not by client. If it is your proxy, add it to "
            "TRUSTED_PROXIES."
        )
