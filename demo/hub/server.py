"""HTTP in front of the Hub: the table of routes, rate limits, faults."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from . import admin, auth, hooks, registry, tags, uploads
from .faults import Faults
from .http import Answer, Answered, Request
from .world import World

DEFAULT_ACCOUNT, DEFAULT_PASSWORD, DEFAULT_REPOSITORY = "acme", "demo-password", "acme/web"
_REPO = r"/v2/repositories/([a-z0-9_.-]+)/([a-z0-9_.-]+)"
_SPACE = r"/v2/namespaces/([a-z0-9_.-]+)/repositories/([a-z0-9_.-]+)"
Route = Callable[..., Answer]

ROUTES: tuple[tuple[str, re.Pattern[str], Route], ...] = tuple(
    (method, re.compile(pattern + "$"), handler)
    for method, pattern, handler in (
        ("POST", r"/v2/auth/token", auth.auth_token),
        ("POST", r"/v2/users/login/?", auth.login),
        ("POST", r"/v2/users/2fa-login/?", auth.two_factor),
        ("GET", _REPO + r"/webhook_pipeline/", hooks.listing),
        ("POST", _REPO + r"/webhook_pipeline/", hooks.create),
        ("GET", _REPO + r"/webhook_pipeline/([a-z0-9-]+)/", hooks.read),
        ("DELETE", _REPO + r"/webhook_pipeline/([a-z0-9-]+)/", hooks.delete),
        ("GET", _REPO + r"/webhook_pipeline/([a-z0-9-]+)/history/", hooks.history),
        ("GET", _REPO + r"/?", tags.repository),
        ("GET", r"/v2/namespaces/([a-z0-9_.-]+)/repositories/?", tags.repositories),
        ("GET", _SPACE + r"/?", tags.repository),
        ("GET", _REPO + r"/tags/?", tags.listing),
        ("GET", _SPACE + r"/tags/?", tags.listing),
        ("GET", _REPO + r"/tags/([\w.-]+)/?", tags.one),
        ("GET", _SPACE + r"/tags/([\w.-]+)/?", tags.one),
    )
)
_IMAGE = r"/v2/([a-z0-9._/-]+)"
_READ = ("GET", "HEAD")
REGISTRY: tuple[tuple[tuple[str, ...], re.Pattern[str], Route], ...] = tuple(
    (methods, re.compile(pattern + "$"), handler)
    for methods, pattern, handler in (
        (_READ, _IMAGE + r"/manifests/([\w:.-]+)", registry.manifest),
        (("PUT",), _IMAGE + r"/manifests/([\w:.-]+)", uploads.put_manifest),
        (("POST",), _IMAGE + r"/blobs/uploads/", uploads.begin),
        (("PATCH",), _IMAGE + r"/blobs/uploads/([0-9a-f]+)", uploads.append),
        (("PUT",), _IMAGE + r"/blobs/uploads/([0-9a-f]+)", uploads.finish),
        (("DELETE",), _IMAGE + r"/blobs/uploads/([0-9a-f]+)", uploads.abandon),
        (_READ, _IMAGE + r"/blobs/(sha256:[0-9a-f]{64})", registry.blob),
        (_READ, _IMAGE + r"/tags/list", registry.tag_list),
    )
)


class FakeHub:
    """A Hub that serves from its construction until `close`."""

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        account: str = DEFAULT_ACCOUNT,
        password: str = DEFAULT_PASSWORD,
    ) -> None:
        self.world = World()
        self.faults = Faults()
        self.world.add_account(account, password)
        self._server = ThreadingHTTPServer((host, port), type("Handler", (_Handler,), {"hub": self}))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.2,), name="hub", daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Where the management API and the registry are served."""
        host, port = self._server.server_address[:2]
        return f"http://{host if isinstance(host, str) else host.decode()}:{port}"

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()

    def answer(self, request: Request) -> Answer:
        """The answer to a call, faults apart."""
        path = request.path
        if path.startswith("/_fake/"):
            return admin.handle(self.world, self.faults, request)
        if path == "/":
            return Answer(200, "<html><body>Docker Hub, a fake for tests and the demo.</body></html>")
        if path == "/token" and request.method == "GET":
            return registry.token(self.world, request)
        if path == "/v2/":
            return registry.probe(self.world, request)
        allowed = [
            (method, handler, match.groups())
            for method, pattern, handler in ROUTES
            if (match := pattern.match(path)) is not None
        ]
        for method, handler, groups in allowed:
            if method == request.method:
                name = (f"{groups[0]}/{groups[1]}", *groups[2:]) if len(groups) > 1 else groups
                return handler(self.world, request, *name)
        if allowed:
            raise Answered(405, {"detail": f'Method "{request.method}" not allowed.'})
        if re.match(_REPO + r"/webhook_pipeline(/[a-z0-9-]+)?(/history)?$", path):
            # Django's APPEND_SLASH: a POST that follows it arrives as a GET.
            return Answer(301, None, {"Location": f"{request.base}{path}/"})
        matching = [(row[0], row[2], match.groups()) for row in REGISTRY if (match := row[1].match(path)) is not None]
        for methods, handler, groups in matching:
            if request.method in methods:
                return handler(self.world, request, *groups)
        if matching:
            return registry.unsupported(self.world, request, matching[0][2][0], path)
        raise Answered(404, "<!DOCTYPE html>\n<html><body><h1>Page not found (404)</h1></body></html>")

    def limited(self) -> dict[str, str]:
        """The headers of the per-minute limit; raises 429 past it."""
        minute = int(time.time() // 60)
        limit = self.world.settings.calls_per_minute
        with self.world.lock:
            used = sum(1 for call in self.world.calls if call["minute"] == minute)
        reset = str((minute + 1) * 60)
        headers = {
            "X-RateLimit-Limit": str(limit),
            "X-RateLimit-Remaining": str(max(0, limit - used)),
            "X-RateLimit-Reset": reset,
        }
        if used > limit:
            raise Answered(429, {"detail": "Rate limit exceeded", "error": False}, {**headers, "X-Retry-After": reset})
        return headers


class _Handler(BaseHTTPRequestHandler):
    hub: FakeHub
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the list of calls is in the state."""

    def _handle(self) -> None:
        path, _, query = self.path.partition("?")
        body = self._body()
        headers = {name.lower(): value for name, value in self.headers.items()}
        base = f"http://{headers.get('host', '127.0.0.1')}"
        request = Request(self.command, path, query, headers, body, base)
        steering = path.startswith("/_fake/")
        fault = None if steering else self.hub.faults.meet(self.command, path)
        if fault is not None and fault.delay_s:
            time.sleep(fault.delay_s)
        extra: dict[str, str] = {}
        try:
            if not steering:
                with self.hub.world.lock:
                    call = {"method": self.command, "path": path, "query": query, "minute": int(time.time() // 60)}
                    if "/webhook_pipeline" in path:
                        call["body"] = body.decode("utf-8", "replace")
                    self.hub.world.calls.append(call)
                    del self.hub.world.calls[:-20_000]
            if fault is not None and fault.shape == "drop":
                self._hang_up()
                return
            if fault is not None and fault.shape not in ("lost-answer", "slow"):
                answer = fault.answer()
            else:
                extra = {} if steering or path == "/" else self.hub.limited()
                answer = self.hub.answer(request)
        except Answered as early:
            answer = early.answer
        if fault is not None and fault.shape == "lost-answer":
            self._hang_up()
            return
        self._send(answer, extra)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        chunks, total = [], 0
        # Docker sends a layer in chunks of unknown number; past the bound the connection ends.
        while size := int(self.rfile.readline(64).partition(b";")[0], 16):
            total += size
            if total > uploads.LARGEST:
                raise ConnectionAbortedError("a body past the bound")
            chunks.append(self.rfile.read(size))
            self.rfile.readline(8)
        while self.rfile.readline(1024).strip():
            pass
        return b"".join(chunks)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _handle

    def _hang_up(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def _send(self, answer: Answer, extra: dict[str, str]) -> None:
        body, kind = answer.payload()
        try:
            self.send_response(answer.status)
            named = {"Content-Type": kind} if kind else {}
            for name, value in {**named, **extra, **answer.headers}.items():
                self.send_header(name, value)
            if answer.status != 204:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True
