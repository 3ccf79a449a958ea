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
from functools import partial
from typing import Any

from dulwich import errors as git_errors
from dulwich.object_store import tree_lookup_path
from dulwich.objects import Blob, Commit, Tag, Tree
from dulwich.repo import Repo

from services.runner.task_protocol import OpenEndpoint
from shared.outbound.http import HttpClient

from .git_packs import BoundedObjectStore
from .git_transport import GitProblem, open_repository
from .git_trees import read_object

__all__ = ["File", "GitProblem", "branches", "fetched", "read_file", "tip"]

MAX_FILE_BYTES = 256 * 1024
_MAX_TAG_CHAIN = 10
_COMMIT = re.compile(r"[0-9a-f]{40}")
"""A commit's whole name; servers such as GitHub and GitLab send one that a branch or tag leads to."""


@dataclass(frozen=True, slots=True)
class File:
    """A file as one commit has it."""

    path: str
    branch: str
    commit: str
    text: str


def read_file(
    client: HttpClient, endpoint: OpenEndpoint, path: str, log: Callable[[str], None], branch: str = ""
) -> File:
    """A text file of at most 256 KiB at the tip of a branch or tag: of `branch`, else the endpoint's."""
    with fetched(client, endpoint, log, branch) as (repo, commit, name):
        return File(path, name, commit.id.decode(), _text(repo, commit, path, endpoint, name))


@contextmanager
def fetched(
    client: HttpClient, endpoint: OpenEndpoint, log: Callable[[str], None], branch: str = ""
) -> Iterator[tuple[Repo, Commit, str]]:
    """The tip of a branch or tag (of `branch`, else the endpoint's) in a repository that goes at once, and its name."""
    branch = branch or endpoint.text("branch")
    with (
        open_repository(client, endpoint, log) as remote,
        tempfile.TemporaryDirectory(prefix="portside-git-") as folder,
    ):
        chosen: list[tuple[str, bytes]] = []

        def tip(refs: Mapping[Any, Any], depth: int | None = None) -> list[Any]:
            chosen.append(_tip(refs, branch, endpoint))
            remote.budget.expect_pack()
            return [chosen[-1][1]]

        with Repo.init_bare(folder) as repo:
            repo.object_store = BoundedObjectStore(repo.object_store.path)
            remote.client.fetch(remote.path, repo, determine_wants=tip, depth=1)
            name, object_id = chosen[-1]
            yield repo, _commit(repo, object_id), name


def branches(client: HttpClient, endpoint: OpenEndpoint, log: Callable[[str], None]) -> list[str]:
    """The repository's branches: also a way to try an endpoint."""
    with open_repository(client, endpoint, log) as remote:
        refs = remote.client.get_refs(remote.path.encode()).refs
    names = (ref.removeprefix(b"refs/heads/") for ref in refs if ref.startswith(b"refs/heads/"))
    return sorted(name.decode("utf-8", "replace") for name in names)


def _tip(refs: Mapping[Any, Any], branch: str, endpoint: OpenEndpoint) -> tuple[str, bytes]:
    if not branch:
        if head := refs.get(b"HEAD"):
            return "HEAD", head
        raise GitProblem("no-branch", f"The repository of endpoint {endpoint.name} is empty: push to it first.")
    for full in (f"refs/heads/{branch}", f"refs/tags/{branch}", branch):
        if object_id := refs.get(full.encode()):
            return branch, object_id
    if _COMMIT.fullmatch(branch):
        return branch, branch.encode()
    names = sorted(ref[11:].decode("utf-8", "replace") for ref in refs if ref.startswith(b"refs/heads/"))
    raise GitProblem(
        "no-branch",
        f"The repository of endpoint {endpoint.name} has no branch or tag {branch}; its branches: "
        f"{', '.join(names[:20]) or 'none'}.",
    )


def _commit(repo: Repo, object_id: bytes) -> Commit:
    for _ in range(_MAX_TAG_CHAIN):
        stored = read_object(repo, object_id)
        if isinstance(stored, Commit):
            return stored
        if not isinstance(stored, Tag):
            break
        object_id = stored.object[1]
    raise GitProblem("no-branch", "The name does not lead to a commit.")


def _text(repo: Repo, commit: Commit, path: str, endpoint: OpenEndpoint, name: str) -> str:
    place = path.strip().strip("/")
    where = f"{place} of {name} at endpoint {endpoint.name}"
    try:
        mode, object_id = tree_lookup_path(partial(read_object, repo), commit.tree, place.encode())
    except (KeyError, git_errors.NotTreeError):
        tree = read_object(repo, commit.tree)
        top = sorted(entry.path.decode("utf-8", "replace") for entry in tree.items()) if isinstance(tree, Tree) else []
        listed = ", ".join(top[:20]) or "no files"
        raise GitProblem("no-file", f"There is no {where}; at its top are: {listed}.") from None
    blob = read_object(repo, object_id)
    if stat.S_ISDIR(mode) or not isinstance(blob, Blob):
        raise GitProblem("no-file", f"{where} is not a file.")
    if len(blob.data) > MAX_FILE_BYTES:
        raise GitProblem("too-large", f"{where} is larger than {MAX_FILE_BYTES // 1024} KiB.")
    try:
        return blob.data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise GitProblem("no-file", f"{where} is not UTF-8 text.") from None


def tip(client: HttpClient, endpoint: OpenEndpoint, log: Callable[[str], None], branch: str = "") -> str:
    """What a branch or tag (`branch`, else the endpoint's) leads to, without fetching it: 40 hexadecimal digits."""
    with open_repository(client, endpoint, log) as remote:
        refs = remote.client.get_refs(remote.path.encode()).refs
    return _tip(refs, branch or endpoint.text("branch"), endpoint)[1].decode()
