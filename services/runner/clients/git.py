"""Reading a file from a Git repository, over HTTPS or SSH, in the process itself.

Only the one commit is fetched, into a folder that goes at once. Why not the `git` command: docs/adr/0004.
"""

from __future__ import annotations

import re
import stat
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from ssl import SSLError
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

import urllib3
from dulwich import errors as git_errors
from dulwich.client import GitClient, HTTPUnauthorized, SSHGitClient, SSHVendor, Urllib3HttpGitClient
from dulwich.object_store import tree_lookup_path
from dulwich.objects import Blob, Commit, Tag, Tree
from dulwich.repo import Repo

from . import ssh
from .errors import why
from .tls import certificate_trouble, context, pools, trust_of

CONNECT_S, READ_S = 10.0, 60.0
MAX_FILE_BYTES = 256 * 1024
_TOKEN_USERS = {"GITLAB": "oauth2", "GITLAB_ENTERPRISE": "oauth2", "BITBUCKET": "x-token-auth"}
"""The user name that goes with an access token; GitHub takes any."""


class GitProblem(Exception):
    """A repository could not be read; `code` is a stable word for the cause."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Endpoint(Protocol):
    """An endpoint of type `git`, its secrets in clear."""

    @property
    def name(self) -> str: ...

    @property
    def properties(self) -> Mapping[str, Any]: ...

    def text(self, key: str, default: str = "") -> str: ...


@dataclass(frozen=True, slots=True)
class File:
    """A file as one commit has it."""

    path: str
    branch: str
    commit: str
    text: str


def read_file(endpoint: Endpoint, path: str, tell: Callable[[str], None], branch: str = "") -> File:
    """A text file of at most 256 KiB at the tip of a branch or tag: the one asked for, else the endpoint's."""
    wanted = branch or endpoint.text("branch")
    with _repository(endpoint, tell) as (client, place), tempfile.TemporaryDirectory(prefix="portside-git-") as folder:
        chosen: list[tuple[str, bytes]] = []

        def tip(refs: Mapping[Any, Any], depth: int | None = None) -> list[Any]:
            chosen.append(_tip(refs, wanted, endpoint))
            return [chosen[-1][1]]

        with Repo.init_bare(folder) as repo:
            client.fetch(place, repo, determine_wants=tip, depth=1)
            name, found = chosen[-1]
            commit = _commit(repo, found)
            return File(path, name, commit.id.decode(), _text(repo, commit, path, endpoint, name))


def branches(endpoint: Endpoint, tell: Callable[[str], None]) -> list[str]:
    """The repository's branches: also a way to try an endpoint."""
    with _repository(endpoint, tell) as (client, place):
        refs = client.get_refs(place.encode()).refs
    return sorted(ref.removeprefix(b"refs/heads/").decode() for ref in refs if ref.startswith(b"refs/heads/"))


def _tip(refs: Mapping[bytes, bytes | None], wanted: str, endpoint: Endpoint) -> tuple[str, bytes]:
    if not wanted:
        if head := refs.get(b"HEAD"):
            return "HEAD", head
        raise GitProblem("no-branch", f"The repository of endpoint {endpoint.name} is empty: push to it first.")
    for full in (f"refs/heads/{wanted}", f"refs/tags/{wanted}", wanted):
        if found := refs.get(full.encode()):
            return wanted, found
    known = sorted(ref[11:].decode() for ref in refs if ref.startswith(b"refs/heads/"))
    raise GitProblem(
        "no-branch",
        f"The repository of endpoint {endpoint.name} has no branch or tag {wanted}; its branches: "
        f"{', '.join(known[:20]) or 'none'}.",
    )


def _commit(repo: Repo, found: bytes) -> Commit:
    one = repo[found]
    while isinstance(one, Tag):
        one = repo[one.object[1]]
    if not isinstance(one, Commit):
        raise GitProblem("no-branch", "The name does not lead to a commit.")
    return one


def _text(repo: Repo, commit: Commit, path: str, endpoint: Endpoint, name: str) -> str:
    place = path.strip().strip("/")
    where = f"{place} of {name} at endpoint {endpoint.name}"
    try:
        mode, found = tree_lookup_path(repo.__getitem__, commit.tree, place.encode())
    except (KeyError, git_errors.NotTreeError):
        tree = repo[commit.tree]
        top = sorted(entry.path.decode("utf-8", "replace") for entry in tree.items()) if isinstance(tree, Tree) else []
        listed = ", ".join(top[:20]) or "no files"
        raise GitProblem("no-file", f"There is no {where}; at its top are: {listed}.") from None
    blob = repo[found]
    if stat.S_ISDIR(mode) or not isinstance(blob, Blob):
        raise GitProblem("no-file", f"{where} is not a file.")
    if len(blob.data) > MAX_FILE_BYTES:
        raise GitProblem("too-large", f"{where} is larger than {MAX_FILE_BYTES // 1024} KiB.")
    try:
        return blob.data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise GitProblem("no-file", f"{where} is not UTF-8 text.") from None


# ---------------------------------------------------------------------------------------------------- the way there


@contextmanager
def _repository(endpoint: Endpoint, tell: Callable[[str], None]) -> Iterator[tuple[GitClient, str]]:
    """A client for the endpoint's repository, and the repository's path there; failures are worded."""
    url = endpoint.text("repoURL") or endpoint.text("url")
    closing: list[Callable[[], object]] = []
    try:
        client, place = _client(endpoint, url.strip(), tell, closing)
        yield client, place
    except GitProblem:
        raise
    except ssh.SshProblem as problem:
        raise GitProblem(problem.code, problem.message) from None
    except Exception as error:
        raise _translated(error, endpoint, url) from error
    finally:
        for close in closing:
            close()


def _client(
    endpoint: Endpoint, url: str, tell: Callable[[str], None], closing: list[Callable[[], object]]
) -> tuple[GitClient, str]:
    if short := re.fullmatch(r"(?:([^@/\s]+)@)?([^:/\s]+):(?!//)(\S+)", url):
        return _over_ssh(endpoint, short[1] or "git", short[2], 22, short[3], tell, closing)
    address = urlsplit(url)
    if address.scheme == "ssh" and address.hostname:
        user = unquote(address.username or "git")
        return _over_ssh(endpoint, user, address.hostname, address.port or 22, address.path, tell, closing)
    if address.scheme not in ("http", "https") or not address.hostname:
        shown = _bare(url) or "its repoURL"
        raise GitProblem("no-address", f"Endpoint {endpoint.name}: {shown} is not the address of a Git server.")
    return _over_http(endpoint, address.scheme, address.netloc.rpartition("@")[2], address.path, closing)


def _over_http(
    endpoint: Endpoint, scheme: str, host: str, path: str, closing: list[Callable[[], object]]
) -> tuple[GitClient, str]:
    user, password = endpoint.text("username"), endpoint.text("password")
    if token := endpoint.text("token"):
        user, password = user or _TOKEN_USERS.get(endpoint.text("serverType").upper(), "x-access-token"), token
    trust = trust_of(endpoint.properties)
    try:
        known = context(trust)
    except SSLError:
        message = f"Endpoint {endpoint.name}: its caCertificate is not a PEM certificate."
        raise GitProblem("incomplete", message) from None
    pool = _Pool(timeout=urllib3.Timeout(connect=CONNECT_S, read=READ_S), retries=False, ssl_context=known)
    pool.pool_classes_by_scheme = pools(trust)
    closing.append(pool.close)
    client = Urllib3HttpGitClient(
        f"{scheme}://{host}/", pool_manager=pool, username=user or None, password=password or None
    )
    return client, path.lstrip("/")


def _over_ssh(
    endpoint: Endpoint,
    user: str,
    host: str,
    port: int,
    path: str,
    tell: Callable[[str], None],
    closing: list[Callable[[], object]],
) -> tuple[GitClient, str]:
    login = ssh.Login(
        host,
        user,
        port,
        password=endpoint.text("password"),
        private_key=endpoint.text("privateKey"),
        passphrase=endpoint.text("passphrase"),
        host_key=endpoint.text("hostKey"),
    )
    return SSHGitClient(host, port, user, vendor=_Vendor(login, tell, closing)), path


class _Pool(urllib3.PoolManager):
    """Closes every answer in the end: the client leaves those open that it does not like."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._answers: list[urllib3.BaseHTTPResponse] = []

    def urlopen(self, *args: Any, **more: Any) -> urllib3.BaseHTTPResponse:
        answer = super().urlopen(*args, **more)
        self._answers.append(answer)
        return answer

    def close(self) -> None:
        for answer in self._answers:
            answer.close()
        self.clear()


class _Vendor(SSHVendor):
    """Runs Git's half of the conversation on the server, over a connection of ours."""

    def __init__(self, login: ssh.Login, tell: Callable[[str], None], closing: list[Callable[[], object]]) -> None:
        self._login = login
        self._tell = tell
        self._closing = closing

    def run_command(self, host: str, command: bytes, *_: Any, **__: Any) -> Any:
        def refuse(key: str) -> None:
            raise ssh.SshProblem(
                "host-key",
                f"Nobody has vouched for {self._login.place} yet. It shows the host key {key}; if that is right, put "
                "it into the endpoint's `hostKey`.",
            )

        client = ssh.connect(self._login, refuse)
        self._closing.append(client.close)
        transport = client.get_transport()
        if transport is None:
            raise ssh.SshProblem("unreachable", f"{self._login.place} closed the connection.")
        channel = transport.open_session(timeout=READ_S)
        channel.settimeout(READ_S)
        channel.exec_command(command.decode())
        return _Conversation(channel)


class _Conversation:
    """A channel in the shape in which dulwich reads and writes."""

    def __init__(self, channel: Any) -> None:
        self._channel = channel
        self._stream = channel.makefile("rb")
        self.stderr = channel.makefile_stderr("rb")

    def can_read(self) -> bool:
        return bool(self._channel.recv_ready())

    def write(self, data: bytes) -> int:
        self._channel.sendall(data)
        return len(data)

    def read(self, size: int | None = None) -> bytes:
        return bytes(self._stream.read(size) if size is not None else self._stream.read())

    def close(self) -> None:
        self._channel.close()


def _bare(url: str) -> str:
    """The address without a password that somebody wrote into it."""
    return re.sub(r"//[^/@]*@", "//", url)


def _translated(error: BaseException, endpoint: Endpoint, url: str) -> GitProblem:
    shown = _bare(url)
    if isinstance(error, HTTPUnauthorized):
        return GitProblem(
            "wrong-password",
            f"{shown} asks for a sign-in and does not take the one of endpoint {endpoint.name}: correct its user name, "
            "password or token.",
        )
    if isinstance(error, git_errors.NotGitRepository):
        return GitProblem(
            "no-such-repository", f"{shown}: there is no such repository, or endpoint {endpoint.name} may not see it."
        )
    if isinstance(error, git_errors.HangupException):
        said = b" ".join(error.stderr_lines or []).decode("utf-8", "replace").strip()
        return GitProblem("no-such-repository", f"{shown} hung up: {said or 'it gave no reason'}")
    on_the_way = isinstance(error.__cause__ or error.__context__, urllib3.exceptions.HTTPError | OSError)
    if isinstance(error, git_errors.GitProtocolError) and not on_the_way:
        return GitProblem("refused", f"{shown} does not speak Git as it should: {error}")
    return GitProblem(certificate_trouble(error) or "unreachable", f"Cannot reach {shown}: {why(error)}.")
