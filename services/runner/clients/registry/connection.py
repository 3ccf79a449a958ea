"""Requests to one registry, signed in as it asks: with a password, or with tokens of a token service.

A registry names its token service itself (`realm`). The password goes there only where it is the registry's own server
or the endpoint has accepted it: docs/reference/endpoints.md.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

from services.runner.clients.clouds import CloudLogins, CloudProblem
from shared.contracts.base import Json
from shared.contracts.times import lifetime_s
from shared.grammar.json_parser import parse_json
from shared.outbound.http import HttpClient, HttpReply, OutboundAccess, OutboundError, RequestLimits, StreamedReply
from shared.outbound.redirects import without_query
from shared.process import clock

from .account import RegistryAccount, RegistryProblem
from .challenges import Challenge, best_known

LIMITS = RequestLimits(overall_s=30.0, connect_s=5.0, read_s=15.0)
_TOKEN_LIMITS = RequestLimits(overall_s=20.0, connect_s=5.0, read_s=15.0, body_bytes=256 * 1024)
_STALL_S = 60.0
"""How long a transfer may make no progress."""
_SLOWEST_BYTES_S = 64 * 1024
"""A blob that comes slower than this in the long run is given up."""
_MARGIN_S = 10.0
_LIFE_S = 60.0
"""How long a token is good whose service does not say it (distribution's token specification)."""
_LONGEST_S = 3600.0

Scopes = tuple[str, ...]
"""Rights in the words of token services, `repository:acme/web:pull`; several stand in one token."""


def pull(repository: str) -> str:
    """The right to read a repository."""
    return f"repository:{repository}:pull"


def push(repository: str) -> str:
    """The right to write to a repository."""
    return f"repository:{repository}:pull,push"


def transfer_limits(size: int) -> RequestLimits:
    """For a blob of that many bytes."""
    return RequestLimits(overall_s=_STALL_S + max(size, 0) / _SLOWEST_BYTES_S, connect_s=5.0, read_s=_STALL_S)


class RegistryConnection:
    """One registry as one account. Not for several threads at once."""

    def __init__(self, account: RegistryAccount, client: HttpClient, logins: CloudLogins | None = None) -> None:
        self.account = account
        self._client = client
        self._access = OutboundAccess(account.trust, local=account.local, private_hops=True)
        self._tokens: dict[Scopes, tuple[str, float]] = {}
        self._takes_passwords = False
        self._logins = logins or CloudLogins(client)

    def call(
        self, method: str, place: str, scopes: Scopes = (), *, headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None, body: Callable[[], Any] | None = None, limits: RequestLimits = LIMITS,
    ) -> HttpReply:  # fmt: skip
        """One request to a path, or to an address that the registry gave; `body` makes what is sent, again if need be.

        Answers below 500 come back as they are, but for refusals: those are raised as RegistryProblem.
        """
        with self.open(method, place, scopes, headers=headers, params=params, body=body, limits=limits) as reply:
            with _problems():
                return HttpReply(reply.status, reply.headers, reply.read(), reply.url)

    @contextmanager
    def open(
        self, method: str, place: str, scopes: Scopes = (), *, headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None, body: Callable[[], Any] | None = None, limits: RequestLimits = LIMITS,
    ) -> Iterator[StreamedReply]:  # fmt: skip
        """The same with the answer's body still to be read."""
        url = self._address(place, params)
        # Another server, such as a store that uploads go to, gets no password.
        is_own = _origin(url) == _origin(self.account.base)

        def send(authorization: str) -> AbstractContextManager[StreamedReply]:
            signed = {"Authorization": authorization} if authorization and is_own else {}
            content = body() if body else None
            size = getattr(content, "len", None)
            sized = {} if size is None else {"Content-Length": str(size)}
            return self._client.stream(
                method, url, headers={**(headers or {}), **sized, **signed}, body=content, limits=limits,
                access=self._access,
            )  # fmt: skip

        with ExitStack() as stack:
            with _problems():
                reply = stack.enter_context(send(self._known(scopes)))
                if reply.status == 401:
                    challenge = reply.headers.get("WWW-Authenticate", "")
                    stack.close()
                    reply = stack.enter_context(send(self._authorise(url, challenge, scopes)))
            self._demand_usable(reply, scopes)
            yield reply

    def _address(self, place: str, params: Mapping[str, str] | None) -> str:
        try:
            url = urljoin(f"{self.account.base}/", place)
            insecure = not self.account.plain_http and urlsplit(url).scheme != "https"
        except ValueError:
            raise self._odd(f"an address that cannot be read: {without_query(place)}") from None
        if insecure:
            raise self._odd(f"an address without encryption: {without_query(url)}")
        return url + ("&" if "?" in url else "?") + urlencode(params) if params else url

    def _demand_usable(self, reply: StreamedReply, scopes: Scopes) -> None:
        # The token service may grant less than was asked for and still answer 200: no use to ask again.
        if reply.status in (401, 403):
            raise self._refused(scopes)
        if reply.status == 429:
            raise RegistryProblem("too-many", f"{self.account.base} says: too many requests; try again later.")
        if reply.status >= 500:
            raise RegistryProblem("unavailable", f"{self.account.base} answered {reply.status}; try again later.")

    def _refused(self, scopes: Scopes) -> RegistryProblem:
        user = self.account.user or "an anonymous caller"
        if not scopes:
            return RegistryProblem("wrong-password", f"{self.account.base} does not accept the sign-in of {user}.")
        _, name, rights = scopes[-1].split(":")
        if rights != "pull":
            return RegistryProblem(
                "no-right",
                f"{self.account.base} does not let {user} push to {name}: give the account of the endpoint that right, "
                "or create the repository first where the registry wants that.",
            )
        return RegistryProblem(
            "no-right",
            f"{self.account.base} does not show {name} to {user}: there is no such repository, or no right to pull it.",
        )

    def _odd(self, answer: str) -> RegistryProblem:
        return RegistryProblem("odd-answer", f"{self.account.base} answered with {answer}.")

    # ----------------------------------------------------------------------------------------------------------- tokens

    def _known(self, scopes: Scopes) -> str:
        if self._takes_passwords:
            return self._basic()
        token, good_until = self._tokens.get(scopes, ("", 0.0))
        return token if good_until > clock.monotonic() else ""

    def _authorise(self, url: str, header: str, scopes: Scopes) -> str:
        challenge = best_known(header)
        if challenge is None:
            message = f"{without_query(url)} asks for a sign-in that no registry uses: {header[:200] or 'none'}."
            raise RegistryProblem("no-registry", message)
        if challenge.scheme == "basic":
            self._takes_passwords = True
            return self._basic()
        return self._token(challenge, scopes)

    def _token(self, challenge: Challenge, scopes: Scopes) -> str:
        realm = self._realm(challenge)
        service = challenge.parameters.get("service")
        query = urlencode([*(("scope", scope) for scope in scopes), *([("service", service)] if service else [])])
        url = f"{realm}{'&' if '?' in realm else '?'}{query}" if query else realm
        headers = {"Authorization": self._basic()} if self._basic() else {}
        reply = self._client.request(
            "GET", url, headers=headers, limits=_TOKEN_LIMITS, access=self._token_access(realm)
        )
        place = without_query(realm)
        if reply.status in (400, 401, 403):
            raise RegistryProblem("wrong-password", f"{place} does not accept {self._sign_in_advice()}")
        if reply.status == 429:
            raise RegistryProblem("too-many", f"{place} says: too many sign-ins; wait ten minutes.")
        token, life_s = _read_token(reply.body)
        if not token:
            raise RegistryProblem("odd-answer", f"{place} answered {reply.status} without a usable token.")
        self._tokens[scopes] = (f"Bearer {token}", clock.monotonic() + max(life_s - _MARGIN_S, 1.0))
        return f"Bearer {token}"

    def _realm(self, challenge: Challenge) -> str:
        """The token service's address, where it may have what is sent to it."""
        base = self.account.base
        try:
            realm = urljoin(f"{base}/", challenge.parameters["realm"])
            scheme, host, _ = _origin(realm)
        except ValueError:
            raise self._odd("an address of its token service that cannot be read") from None
        place = without_query(realm)
        if scheme not in ("http", "https") or not host:
            raise self._odd(f"an address of its token service that is not HTTP: {place[:200]}")
        if scheme != "https" and not self.account.plain_http:
            raise self._odd(f"an address of its token service without encryption: {place[:200]}")
        if self._basic() and _origin(realm) != _origin(base) and place != self.account.accepted_realm:
            raise self._foreign(place)
        return realm

    def _foreign(self, place: str) -> RegistryProblem:
        accepted = self.account.accepted_realm
        change = f" in place of {accepted}, which the endpoint accepted" if accepted else ""
        message = (
            f"{self.account.base} sends sign-ins to another server, {place}{change}. The password was not sent: "
            "validate the endpoint, and accept that server if it belongs to the registry."
        )
        return RegistryProblem("realm-not-accepted", message, place)

    def _token_access(self, realm: str) -> OutboundAccess:
        """A foreign service is on this machine only where the endpoint accepted it; the internet never names one."""
        return OutboundAccess(
            self.account.trust, local=self.account.local and self._is_accepted(realm), private_hops=True
        )

    def _is_accepted(self, realm: str) -> bool:
        is_own = _origin(realm)[1] == _origin(self.account.base)[1]
        return is_own or without_query(realm) == self.account.accepted_realm

    def _sign_in_advice(self) -> str:
        account = self.account
        if account.sign_in is not None:
            return f"the token that was minted for {account.user}."
        if account.user and not account.username:
            return "the token without a user name: give the endpoint the user name that the token belongs to."
        return (
            f"the user name and password of {account.user or 'nobody'}; correct them in the endpoint (Docker Hub often "
            "wants an access token instead of the password)."
        )

    def _basic(self) -> str:
        user, password = self._credentials()
        return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}" if user else ""

    def _credentials(self) -> tuple[str, str]:
        if self.account.sign_in is None:
            return self.account.user, self.account.password
        try:
            minted = self._logins.of(self.account.sign_in).minted()
        except CloudProblem as problem:
            raise RegistryProblem(problem.code, problem.message) from None
        return minted.user, minted.secret


def _read_token(body: bytes) -> tuple[str, float]:
    """A token that fits into a header, empty for anything else, and for how many seconds it is good."""
    try:
        document: Json = parse_json(body)
        token = document.get("token") or document.get("access_token")
    except (ValueError, AttributeError):
        return "", 0.0
    if not isinstance(token, str) or not all("!" <= char <= "~" for char in token):
        return "", 0.0
    return token, lifetime_s(document.get("expires_in"), _LIFE_S, _LONGEST_S)


def _origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port. Raises ValueError for a port that is none."""
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    return scheme, (parts.hostname or "").lower(), parts.port or {"http": 80, "https": 443}.get(scheme, 0)


@contextmanager
def _problems() -> Iterator[None]:
    try:
        yield
    except OutboundError as error:
        raise RegistryProblem(error.code, error.message, error.url) from None
