"""`portside system init --kubernetes-secret`, in a pod: the Secret is made once, in the pod's own namespace."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from cli import kube
from cli.__main__ import main as command
from tests.support import tls


class ApiServer:
    """Takes new Secrets over HTTPS and refuses one that exists, as a cluster's API server does."""

    def __init__(self, folder: Path) -> None:
        self.secrets: dict[str, Any] = {}
        self.tokens: set[str] = set()
        secrets, tokens = self.secrets, self.tokens

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                tokens.add(self.headers["Authorization"])
                path = f"{self.path}/{body['metadata']['name']}"
                is_new = path not in secrets
                secrets.setdefault(path, body["stringData"])
                self.send_response(201 if is_new else 409)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        self.certificate = tls.certificate(authority=True)
        self._door = tls.Door(folder, self.certificate, ("127.0.0.1", self._server.server_port))
        self.port = self._door.port

    def close(self) -> None:
        self._door.close()
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def api_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ApiServer]:
    """The API server of the pod that the test seems to run in."""
    server = ApiServer(tmp_path)
    account = tmp_path / "serviceaccount"
    account.mkdir()
    (account / "token").write_text("the-pods-token\n")
    (account / "namespace").write_text("delivery\n")
    (account / "ca.crt").write_text(server.certificate.pem)
    monkeypatch.setattr(kube, "SERVICE_ACCOUNT", account)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(server.port))
    yield server
    server.close()


def test_the_secret_is_made_once_and_then_kept(api_server: ApiServer) -> None:
    words = ["system", "init", "--kubernetes-secret", "portside-keys"]
    first, second = (CliRunner().invoke(command, words, catch_exceptions=False) for _ in range(2))
    assert (first.exit_code, first.output) == (0, "made the Secret portside-keys\n")
    assert (second.exit_code, second.output) == (0, "the Secret portside-keys exists already\n")
    assert api_server.tokens == {"Bearer the-pods-token"}
    ((path, texts),) = api_server.secrets.items()
    assert path == "/api/v1/namespaces/delivery/secrets/portside-keys"
    assert set(texts) == {"seal.key", "seal.pub", "jwt.key", "admin-password"} and all(texts.values())
