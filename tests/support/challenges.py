"""A registry that is only its sign-in: it offers the challenges of a test, and shows one image to whom it lets in."""

from __future__ import annotations

import base64
import hashlib
import http.server
import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

MANIFEST = b'{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json"}'
DIGEST = f"sha256:{hashlib.sha256(MANIFEST).hexdigest()}"
BEARER = 'Bearer realm="http://HOST/v2/token",service="container_registry",scope="*"'
BASIC = 'Basic realm="Container Registry"'


@dataclass
class SignIns:
    """What was sent for signing in, and where the registry is."""

    host: str = ""
    seen: list[str] = field(default_factory=list)


@contextmanager
def registry_with(challenges: Sequence[str], user: str = "ci", password: str = "secret") -> Iterator[SignIns]:
    """Serve on loopback until the end; `HOST` in a challenge stands for the registry's own address."""
    basic = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
    signs = SignIns()

    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None: ...

        def do_GET(self) -> None:
            given = self.headers.get("Authorization", "")
            signs.seen.append(given)
            of_token = self.path.startswith("/v2/token")
            if given not in ((basic,) if of_token else (basic, "Bearer granted")):
                self.answer(401, b"{}")
            elif of_token:
                self.answer(200, json.dumps({"token": "granted"}).encode())
            else:
                self.answer(200, MANIFEST if "/manifests/" in self.path else b'{"tags":["1.0"]}')

        do_HEAD = do_GET

        def answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            if status == 401:
                for challenge in challenges:
                    self.send_header("WWW-Authenticate", challenge.replace("HOST", signs.host))
            else:
                self.send_header("Docker-Content-Digest", DIGEST)
            self.send_header("Content-Type", "application/vnd.oci.image.manifest.v1+json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    signs.host = f"127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield signs
    finally:
        server.shutdown()
        server.server_close()
