"""Statuses at commits: what GitHub's and GitLab's API would get, at a server on loopback."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from services.runner.clients.commit_status import CommitStatus, post
from services.runner.task_protocol import OpenEndpoint
from tests.support.outbound import LOOPBACK

COMMIT = "0a1b2c3d4e5f60718293a4b5c6d7e8f901234567"
TOKEN = "s3cret-token"


class Host:
    """Keeps what is posted, and answers with `status`."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, str], dict[str, Any]]] = []
        self.status = 201
        host = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                """Quiet."""

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                host.calls.append((self.path, dict(self.headers), body))
                self.send_response(host.status)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def host() -> Iterator[Host]:
    git_host = Host()
    yield git_host
    git_host.close()


def endpoint(host: Host, server_type: str, **more: str) -> OpenEndpoint:
    properties = {"serverType": server_type, "repoURL": f"{host.url}/acme/config.git", "token": TOKEN, **more}
    return OpenEndpoint("config", "git", properties)


def test_github_gets_state_context_and_the_page(host: Host) -> None:
    status = CommitStatus(COMMIT, False, "x" * 200, "https://portside.example.com/projects/1")
    assert post(LOOPBACK, endpoint(host, "GITHUB_ENTERPRISE"), status) == "Posted at the commit: failure."
    ((path, headers, body),) = host.calls
    assert path == f"/api/v3/repos/acme/config/statuses/{COMMIT}"
    assert headers["Authorization"] == f"Bearer {TOKEN}"
    assert (body["state"], body["context"], body["target_url"]) == ("failure", "portside", status.page_url)
    assert len(body["description"]) == 140


def test_gitlab_gets_its_own_words(host: Host) -> None:
    assert "success" in post(LOOPBACK, endpoint(host, "GITLAB_ENTERPRISE"), CommitStatus(COMMIT, True, "2 definitions"))
    ((path, headers, body),) = host.calls
    assert path == f"/api/v4/projects/acme%2Fconfig/statuses/{COMMIT}"
    assert headers["Private-Token" if "Private-Token" in headers else "PRIVATE-TOKEN"] == TOKEN
    assert body == {"state": "success", "name": "portside", "description": "2 definitions"}


def test_a_refusal_is_told_without_the_token(host: Host) -> None:
    host.status = 403
    answer = post(LOOPBACK, endpoint(host, "GITHUB_ENTERPRISE"), CommitStatus(COMMIT, True, "fine"))
    assert "answered 403" in answer and "right to set commit statuses" in answer and TOKEN not in answer


@pytest.mark.parametrize(
    ("server_type", "more"),
    [
        ("GIT", {}),
        ("BITBUCKET", {}),
        ("GITHUB", {"token": ""}),
        ("GITHUB", {"repoURL": "git@example.com:acme/web.git"}),
    ],
)
def test_elsewhere_only_portside_shows_it(host: Host, server_type: str, more: dict[str, str]) -> None:
    answer = post(LOOPBACK, endpoint(host, server_type, **more), CommitStatus(COMMIT, True, "fine"))
    assert "shown in Portside alone" in answer and host.calls == []
