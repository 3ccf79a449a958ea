"""What a cluster or the way to it answered, in words that a person can act on."""

from __future__ import annotations

import re
import socket
import ssl
from typing import Any

from kubernetes.client.exceptions import ApiException
from urllib3 import exceptions as http

from services.runner.clients.clouds import CloudProblem
from services.runner.task_protocol import TaskFailed
from shared.grammar.json_parser import parse_json
from shared.outbound.guard import ForbiddenAddress
from shared.outbound.http import OutboundError, forbidden_message
from shared.outbound.redirects import without_query
from shared.outbound.tls import certificate_trouble
from shared.process.errors import causes, innermost


class ClusterError(TaskFailed):
    """A call to a cluster failed."""

    def __init__(self, message: str, *, status: int = 0, reason: str = "", passing: bool = False) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.passing = passing
        """Trying again later may help."""


NO_KIND = "NoKind"
"""The `reason` where the cluster does not serve a kind."""
NO_PATH = "NoPath"
"""The `reason` where it serves nothing at a path: its kind has gone since it was looked up."""


class CloudRefusal(ClusterError):
    """The cluster was not called: its cloud minted no token. `reason` is the stable word for why."""


def from_exception(error: BaseException, url: str, doing: str) -> ClusterError:
    """Translate whatever a call raised; `doing` is what was attempted, as in `apply Deployment apps/web`."""
    if isinstance(error, ClusterError):
        return error
    if isinstance(error, CloudProblem):
        return CloudRefusal(error.message, reason=error.code, passing=error.code in _PASSING)
    if isinstance(error, OutboundError):
        passing = error.code in _PASSING
        return ClusterError(f"Cannot {doing}: {sentence(error.message)}", reason=error.code, passing=passing)
    if isinstance(error, ApiException):
        return _answered(error, url, doing)
    return _unreachable(error, url)


_PASSING = frozenset({"unavailable", "unreachable", "too-slow"})
"""Why a cloud mints no token now, and may in a while."""


def sentence(text: str) -> str:
    """A text that another one follows."""
    return text if text.endswith((".", "…", "!", "?")) else f"{text}."


def _status(error: ApiException) -> dict[str, Any]:
    try:
        body = parse_json(error.body or "")
    except (TypeError, ValueError):
        return {}
    return body if isinstance(body, dict) else {}


def _answered(error: ApiException, url: str, doing: str) -> ClusterError:
    body = _status(error)
    message, reason = _bounded(str(body.get("message") or _plain(str(error.body or "")))), str(body.get("reason") or "")
    status = int(error.status or 0)
    if 300 <= status < 400:
        return _redirected(error, url, doing)
    if status == 500 and any(sign in message for sign in _OUR_FAULT):
        status = 422
    if status == 404 and any(sign in message for sign in _NOTHING_SERVED):
        reason = NO_PATH
    text, passing = _ANSWERS.get(status, _other)(message, doing, url)
    return ClusterError(text, status=status, reason=reason, passing=passing)


MAX_MESSAGE = 32_768
"""Characters: a server of anybody's may send megabytes."""


def _bounded(message: str) -> str:
    """A message that is too long, cut before the first value that it quotes: its end would not be found."""
    if len(message) <= MAX_MESSAGE:
        return message
    return message[:MAX_MESSAGE].partition("Invalid value: ")[0] + "… (the rest is left out)"


def _redirected(error: ApiException, url: str, doing: str) -> ClusterError:
    target = without_query(str((error.headers or {}).get("Location") or ""))
    words = f"Cannot {doing}: {url} redirects to {target[:200] or 'nowhere'}, and a cluster's sign-in follows nothing"
    return ClusterError(f"{words}; put the API server's own address into the endpoint.", status=int(error.status or 0))


_NOTHING_SERVED = ("the server could not find the requested resource", "404 page not found")
_OUR_FAULT = ("failed to create typed patch object", "unable to convert unstructured object")
"""What older servers say with a 500 of a manifest that they cannot read."""


def _unauthorized(message: str, doing: str, url: str) -> tuple[str, bool]:
    return (
        f"{url} refused the sign-in (401 Unauthorized): the endpoint's token or certificate is wrong or has expired; "
        "put a new one into the endpoint.",
        False,
    )


def _forbidden(message: str, doing: str, url: str) -> tuple[str, bool]:
    if "exceeded quota" in message:
        return f"Cannot {doing}: the namespace's quota is exceeded: {message}", False
    if "is being terminated" in message:
        return f"Cannot {doing}: the namespace is being deleted.", False
    match = re.search(r'User "([^"]+)" cannot (\S+) resource "([^"]+)" in API group "([^"]*)"(.*)', message)
    if match:
        user, verb, resource, group, rest = match.groups()
        full = f"{resource}.{group}" if group else resource
        place = re.search(r'in the namespace "([^"]+)"', rest)
        where = f" in the namespace {place.group(1)}" if place else ""
        return (
            f"Cannot {doing}: {user} may not {verb} {full}{where}; grant that verb with a Role or ClusterRole.",
            False,
        )
    return f"Cannot {doing}: forbidden: {message or 'no reason given'}", False


def _not_found(message: str, doing: str, url: str) -> tuple[str, bool]:
    match = re.search(r'namespaces "([^"]+)" not found', message)
    if match:
        missing = match.group(1)
        return f"Cannot {doing}: the namespace {missing} does not exist; create it, or put it into the YAML.", False
    return f"Cannot {doing}: not found: {message or 'the cluster knows no such thing'}", False


def _conflict(message: str, doing: str, url: str) -> tuple[str, bool]:
    return f"Cannot {doing}: {message or 'conflict'}", False


def _invalid(message: str, doing: str, url: str) -> tuple[str, bool]:
    hint = next((f" ({words})" for sign, words in _HINTS.items() if sign in message), "")
    for values in _VALUES:
        message = values.sub("", message)
    return f"Cannot {doing}: the cluster refuses it: {message.strip()}{hint}", False


_HINTS = {
    "updates to statefulset spec for fields other than": (
        "volumeClaimTemplates, serviceName, selector and podManagementPolicy of a StatefulSet cannot change: grow the "
        "PersistentVolumeClaims themselves where you want larger ones, then delete the set without its pods, `kubectl "
        "delete statefulset NAME --cascade=orphan`, and run this again"
    ),
    "duplicate entries for key": (
        "the list has that key twice; `kubectl apply` lets the last one count, so keep that and remove the other"
    ),
    "cannot change roleRef": "delete the binding first: what it grants cannot change",
    "spec is immutable after creation except": "of a claim only resources.requests.storage can change, and only grow",
    "field can not be less than previous value": "a claim cannot shrink: make a smaller one under another name",
    "may not be changed once set": "that field cannot change: delete the object first, or give it another name",
    "field is immutable": "that field cannot change: delete the object first, or give it another name",
    "the server rejected our request due to an error in our request": (
        "is every path of the patch there, and does every `test` in it hold?"
    ),
    "illegal base64": "a Secret's `data` holds base64: write clear text into `stringData`",
    "expected string, got": "write it in quotes",
    "metadata.annotations: Too long": "an annotation may have 256 KiB: mount the data as a ConfigMap of its own",
    "Request entity too large": "an object may have 1.5 MiB: divide it",
}
_VALUES = (
    re.compile(r'Invalid value: (?:(?:\w+\.)*\w+\{.*\}|"\{.*\}"): ', re.DOTALL),
    re.compile(r",? error found in #\d+ byte of .*", re.DOTALL),
    re.compile(r", got [^\n]*"),
)
"""What servers quote of an object: of most it says nothing about what is wrong, and of a Secret it is the values."""


def _other(message: str, doing: str, url: str) -> tuple[str, bool]:
    return f"Cannot {doing}: {url} answered with an error: {message or 'no reason given'}", True


def _proxy(message: str, doing: str, url: str) -> tuple[str, bool]:
    return f"Cannot {doing}: {PROXY_SIGN_IN}", False


PROXY_SIGN_IN = (
    "a proxy before the cluster wants a sign-in (407 Proxy Authentication Required): put its user name and password "
    "into the endpoint's proxyUser and proxyPassword, or let the runner reach the cluster without a proxy."
)

_ANSWERS = {
    400: _invalid,
    401: _unauthorized,
    403: _forbidden,
    404: _not_found,
    407: _proxy,
    409: _conflict,
    413: _invalid,
    415: _invalid,
    422: _invalid,
}

_QUESTION = "is the cluster up and the address right from the runner's network?"


def _unreachable(error: BaseException, url: str) -> ClusterError:
    if (forbidden := next((cause for cause in causes(error) if isinstance(cause, ForbiddenAddress)), None)) is not None:
        return ClusterError(forbidden_message(url, forbidden), reason="forbidden-address")
    trouble = certificate_trouble(error)
    # The words of `http.client`; the number alone may be a part of a port.
    if any("Tunnel connection failed: 407" in str(cause) for cause in causes(error)):
        return ClusterError(f"Cannot reach {url}: {PROXY_SIGN_IN}", reason="proxy")
    why, question = _why(innermost(error))
    through = (
        " through the endpoint's proxy" if any(isinstance(cause, http.ProxyError) for cause in causes(error)) else ""
    )
    return ClusterError(f"Cannot reach {url}{through}: {why}; {question}", reason=trouble, passing=True)


def _why(cause: BaseException) -> tuple[str, str]:
    text = str(cause)
    if isinstance(cause, http.NameResolutionError | socket.gaierror) or "resolve" in text:
        return "its name cannot be resolved", "is the address right, and known to the runner's DNS?"
    if isinstance(cause, ConnectionRefusedError) or "refused" in text:
        return "connection refused", _QUESTION
    if isinstance(cause, http.ConnectTimeoutError | http.ReadTimeoutError | TimeoutError) or "timed out" in text:
        return "no answer in time", _QUESTION
    if "fingerprint" in text.lower():
        return (
            "its certificate is not the one that was accepted for this endpoint",
            "accept the new one in the endpoint if the change was intended.",
        )
    if isinstance(cause, ssl.SSLCertVerificationError) or "CERTIFICATE_VERIFY_FAILED" in text:
        return (
            f"its certificate is not trusted ({_verify(text)})",
            "put its CA into the endpoint's certAuthorityData, or accept its fingerprint.",
        )
    if isinstance(cause, ssl.SSLError | http.SSLError):
        return f"TLS failed ({_plain(text)})", "does the address start with https:// where it should?"
    if "unreachable" in text:
        return "no route to it", _QUESTION
    return _plain(text) or type(cause).__name__, _QUESTION


def _verify(text: str) -> str:
    match = re.search(r"certificate verify failed: ([^(]+)", text)
    return match.group(1).strip() if match else "verification failed"


def _plain(text: str) -> str:
    line = re.sub(r"<[^<>]*>:?\s*", "", " ".join(text.split()))
    return line if len(line) <= 200 else line[:199] + "…"
