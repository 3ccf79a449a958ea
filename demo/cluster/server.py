"""HTTP in front of the cluster."""

from __future__ import annotations

import json
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from . import discovery, routes, verbs
from .access import Access
from .controllers import Controllers
from .errors import ApiError, Obj, forbidden, no_such_path, unauthorized
from .routes import Place, Query
from .store import Store

DEFAULT_TOKEN = "demo-token"
PUBLIC = ("/healthz", "/livez", "/readyz", "/version")
_VERBS = {"GET": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


class FakeCluster:
    """A cluster that serves from its construction until `close`."""

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        token: str = DEFAULT_TOKEN,
        pace_s: float = 1.0,
        state: Path | None = None,
        namespaces: tuple[str, ...] = (),
    ) -> None:
        self.store = Store(state)
        self.token = token
        self.access = Access({token: "deployer"})
        self.closing = threading.Event()
        for name in ("default", "kube-system", "kube-public", "apps", *namespaces):
            self._namespace(name)
        self._controllers = Controllers(self.store, pace_s)
        handler = type("Handler", (_Handler,), {"cluster": self})
        self._server = _Server((host, port), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.2,), name="cluster", daemon=True)
        self._controllers.start()
        self._thread.start()

    @property
    def url(self) -> str:
        """Where the API is served."""
        host, port = self._server.server_address[:2]
        return f"http://{host if isinstance(host, str) else host.decode()}:{port}"

    def close(self) -> None:
        """Stop serving and save the state."""
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._controllers.stop()
        self.store.save()

    def _namespace(self, name: str) -> None:
        row = next(row for row in self.store.rows() if row.kind == "Namespace")
        if self.store.get(("/namespaces", "", name)) is None:
            body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
            verbs.create(self.store, row, "", body, verbs.Options(manager="kube-apiserver"))


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64


class _Handler(BaseHTTPRequestHandler):
    cluster: FakeCluster
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the list of calls is kept in `Access`."""

    def _handle(self) -> None:
        path, _, query = self.path.partition("?")
        length = int(self.headers.get("Content-Length") or 0)
        raw = self.rfile.read(length) if length else b""
        access = self.cluster.access
        fault = None if path.startswith("/_fake/") else access.fault(self.command, path)
        if fault is not None and fault.delay_s:
            time.sleep(fault.delay_s)
        try:
            if fault is not None and not fault.after and (fault.drop or fault.status):
                answer: Obj | str | None = None
                status = fault.status
            else:
                status, answer = self._answer(path, Query.of(query), raw)
        except ApiError as refused:
            status, answer = refused.code, refused.status
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True
            return
        if not path.startswith("/_fake/"):
            access.note(self.command, path, query, status)
        if fault is not None and fault.drop:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        if fault is not None and fault.status:
            status = fault.status
            answer = fault.body or ApiError(status, "InternalError", "injected by a test").status
        if answer is not None:
            self._send(status, answer)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _handle

    def _send(self, status: int, answer: Obj | str) -> None:
        text = isinstance(answer, str)
        body = answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()
        try:
            self.send_response(status)
            self.send_header("Content-Type", "text/plain" if text else "application/json")
            self.send_header("Content-Length", str(len(body)))
            if status == 429:
                self.send_header("Retry-After", "1")
            self.end_headers()
            self.wfile.write(body)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def _answer(self, path: str, query: Query, raw: bytes) -> tuple[int, Obj | str | None]:
        cluster = self.cluster
        content_type = self.headers.get("Content-Type") or "application/json"
        if path.startswith("/_fake/"):
            return 200, cluster.access.admin(self.command, path, routes.parse(raw, "application/json"))
        if path in PUBLIC and self.command == "GET":
            return 200, discovery.VERSION if path == "/version" else "ok"
        user = cluster.access.user(self.headers.get("Authorization") or "")
        if user is None:
            raise unauthorized()
        rows = cluster.store.rows()
        depth = len([part for part in path.split("/") if part])
        if self.command == "GET" and (depth < 3 or (path.startswith("/apis/") and depth == 3)):
            return 200, discovery.answer(path.rstrip("/"), rows, self.headers.get("Host") or "")
        if path == "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews" and self.command == "POST":
            body = routes.parse(raw, content_type)
            answer = routes.review(
                body, rows, lambda verb, row, namespace: cluster.access.allows(user, verb, row, namespace)
            )
            return 201, answer
        if path == "/apis/authentication.k8s.io/v1/selfsubjectreviews" and self.command == "POST":
            body = routes.parse(raw, content_type)
            return 201, {**body, "status": {"userInfo": {"username": user, "groups": ["system:authenticated"]}}}
        place = routes.locate(path, rows)
        watching = query.flag("watch")
        verb = _VERBS[self.command]
        if not place.name:
            verb = {"get": "watch" if watching else "list", "delete": "deletecollection"}.get(verb, verb)
        if not cluster.access.allows(user, verb, place.row, place.namespace):
            raise forbidden(place.row, place.name, user, verb, place.namespace)
        if watching and self.command == "GET":
            self._watch(place, query)
            return 200, None
        return self._verb(place, query, raw, content_type)

    def _verb(self, place: Place, query: Query, raw: bytes, content_type: str) -> tuple[int, Obj | str]:
        store, row = self.cluster.store, place.row
        where = (store, row, place.namespace, place.name)
        options = query.options(self.headers.get("User-Agent") or "unknown")
        if self.command == "GET":
            if not place.name:
                return 200, routes.listing(store, place, query)
            if place.sub == "log":
                return 200, routes.pod_log(store, place, query)
            obj = verbs.read(*where)
            return 200, routes.scale_of(row, obj) if place.sub == "scale" else obj
        body = routes.parse(raw, content_type)
        if self.command == "POST" and not place.name and (place.namespace or not row.namespaced):
            return 201, verbs.create(store, row, place.namespace, body, options)
        if self.command == "DELETE":
            return 200, self._delete(place, query, body, options)
        if not place.name:
            raise ApiError(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")
        if place.sub == "scale":
            return 200, routes.write_scale(store, place, body, options)
        if self.command == "PUT":
            return 200, verbs.replace(*where, body, options, place.sub)
        if self.command == "PATCH":
            kind = content_type.split(";")[0].strip()
            if kind == "application/apply-patch+yaml":
                applied, new = verbs.apply(*where, body, options, place.sub)
                return (201 if new else 200), applied
            return 200, verbs.patch(*where, kind, body, options, place.sub)
        raise no_such_path()

    def _delete(self, place: Place, query: Query, body: Any, options: verbs.Options) -> Obj:
        store, row = self.cluster.store, place.row
        propagation = query.text("propagationPolicy")
        if not place.name:
            matches = routes.matching(store, place, query)
            for obj in matches:
                metadata = obj["metadata"]
                if store.get(verbs.key_of(row, metadata.get("namespace", ""), metadata["name"])) is not None:
                    verbs.delete(
                        store, row, metadata.get("namespace", ""), metadata["name"], body, propagation, options.dry_run
                    )
            return {"kind": f"{row.kind}List", "apiVersion": row.api_version, "metadata": {}, "items": matches}
        old = verbs.delete(store, row, place.namespace, place.name, body, propagation, options.dry_run)
        if old["metadata"].get("finalizers"):
            return store.get(verbs.key_of(row, place.namespace, place.name)) or old
        details = {"name": place.name, "group": row.group, "kind": row.plural, "uid": old["metadata"]["uid"]}
        return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}

    def _watch(self, place: Place, query: Query) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for event in routes.watch(self.cluster.store, place, query, self.cluster.closing.is_set):
            line = json.dumps(event).encode() + b"\n"
            self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
        self.wfile.write(b"0\r\n\r\n")
