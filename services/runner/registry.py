"""A registry's distribution API, as far as a digest needs it: sign-in with tokens, HEAD of a manifest, tags.

Registries answer a missing right and a missing repository alike; what they do say is told apart here.
"""

from __future__ import annotations

import re
import ssl
import threading
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlparse

import requests
import urllib3
from requests.adapters import HTTPAdapter

CONNECT_S, READ_S = 5.0, 15.0
MANIFESTS = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)
"""Always all four: a registry answers 404 for a kind that is not asked for."""

_DIGEST = re.compile(r"[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[0-9a-fA-F]{32,}")
_MARGIN_S = 10.0
_MAX_TAGS = 1000
_HUB = frozenset({"", "docker.io", "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com"})


class RegistryProblem(Exception):
    """A registry could not or would not answer; `code` is a stable word for the cause."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a tag names."""

    digest: str
    media_type: str


@dataclass(frozen=True, slots=True)
class Account:
    """Where and as whom to ask; the password in clear, so short-lived."""

    host: str
    username: str = ""
    password: str = ""
    plain_http: bool = False
    ca_pem: str | None = None
    fingerprint: str | None = None

    @property
    def base(self) -> str:
        """The API's address."""
        host = "registry-1.docker.io" if self.host in _HUB else self.host
        return f"{'http' if self.plain_http else 'https'}://{host}"

    @property
    def is_hub(self) -> bool:
        """Docker Hub, whose official images live under `library/`."""
        return self.host in _HUB


class _Pinned(HTTPAdapter):
    """Accepts exactly one certificate."""

    def __init__(self, fingerprint: str) -> None:
        self._fingerprint = fingerprint
        super().__init__()

    def init_poolmanager(self, *args: Any, **more: Any) -> None:
        super().init_poolmanager(*args, **more, assert_fingerprint=self._fingerprint)


class _Trusting(HTTPAdapter):
    """Trusts one more certificate authority."""

    def __init__(self, pem: str) -> None:
        self._context = ssl.create_default_context()
        self._context.load_verify_locations(cadata=pem)
        super().__init__()

    def init_poolmanager(self, *args: Any, **more: Any) -> None:
        super().init_poolmanager(*args, **more, ssl_context=self._context)


class _Authorization(requests.auth.AuthBase):
    """The header as given, whatever ~/.netrc says."""

    def __init__(self, value: str) -> None:
        self._value = value

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._value:
            request.headers["Authorization"] = self._value
        return request


class Registry:
    """One registry as one account. Not for several threads at once."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._session = requests.Session()
        self._session.headers["User-Agent"] = "portside-runner"
        if account.fingerprint:
            pinned = account.fingerprint.removeprefix("SHA256:").replace(":", "").lower()
            self._session.mount("https://", _Pinned(pinned))
            self._session.verify = False
        elif account.ca_pem:
            self._session.mount("https://", _Trusting(account.ca_pem))
        self._tokens: dict[str, tuple[str, float]] = {}

    def close(self) -> None:
        """Let the connections go."""
        self._session.close()

    def resolve(self, repository: str, reference: str) -> Manifest | None:
        """What a tag or digest names; None when the registry says that there is no such thing."""
        name = self._name(repository)
        answer = self._call("HEAD", f"/v2/{name}/manifests/{reference}", name, accept=MANIFESTS)
        if answer.status_code == 404:
            return None
        digest = answer.headers.get("Docker-Content-Digest", "")
        if not _DIGEST.fullmatch(digest):
            what = f"{name}:{reference}"
            raise RegistryProblem("no-digest", f"{self._account.base} does not say which digest {what} has.")
        return Manifest(digest, answer.headers.get("Content-Type", "").partition(";")[0])

    def tags(self, repository: str) -> list[str] | None:
        """The tags of a repository; None when it does not exist."""
        name = self._name(repository)
        path: str | None = f"/v2/{name}/tags/list?n=100"
        found: list[str] = []
        while path and len(found) < _MAX_TAGS:
            answer = self._call("GET", path, name, accept="application/json")
            if answer.status_code == 404:
                return None
            try:
                found += answer.json().get("tags") or []
            except (ValueError, AttributeError):
                message = f"{self._account.base} answered with something else than tags."
                raise RegistryProblem("odd-answer", message) from None
            path = self._next(answer)
        return found

    def sign_in(self) -> None:
        """Check that the registry takes the account; raises with `wrong-password` when it does not."""
        answer = self._call("GET", "/v2/", "", accept="application/json")
        if answer.status_code >= 400:
            raise RegistryProblem(
                "no-registry", f"{self._account.base}/v2/ answered {answer.status_code}: no registry is there."
            )

    # -------------------------------------------------------------------------------------------------------- requests

    def _name(self, repository: str) -> str:
        return f"library/{repository}" if self._account.is_hub and "/" not in repository else repository

    def _next(self, answer: requests.Response) -> str | None:
        link = answer.links.get("next", {}).get("url")
        if not link:
            return None
        whole = urlparse(urljoin(answer.url, link))
        return f"{whole.path}?{whole.query}" if whole.query else whole.path

    def _call(self, method: str, path: str, name: str, *, accept: str) -> requests.Response:
        scope = f"repository:{name}:pull" if name else ""
        answer = self._send(method, path, accept, self._known(scope))
        if answer.status_code == 401:
            answer = self._send(method, path, accept, self._authorise(answer, scope))
            if answer.status_code == 401:
                raise self._refused(name)
        if answer.status_code == 403:
            raise self._refused(name)
        if answer.status_code == 429:
            raise RegistryProblem("too-many", f"{self._account.base} says: too many requests; try again later.")
        if answer.status_code >= 500:
            raise RegistryProblem(
                "unavailable", f"{self._account.base} answered {answer.status_code}; try again later."
            )
        return answer

    def _refused(self, name: str) -> RegistryProblem:
        who = self._account.username or "an anonymous caller"
        if not name:
            return RegistryProblem("wrong-password", f"{self._account.base} does not take {who}'s sign-in.")
        return RegistryProblem(
            "no-right",
            f"{self._account.base} shows {name} not to {who}: there is no such repository, or no right to pull it.",
        )

    def _send(self, method: str, path: str, accept: str, authorization: str) -> requests.Response:
        return self._request(
            method, f"{self._account.base}{path}", headers={"Accept": accept}, authorization=authorization
        )

    def _request(
        self,
        method: str,
        url: str,
        *,
        headers: dict[str, str] | None = None,
        params: dict[str, str] | None = None,
        authorization: str = "",
    ) -> requests.Response:
        try:
            return self._session.request(
                method,
                url,
                headers=headers,
                params=params,
                auth=_Authorization(authorization),
                timeout=(CONNECT_S, READ_S),
            )
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise RegistryProblem("unreachable", f"Cannot reach {url.partition('?')[0]}: {why(error)}.") from None

    # ----------------------------------------------------------------------------------------------------------- tokens

    def _known(self, scope: str) -> str:
        token, good_until = self._tokens.get(scope, ("", 0.0))
        return token if good_until > time.monotonic() else ""

    def _authorise(self, challenge: requests.Response, scope: str) -> str:
        said = challenge.headers.get("WWW-Authenticate", "")
        kind, _, rest = said.partition(" ")
        parts = {key.lower(): value for key, value in re.findall(r'([A-Za-z_]+)="([^"]*)"', rest)}
        if kind.lower() == "basic":
            return self._basic()
        if kind.lower() != "bearer" or not parts.get("realm"):
            place = challenge.url.partition("?")[0]
            message = f"{place} asks for a sign-in that no registry uses: {said or 'none'}."
            raise RegistryProblem("no-registry", message)
        return self._token(parts, scope)

    def _token(self, parts: dict[str, str], scope: str) -> str:
        params = {key: value for key, value in (("service", parts.get("service", "")), ("scope", scope)) if value}
        realm = urljoin(self._account.base, parts["realm"])
        answer = self._request("GET", realm, params=params, authorization=self._basic())
        if answer.status_code in (400, 401, 403):
            raise RegistryProblem(
                "wrong-password",
                f"{realm} does not take the user name and password of {self._account.username or 'nobody'}; correct "
                "them in the endpoint (Docker Hub often wants an access token instead of the password).",
            )
        if answer.status_code == 429:
            raise RegistryProblem("too-many", f"{realm} says: too many sign-ins; wait ten minutes.")
        try:
            document = answer.json()
            token = str(document.get("token") or document["access_token"])
        except (ValueError, KeyError, AttributeError):
            raise RegistryProblem("odd-answer", f"{realm} answered {answer.status_code} without a token.") from None
        life_s = float(document.get("expires_in") or 60)
        bearer = f"Bearer {token}"
        self._tokens[scope] = (bearer, time.monotonic() + max(life_s - _MARGIN_S, 1.0))
        return bearer

    def _basic(self) -> str:
        account = self._account
        if not account.username:
            return ""
        return str(requests.auth._basic_auth_str(account.username, account.password))


def why(error: BaseException) -> str:
    """The innermost reason in few words."""
    innermost: BaseException = error
    for _ in range(10):
        inner = getattr(innermost, "reason", None)
        inner = inner if isinstance(inner, BaseException) else innermost.__cause__ or innermost.__context__
        if inner is None and innermost.args and isinstance(innermost.args[0], BaseException):
            inner = innermost.args[0]
        if inner is None:
            break
        innermost = inner
    text = str(innermost)
    if "timed out" in text or isinstance(innermost, TimeoutError):
        return "no answer in time"
    if "fingerprint" in text.lower():
        return "its certificate is not the one that was accepted"
    if "CERTIFICATE_VERIFY_FAILED" in text:
        return "its certificate is not trusted; give its CA or accept its fingerprint"
    if "WRONG_VERSION_NUMBER" in text or "record layer" in text:
        return "it does not speak TLS; should the address begin with http://?"
    if "resolve" in text or "Name or service not known" in text or "nodename" in text:
        return "its name cannot be resolved"
    if isinstance(innermost, OSError) and innermost.strerror:
        return innermost.strerror.lower()
    return type(innermost).__name__


class Registries:
    """Registries kept by account for a while, so that tokens are used again; each for one caller at a time."""

    def __init__(self, keep: int = 16) -> None:
        self._keep = keep
        self._lock = threading.Lock()
        self._idle: dict[Account, list[Registry]] = {}

    def borrow(self, account: Account) -> Registry:
        """A registry that nobody else uses now."""
        with self._lock:
            idle = self._idle.get(account)
            if idle:
                return idle.pop()
        return Registry(account)

    def give_back(self, account: Account, registry: Registry) -> None:
        """Keep it for the next."""
        with self._lock:
            kept = sum(map(len, self._idle.values()))
            if kept < self._keep:
                self._idle.setdefault(account, []).append(registry)
                return
        registry.close()

    def close(self) -> None:
        """Let all connections go."""
        with self._lock:
            idle, self._idle = self._idle, {}
        for registries in idle.values():
            for one in registries:
                one.close()
