"""Which part answers a request: hooks first and without Flask, then probes, then Flask for everything else."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from werkzeug.wsgi import ClosingIterator

from shared.contracts.base import Json
from shared.contracts.problems import Code, Problem
from shared.process.addresses import normal_text
from shared.process.clock import now
from shared.process.ids import new_id
from shared.process.metrics import Stopwatch

from .api.wire import error_body
from .concurrency_limit import ConcurrencyLimit
from .metrics import REQUEST_DURATION, ROUTE, method_of
from .receiver.app import hook_route, is_hook
from .request_bodies import BodyTooLarge, BodyUnreadable, with_plain_body

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

SIGN_IN_PATHS = frozenset(
    {
        "/sign-in",
        "/csp/gateway/am/api/login",
        "/csp/gateway/am/idp/auth/login",
        "/csp/gateway/am/api/auth/api-tokens/authorize",
        "/iaas/api/login",
        "/oauth/device",
        "/oauth/token",
    }
)
"""What anybody may send as often as they like, and what waits for nobody but config."""
Probe = Callable[[str], tuple[bool, dict[str, object]]]
"""Of a query string: whether all is well, and a document that says what is not."""


class Dispatcher:
    """The WSGI callable of a worker. `hooks` or `web` may be None where another command serves that part."""

    def __init__(
        self,
        *,
        hooks: WSGIApplication | None,
        web: WSGIApplication | None,
        probes: Mapping[str, Probe],
        crowd: ConcurrencyLimit,
        on_stop: Callable[[], None] = lambda: None,
    ) -> None:
        self._hooks = hooks
        self._web = web
        self._probes = probes
        self._crowd = crowd
        self.stop = on_stop
        """What the worker calls, in a signal handler, when it begins to stop."""

    @staticmethod
    def is_sign_in(target: str) -> bool:
        """Whether a request's target is a way in, which strangers use too."""
        return unquote(target.partition("?")[0]).rstrip("/") in SIGN_IN_PATHS

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        began, status = Stopwatch(), "500"

        def starting(line: str, headers: Any, *more: Any) -> Any:
            nonlocal status
            status = line[:3]
            return start_response(line, headers, *more)

        try:
            return self._answer(environ, starting)
        finally:
            route = hook_route(path) if is_hook(path := environ.get("PATH_INFO", "")) else environ.get(ROUTE, "")
            method = method_of(environ.get("REQUEST_METHOD", ""))
            REQUEST_DURATION.labels(method, route, status).observe(began.seconds)

    def _answer(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        # A socket for both families shows IPv4 callers as IPv6: limits, networks and proxies are of the plain form.
        environ["REMOTE_ADDR"] = normal_text(environ.get("REMOTE_ADDR", ""))
        path: str = environ.get("PATH_INFO", "")
        if self._hooks is not None and is_hook(path):
            return self._hooks(environ, start_response)
        if (probe := self._probes.get(path)) is not None:
            environ[ROUTE] = path
            return _answer_probe(probe, environ, start_response)
        if self._web is None or is_hook(path):
            return _json(start_response, "404 Not Found", {"message": "This process does not serve that address."})
        try:
            environ = with_plain_body(environ)
        except (BodyTooLarge, BodyUnreadable) as error:
            return _refuse_body(start_response, path, error)
        if not self._crowd.enter():
            return _json(start_response, "503 Service Unavailable", _busy(path), ("Retry-After", "2"))
        try:
            answer = self._web(environ, start_response)
        except BaseException:
            self._crowd.leave()
            raise
        return ClosingIterator(answer, [self._crowd.leave])


def _answer_probe(probe: Probe, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    well, document = probe(environ.get("QUERY_STRING", ""))
    return _json(start_response, "200 OK" if well else "503 Service Unavailable", document)


def _refuse_body(start_response: StartResponse, path: str, error: BodyTooLarge | BodyUnreadable) -> Iterable[bytes]:
    too_large = isinstance(error, BodyTooLarge)
    status = HTTPStatus(413 if too_large else 415 if getattr(error, "unsupported", False) else 400)
    problem = Problem(code=Code.INVALID, message=str(error))
    body = error_body(problem, path=path, at=now(), request_id=new_id())[1]
    body |= {"status": status.value, "statusCode": status.value, "error": status.phrase}
    return _json(start_response, f"{status.value} {status.phrase}", body)


def _busy(path: str) -> Json:
    message = "Too many requests at once; try again in a moment."
    problem = Problem(code=Code.UNAVAILABLE, message=message)
    return error_body(problem, path=path, at=now(), request_id=new_id())[1]


def _json(
    start_response: StartResponse, status: str, document: dict[str, object], *headers: tuple[str, str]
) -> Iterable[bytes]:
    body = json.dumps(document).encode()
    start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(body))), *headers])
    return [body]
