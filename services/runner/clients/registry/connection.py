"""Requests to one registry, signed in as it asks: with a password, or with tokens of a token service."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
import urllib3

from services.runner.clients.errors import why
from services.runner.clients.tls import TrustingAdapter, certificate_trouble
from shared.grammar.json_parser import parse_json

from .account import Account, RegistryProblem
from .challenges import best_known

CONNECT_S, READ_S = 5.0, 15.0
SEND_S = 60.0
"""How long an upload may make no progress."""
_MARGIN_S = 10.0

Scopes = tuple[str, ...]
"""Rights in the words of token services, `repository:acme/web:pull`; several stand in one token."""


def pull(repository: str) -> str:
    """The right to read a repository."""
    return f"repository:{repository}:pull"


def push(repository: str) -> str:
    """The right to write to a repository."""
    return f"repository:{repository}:pull,push"


class _Authorization(requests.auth.AuthBase):
    """The header as given, whatever ~/.netrc says."""

    def __init__(self, value: str) -> None:
        self._value = value

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._value:
            request.headers["Authorization"] = self._value
        return request


class Connection:
    """One registry as one account. Not for several threads at once."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self._session = requests.Session()
        self._session.headers["User-Agent"] = "portside-runner"
        try:
            self._session.mount("https://", TrustingAdapter(account.trust))
        except ssl.SSLError:
            message = "The private authority of the endpoint (caCertificate) is not a PEM certificate."
            raise RegistryProblem("incomplete", message) from None
        self._tokens: dict[Scopes, tuple[str, float]] = {}
        self._takes_passwords = False

    def close(self) -> None:
        """Let the connections go."""
        self._session.close()

    def call(
        self,
        method: str,
        place: str,
        scopes: Scopes = (),
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        body: Callable[[], Any] | None = None,
        stream: bool = False,
    ) -> requests.Response:
        """One request to a path, or to an address that the registry gave; `body` makes what is sent, again if need be.

        Answers below 500 come back as they are, but for refusals: those are raised.
        """
        url = urljoin(f"{self.account.base}/", place)
        # Another host, such as a store that uploads go to, is sent no password.
        ours = urlsplit(url).netloc == urlsplit(self.account.base).netloc

        def send(authorization: str) -> requests.Response:
            return self._request(
                method, url, authorization=authorization if ours else "", headers=headers, params=params,
                data=body() if body else None, stream=stream,
            )  # fmt: skip

        answer = send(self._known(scopes))
        if answer.status_code == 401:
            answer.close()
            answer = send(self._authorise(answer, scopes))
            if answer.status_code == 401:
                # The token service may grant less than was asked for and still answer 200: no use to ask again.
                raise self._refused(scopes)
        if answer.status_code == 403:
            raise self._refused(scopes)
        if answer.status_code == 429:
            raise RegistryProblem("too-many", f"{self.account.base} says: too many requests; try again later.")
        if answer.status_code >= 500:
            raise RegistryProblem("unavailable", f"{self.account.base} answered {answer.status_code}; try again later.")
        return answer

    def _refused(self, scopes: Scopes) -> RegistryProblem:
        who = self.account.user or "an anonymous caller"
        if not scopes:
            return RegistryProblem("wrong-password", f"{self.account.base} does not take {who}'s sign-in.")
        _, name, rights = scopes[-1].split(":")
        if rights != "pull":
            return RegistryProblem(
                "no-right",
                f"{self.account.base} lets {who} not push to {name}: give the account of the endpoint that right, or "
                "create the repository first where the registry wants that.",
            )
        return RegistryProblem(
            "no-right",
            f"{self.account.base} shows {name} not to {who}: there is no such repository, or no right to pull it.",
        )

    def _request(self, method: str, url: str, *, authorization: str, **more: Any) -> requests.Response:
        read_s = SEND_S if more.get("data") is not None or more.get("stream") else READ_S
        try:
            return self._session.request(
                method, url, auth=_Authorization(authorization), timeout=(CONNECT_S, read_s), **more
            )
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            place = url.partition("?")[0]
            code = certificate_trouble(error) or "unreachable"
            raise RegistryProblem(code, f"Cannot reach {place}: {why(error)}.", place) from None

    # ----------------------------------------------------------------------------------------------------------- tokens

    def _known(self, scopes: Scopes) -> str:
        if self._takes_passwords:
            return self._basic()
        token, good_until = self._tokens.get(scopes, ("", 0.0))
        return token if good_until > time.monotonic() else ""

    def _authorise(self, challenge: requests.Response, scopes: Scopes) -> str:
        said = challenge.headers.get("WWW-Authenticate", "")
        best = best_known(said)
        if best is None:
            place = challenge.url.partition("?")[0]
            message = f"{place} asks for a sign-in that no registry uses: {said or 'none'}."
            raise RegistryProblem("no-registry", message)
        if best.scheme == "basic":
            self._takes_passwords = True
            return self._basic()
        return self._token(best.parameters, scopes)

    def _token(self, parts: Mapping[str, str], scopes: Scopes) -> str:
        params: dict[str, Any] = {"scope": list(scopes)} if scopes else {}
        if parts.get("service"):
            params["service"] = parts["service"]
        realm = urljoin(self.account.base, parts["realm"])
        answer = self._request("GET", realm, params=params, authorization=self._basic())
        if answer.status_code in (400, 401, 403):
            raise RegistryProblem("wrong-password", f"{realm} does not take {self._sign_in_advice()}")
        if answer.status_code == 429:
            raise RegistryProblem("too-many", f"{realm} says: too many sign-ins; wait ten minutes.")
        try:
            document = parse_json(answer.content)
            token = str(document.get("token") or document["access_token"])
        except (ValueError, KeyError, AttributeError):
            raise RegistryProblem("odd-answer", f"{realm} answered {answer.status_code} without a token.") from None
        life_s = float(document.get("expires_in") or 60)
        bearer = f"Bearer {token}"
        self._tokens[scopes] = (bearer, time.monotonic() + max(life_s - _MARGIN_S, 1.0))
        return bearer

    def _sign_in_advice(self) -> str:
        account = self.account
        if account.user and not account.username:
            return "the token without a user name: give the endpoint the user name that the token belongs to."
        return (
            f"the user name and password of {account.user or 'nobody'}; correct them in the endpoint (Docker Hub often "
            "wants an access token instead of the password)."
        )

    def _basic(self) -> str:
        account = self.account
        return str(requests.auth._basic_auth_str(account.user, account.password)) if account.user else ""
