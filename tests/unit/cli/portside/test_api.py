"""The client against a real HTTP server that misbehaves: every answer ends in words and an exit code."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from cli.portside import api
from cli.portside.api import ApiError, Client, Unreachable, checked_url
from cli.portside.ending import CommandFailed, ExitCode


class Server(BaseHTTPRequestHandler):
    """Answers what the test put there, and keeps what it was sent."""

    answer: ClassVar[tuple[int, dict[str, str], bytes]]
    requests: ClassVar[list[tuple[str, str, str]]]

    def do_GET(self) -> None:
        self.requests.append((self.command, self.path, self.headers.get("Authorization", "")))
        status, headers, body = self.answer
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def url() -> Iterator[str]:
    Server.requests = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def answers(status: int, document: Any, **headers: str) -> None:
    Server.answer = (status, headers, document if isinstance(document, bytes) else json.dumps(document).encode())


@pytest.mark.parametrize(
    ("status", "code"),
    [(400, ExitCode.FAILED), (401, ExitCode.NOT_ALLOWED), (403, ExitCode.NOT_ALLOWED), (404, ExitCode.NOT_FOUND),
     (409, ExitCode.FAILED), (503, ExitCode.UNREACHABLE)],
)  # fmt: skip
def test_a_refusal_is_the_servers_own_words_with_each_flaw_and_the_next_step(
    url: str, status: int, code: ExitCode
) -> None:
    flaw = {"message": "unknown key: stagesOrder", "line": 3, "column": 1, "hint": "did you mean stageOrder?"}
    answers(status, {"message": "The pipeline is not valid.", "flaws": [flaw], "nextStep": "Correct it."})
    with pytest.raises(ApiError) as failure:
        Client(url).get("/pipelines")
    assert failure.value.message.splitlines() == [
        "The pipeline is not valid.",
        "line 3, column 1: unknown key: stagesOrder (did you mean stageOrder?)",
        "Correct it.",
    ]
    assert (failure.value.status, failure.value.exit_code) == (status, code)


def test_a_flaw_that_the_message_names_is_not_repeated(url: str) -> None:
    answers(400, {"message": "web cannot run: no input TAGG", "flaws": [{"message": "no input TAGG"}]})
    with pytest.raises(ApiError) as failure:
        Client(url).get("/pipelines")
    assert failure.value.message == "web cannot run: no input TAGG"
    flaw = {"message": "no input TAGG", "hint": "did you mean TAG?", "line": 2, "column": 3}
    answers(400, {"message": "web: line 2, column 3: input.x: no input TAGG (did you mean TAG?)", "flaws": [flaw]})
    with pytest.raises(ApiError) as failure:
        Client(url).get("/pipelines")
    assert len(failure.value.message.splitlines()) == 1


@pytest.mark.parametrize("body", [b"<html>a proxy's page</html>", b"", b"[" * 100_000])
def test_an_answer_that_is_not_json_asks_whether_it_is_portside(url: str, body: bytes) -> None:
    answers(200, body)
    with pytest.raises(Unreachable, match="is it Portside"):
        Client(url).get("/pipelines")


def test_a_redirect_is_not_followed(url: str) -> None:
    answers(302, {}, Location="https://elsewhere.example.com/codestream/api/pipelines")
    with pytest.raises(Unreachable, match=r"redirects to https://elsewhere\.example\.com"):
        Client(url).get("/pipelines")
    assert len(Server.requests) == 1


def test_an_answer_beyond_the_bound_is_not_read(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "MAX_ANSWER_BYTES", 1_000_000)
    answers(200, b" " * 3_000_000)
    with pytest.raises(Unreachable, match="more than"):
        Client(url).get("/pipelines")


def test_a_server_of_http_that_is_called_by_https_is_named_as_one(url: str) -> None:
    with pytest.raises(Unreachable, match="speaks HTTP there and not HTTPS; write http://"):
        Client(url.replace("http:", "https:")).get("/pipelines")


def test_nobody_there_is_unreachable() -> None:
    with pytest.raises(Unreachable, match="cannot be reached") as failure:
        Client("http://127.0.0.1:1").get("/pipelines")
    assert failure.value.exit_code is ExitCode.UNREACHABLE


def test_what_netrc_holds_for_the_host_is_not_sent(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login ann password other\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    answers(200, {"token": "access"})
    client = Client(url)
    client.sign_in_with("of-ann")
    client.get("/pipelines")
    assert [authorization for _, _, authorization in Server.requests] == ["", "Bearer access"]


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("portside.example.com", "https://portside.example.com"),
        ("http://127.0.0.1:8080/", "http://127.0.0.1:8080"),
        ("https://portside.example.com/executions?x=1", "https://portside.example.com"),
    ],
)
def test_an_address_is_kept_without_its_path(text: str, url: str) -> None:
    assert checked_url(text) == url


@pytest.mark.parametrize("text", ["ftp://example.com", "https://", "https://ann:secret@example.com"])
def test_what_is_not_an_address_is_refused(text: str) -> None:
    with pytest.raises(CommandFailed, match="is not a server's address"):
        checked_url(text)
