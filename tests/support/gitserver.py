"""A Git server on loopback, over HTTP with a password: Git's own `http-backend` behind a few lines of CGI."""

from __future__ import annotations

import base64
import os
import subprocess
import threading
from collections.abc import Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

_ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "ann",
    "GIT_AUTHOR_EMAIL": "ann@example.com",
    "GIT_COMMITTER_NAME": "ann",
    "GIT_COMMITTER_EMAIL": "ann@example.com",
}


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=folder, env={**_ENVIRONMENT, "HOME": str(folder)}, capture_output=True, text=True,
        check=True, timeout=30,
    )  # fmt: skip
    return done.stdout.strip()


class GitServer:
    """Serves bare repositories; `user` and `password` are asked for when given."""

    def __init__(self, folder: Path, user: str = "", password: str = "") -> None:
        self.folder = folder
        self._sign_in = base64.b64encode(f"{user}:{password}".encode()).decode() if user else ""
        handler = type("Handler", (_Handler,), {"site": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def commit(
        self,
        repository: str,
        files: Mapping[str, str | bytes],
        branch: str = "main",
        *,
        removed: Sequence[str] = (),
        forced: bool = False,
    ) -> str:
        """Put files onto a branch of a repository, which is made if need be; answers the commit.

        `forced` puts it in the place of the branch's last one, by a forced push.
        """
        bare = self.folder / f"{repository}.git"
        if not bare.exists():
            bare.mkdir(parents=True)
            _git(bare, "init", "-q", "--bare", "-b", "main")
        work = self.folder / "work" / repository
        if not work.exists():
            work.parent.mkdir(parents=True, exist_ok=True)
            _git(self.folder, "clone", "-q", str(bare), str(work))
        _git(work, "checkout", "-q", "-B", branch)
        for name, content in files.items():
            place = work / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content if isinstance(content, bytes) else content.encode())
        for name in removed:
            (work / name).unlink()
        _git(work, "add", "-A")
        _git(work, "commit", "-q", "-m", "change", *(("--amend",) if forced else ()))
        _git(work, "push", "-q", *(("--force",) if forced else ()), "origin", branch)
        return _git(work, "rev-parse", "HEAD")


class _Handler(BaseHTTPRequestHandler):
    site: GitServer
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        self._serve(b"")

    def do_POST(self) -> None:
        self._serve(self.rfile.read(int(self.headers.get("Content-Length") or 0)))

    def _serve(self, body: bytes) -> None:
        given = self.headers.get("Authorization", "").removeprefix("Basic ")
        if self.site._sign_in and given != self.site._sign_in:
            return self._answer(401, {"WWW-Authenticate": 'Basic realm="git"'}, b"")
        path, _, query = self.path.partition("?")
        environment = {
            **_ENVIRONMENT,
            "GIT_PROJECT_ROOT": str(self.site.folder),
            "GIT_HTTP_EXPORT_ALL": "1",
            "REQUEST_METHOD": self.command,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
        }
        done = subprocess.run(["git", "http-backend"], input=body, env=environment, capture_output=True, timeout=30)
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().splitlines() if ": " in line)
        status = int(headers.pop("Status", "200").split()[0])
        return self._answer(status, headers, content)

    def _answer(self, status: int, headers: Mapping[str, str], content: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
