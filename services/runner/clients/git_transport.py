"""The way to a Git repository: dulwich's client over our HTTP client or SSH connections, with bounds on both.

dulwich names `_http_request` and `run_command` as what a transport of one's own provides.
"""

from __future__ import annotations

import base64
import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from dulwich import errors as git_errors
from dulwich.client import AbstractHttpGitClient, GitClient, HTTPUnauthorized, SSHGitClient, SSHVendor

from services.runner.task_protocol import OpenEndpoint
from shared.outbound.cancel_scope import CancelScope, Ended
from shared.outbound.failures import explain
from shared.outbound.guard import Reach
from shared.outbound.http import HttpClient, OutboundError, RequestLimits, StreamedReply
from shared.outbound.redirects import without_query
from shared.process.errors import causes

from . import ssh
from .git_packs import SendsTooMuch
from .http import access_of

OVERALL_S = 120.0
READ_S = 60.0
MAX_FETCH_BYTES = 512 * 1024 * 1024
"""On the wire, of one commit with all its files."""
MAX_REFS_BYTES = 32 * 1024 * 1024
"""On the wire, of the list of branches and tags that comes before."""
_MAX_ERROR_BYTES = 64 * 1024
_SHORT_URL = re.compile(r"(?:([^@/\s]+)@)?([^:/\s]+):(?!//)(\S+)")
"""`git@example.com:acme/web.git`."""
_TOKEN_USERS = {"GITLAB": "oauth2", "GITLAB_ENTERPRISE": "oauth2", "BITBUCKET": "x-token-auth"}
"""The user name that goes with an access token; GitHub takes any."""


class GitProblem(Exception):
    """A repository could not be read; `code` is a stable word for the cause."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Budget:
    """Counts what comes from one server."""

    def __init__(self) -> None:
        self._limit = MAX_REFS_BYTES
        self._what = "branches and tags"
        self._spent = 0

    def expect_pack(self) -> None:
        """The list of branches and tags has come; a commit is next."""
        self._limit, self._what = MAX_FETCH_BYTES, "one commit"

    def spend(self, piece: bytes) -> bytes:
        """Count a piece. Raises when it is one too many."""
        self._spent += len(piece)
        if self._spent > self._limit:
            raise SendsTooMuch(f"more than {self._limit // 2**20} MiB for {self._what}")
        return piece


@dataclass(frozen=True, slots=True)
class Remote:
    """A repository on a server: dulwich's client for it, its path there, and what may still come."""

    client: GitClient
    path: str
    budget: Budget


@contextmanager
def open_repository(client: HttpClient, endpoint: OpenEndpoint, log: Callable[[str], None]) -> Iterator[Remote]:
    """The endpoint's repository. Raises GitProblem for every failure, also of what the block does with it."""
    url = (endpoint.text("repoURL") or endpoint.text("url")).strip()
    with CancelScope(OVERALL_S) as scope, ExitStack() as closing:
        try:
            budget = Budget()
            yield Remote(*_client(client, endpoint, url, budget, closing), budget)
        except GitProblem:
            raise
        except ssh.SshProblem as problem:
            raise GitProblem(problem.code, problem.message) from None
        except Exception as error:
            if scope.ended is Ended.DEADLINE:  # A cut connection, or a pack that takes too long to unpack.
                message = f"{_bare(url)} did not send its commit within {OVERALL_S:g} s."
                raise GitProblem("too-slow", message) from None
            raise _translated(error, endpoint, url) from error


def _client(
    client: HttpClient, endpoint: OpenEndpoint, url: str, budget: Budget, closing: ExitStack
) -> tuple[GitClient, str]:
    if short := _SHORT_URL.fullmatch(url):
        return _over_ssh(client, endpoint, (short[1] or "git", short[2], 22), short[3], budget, closing)
    try:
        parts = urlsplit(url)
        scheme, host, port = parts.scheme, parts.hostname or "", parts.port
    except ValueError:
        scheme, host, port = "", "", None
    if scheme == "ssh" and host:
        return _over_ssh(
            client, endpoint, (unquote(parts.username or "git"), host, port or 22), parts.path, budget, closing
        )
    if scheme not in ("http", "https") or not host:
        bare_url = _bare(url) or "its repoURL"
        raise GitProblem("no-address", f"Endpoint {endpoint.name}: {bare_url} is not the address of a Git server.")
    base = f"{scheme}://{parts.netloc.rpartition('@')[2]}/"
    return _HttpGitClient(base, client, endpoint, budget, closing), parts.path.lstrip("/")


def _over_ssh(
    client: HttpClient, endpoint: OpenEndpoint, target: tuple[str, str, int], path: str, budget: Budget,
    closing: ExitStack,
) -> tuple[GitClient, str]:  # fmt: skip
    user, host, port = target
    login = ssh.Login(
        host,
        user,
        port,
        password=endpoint.text("password"),
        private_key=endpoint.text("privateKey"),
        passphrase=endpoint.text("passphrase"),
        host_key=endpoint.text("hostKey"),
    )

    def connect() -> Any:
        connection = ssh.connect(login, client.guard, Reach(endpoint.may_be_local), refuse)
        closing.callback(connection.close)
        return connection

    def refuse(key: str) -> None:
        raise ssh.SshProblem(
            "host-key",
            f"Nobody has vouched for {login.place} yet. It shows the host key {key}; if that is right, put it into the "
            "endpoint's `hostKey`.",
        )

    return SSHGitClient(host, port, user, vendor=_Vendor(connect, login.place, budget)), path


# ----------------------------------------------------------------------------------------------------------------- HTTP


@dataclass
class _Answer:
    """An answer in the shape in which dulwich reads it."""

    reply: StreamedReply
    asked_url: str

    @property
    def status(self) -> int:
        return self.reply.status

    @property
    def headers(self) -> Any:
        return self.reply.headers

    @property
    def content_type(self) -> str | None:
        return self.reply.headers.get("Content-Type")

    @property
    def redirect_location(self) -> str:
        return "" if self.reply.url == self.asked_url else self.reply.url

    def close(self) -> None:
        self.reply.close()


class _HttpGitClient(AbstractHttpGitClient):
    """Git's smart protocol over our HTTP client; the password goes to the endpoint's own server alone."""

    def __init__(
        self, base_url: str, client: HttpClient, endpoint: OpenEndpoint, budget: Budget, closing: ExitStack
    ) -> None:
        super().__init__(base_url)
        self._client = client
        self._access = access_of(endpoint)
        self._authorization = _authorization(endpoint)
        self._home = base_url
        self._closing = closing
        self._budget = budget

    def _http_request(
        self, url: str, headers: dict[str, str] | None = None, data: Any = None, raise_for_status: bool = True
    ) -> tuple[Any, Callable[[int], bytes]]:
        body = data if data is None or isinstance(data, bytes) else b"".join(data)
        signed = {"Authorization": self._authorization} if self._authorization and url.startswith(self._home) else {}
        sent = {"Pragma": "no-cache", **(headers or {}), **signed}
        limits = RequestLimits(overall_s=OVERALL_S, read_s=READ_S)
        method = "GET" if body is None else "POST"
        reply = self._closing.enter_context(
            self._client.stream(method, url, headers=sent, body=body, limits=limits, access=self._access)
        )
        if raise_for_status:
            _demand_ok(reply, url)
        return _Answer(reply, url), lambda size: self._budget.spend(reply.read_piece(size))


def _demand_ok(reply: StreamedReply, url: str) -> None:
    if reply.status == 404:
        raise git_errors.NotGitRepository
    if reply.status == 401:
        raise HTTPUnauthorized(reply.headers.get("WWW-Authenticate"), url)
    if reply.status != 200:
        raise git_errors.GitProtocolError(f"it answered {reply.status} for {without_query(url)}")


def _authorization(endpoint: OpenEndpoint) -> str:
    user, password = endpoint.text("username"), endpoint.text("password")
    if token := endpoint.text("token"):
        user, password = user or _TOKEN_USERS.get(endpoint.text("serverType").upper(), "x-access-token"), token
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}" if user else ""


# ------------------------------------------------------------------------------------------------------------------ SSH


class _Vendor(SSHVendor):
    """Runs Git's half of the conversation on the server, over a connection of ours."""

    def __init__(self, connect: Callable[[], Any], place: str, budget: Budget) -> None:
        self._connect = connect
        self._place = place
        self._budget = budget

    def run_command(self, host: str, command: bytes, *_: Any, **__: Any) -> Any:
        transport = self._connect().get_transport()
        if transport is None:
            raise ssh.SshProblem("unreachable", f"{self._place} closed the connection.")
        channel = transport.open_session(timeout=READ_S)
        channel.settimeout(READ_S)
        channel.exec_command(command.decode())
        return _Conversation(channel, self._budget)


class _Conversation:
    """A channel in the shape in which dulwich reads and writes."""

    def __init__(self, channel: Any, budget: Budget) -> None:
        self._channel = channel
        self._stream = channel.makefile("rb")
        self._budget = budget
        self.stderr = _Errors(channel)

    def can_read(self) -> bool:
        return bool(self._channel.recv_ready())

    def write(self, data: bytes) -> int:
        self._channel.sendall(data)
        return len(data)

    def read(self, size: int | None = None) -> bytes:
        return self._budget.spend(bytes(self._stream.read(MAX_FETCH_BYTES if size is None else size)))

    def close(self) -> None:
        self._channel.close()


class _Errors:
    """What the server prints as an error, cut."""

    def __init__(self, channel: Any) -> None:
        self._stream = channel.makefile_stderr("rb")

    def read(self, size: int | None = None) -> bytes:
        return bytes(self._stream.read(_MAX_ERROR_BYTES))

    def readlines(self) -> list[bytes]:
        return self.read().splitlines(keepends=True)

    def close(self) -> None:
        with suppress(OSError):
            self._stream.close()


# ------------------------------------------------------------------------------------------------------------- failures


def _bare(url: str) -> str:
    """The address without a password that somebody wrote into it."""
    return re.sub(r"//[^/@]*@", "//", url)


def _translated(error: BaseException, endpoint: OpenEndpoint, url: str) -> GitProblem:
    bare_url = _bare(url)
    outbound = next((cause for cause in causes(error) if isinstance(cause, OutboundError)), None)
    if outbound is not None:
        return GitProblem(outbound.code, outbound.message)
    if (excess := next((cause for cause in causes(error) if isinstance(cause, SendsTooMuch)), None)) is not None:
        return GitProblem("too-large", f"{bare_url} sends {excess}.")
    if isinstance(error, HTTPUnauthorized):
        return GitProblem(
            "wrong-password",
            f"{bare_url} asks for a sign-in and does not accept the one of endpoint {endpoint.name}: correct its user "
            "name, password or token.",
        )
    if isinstance(error, git_errors.NotGitRepository):
        return GitProblem(
            "no-such-repository",
            f"{bare_url}: there is no such repository, or endpoint {endpoint.name} may not see it.",
        )
    if isinstance(error, git_errors.HangupException):
        reason = b" ".join(error.stderr_lines or []).decode("utf-8", "replace").strip()[:500]
        return GitProblem("no-such-repository", f"{bare_url} hung up: {reason or 'it gave no reason'}")
    if isinstance(error, git_errors.GitProtocolError | ValueError | KeyError | AssertionError | zlib.error):
        return GitProblem("refused", f"{bare_url} does not speak Git as it should: {str(error)[:200]}")
    return GitProblem("unreachable", f"Cannot reach {bare_url}: {explain(error)}.")
