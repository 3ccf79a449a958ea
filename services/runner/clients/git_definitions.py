"""The YAML files below a folder of one commit: a project's definitions."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from dulwich import errors as git_errors
from dulwich.object_store import tree_lookup_path
from dulwich.objects import Blob, Commit
from dulwich.repo import Repo

from services.runner.task_protocol import OpenEndpoint
from shared.contracts.definition_sources import MAX_BYTES, MAX_FILE_BYTES, MAX_FILES, SourceFile
from shared.outbound.http import HttpClient

from .git import GitProblem, fetched
from .git_trees import entries, read_object

_ENDINGS = (".yaml", ".yml")
_MAX_SUBJECT = 200


@dataclass(frozen=True, slots=True)
class CommitFiles:
    """What one commit has below a folder."""

    branch: str
    commit: str
    subject: str
    files: tuple[SourceFile, ...]


def read_definitions(
    client: HttpClient, endpoint: OpenEndpoint, folder: str, log: Callable[[str], None], branch: str = ""
) -> CommitFiles:
    """The `.yaml` and `.yml` files below `folder` at the tip of a branch; names that begin with a dot are left out.

    Raises GitProblem, also for a folder that does not exist or holds too much.
    """
    with fetched(client, endpoint, log, branch) as (repo, commit, name):
        files = tuple(_files(repo, commit, folder, endpoint, name))
        message = bytes(commit.message).decode("utf-8", "replace").strip()
        return CommitFiles(name, commit.id.decode(), message.partition("\n")[0][:_MAX_SUBJECT], files)


def _files(repo: Repo, commit: Commit, folder: str, endpoint: OpenEndpoint, branch: str) -> Iterator[SourceFile]:
    tree_id = _folder(repo, commit, folder, endpoint, branch)
    count = size = 0
    for path, mode, object_id in entries(repo, tree_id, folder):
        is_hidden = any(step.startswith(".") for step in path.split("/"))
        if is_hidden or not path.lower().endswith(_ENDINGS) or not stat.S_ISREG(mode):
            continue
        blob = read_object(repo, object_id)
        data = blob.data if isinstance(blob, Blob) else b""
        if len(data) > MAX_FILE_BYTES:
            raise GitProblem("too-large", f"{path} is larger than {MAX_FILE_BYTES // 1024} KiB.")
        count, size = count + 1, size + len(data)
        if count > MAX_FILES or size > MAX_BYTES:
            raise GitProblem(
                "too-large",
                f"{folder or 'The repository'} holds more than {MAX_FILES} YAML files or {MAX_BYTES // 2**20} MiB of "
                "them: name a folder that holds definitions alone.",
            )
        try:
            yield SourceFile(path=path, text=data.decode("utf-8-sig"))
        except UnicodeDecodeError:
            raise GitProblem("no-file", f"{path} is not UTF-8 text.") from None


def _folder(repo: Repo, commit: Commit, folder: str, endpoint: OpenEndpoint, branch: str) -> bytes:
    if not folder:
        return bytes(commit.tree)
    tree_id = b""
    try:
        mode, object_id = tree_lookup_path(partial(read_object, repo), commit.tree, folder.encode())
        tree_id = bytes(object_id)
    except (KeyError, git_errors.NotTreeError):
        mode = 0
    if not stat.S_ISDIR(mode):
        raise GitProblem("no-file", f"There is no folder {folder} in {branch} of endpoint {endpoint.name}.")
    return tree_id
