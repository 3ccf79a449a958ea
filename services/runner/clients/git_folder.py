"""All files of one commit, written into a folder: what a chart or an overlay is rendered from.

Names that would leave the folder are refused; a symbolic link is followed within the commit only, and left out where it
leads elsewhere, so that nothing of the machine can be read through it.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dulwich.objects import Blob, Commit
from dulwich.repo import Repo

from services.runner.task_protocol import OpenEndpoint
from shared.outbound.http import HttpClient

from .git import GitProblem, fetched
from .git_trees import MAX_LINK_BYTES, entries, read_object

MAX_FILES = 20_000
MAX_BYTES = 256 * 1024 * 1024
MAX_LINKS = 2_000


@dataclass(frozen=True, slots=True)
class CheckedOut:
    """Which commit lies in the folder."""

    branch: str
    commit: str


def check_out(
    client: HttpClient, endpoint: OpenEndpoint, folder: Path, log: Callable[[str], None], branch: str = ""
) -> CheckedOut:
    """Write the files of a branch's, tag's or commit's tree into `folder`. Raises GitProblem."""
    with fetched(client, endpoint, log, branch) as (repo, commit, name):
        try:
            _write(repo, commit, folder, endpoint)
        except (OSError, ValueError) as error:
            raise GitProblem("refused", f"The files of endpoint {endpoint.name} cannot be laid out: {error}") from None
        return CheckedOut(name, commit.id.decode())


def _write(repo: Repo, commit: Commit, folder: Path, endpoint: OpenEndpoint) -> None:
    links: list[tuple[str, str]] = []
    files = size = 0
    for path, mode, object_id in entries(repo, commit.tree, ""):
        blob = read_object(repo, object_id)
        if not isinstance(blob, Blob):
            continue
        files, size = files + 1, size + len(blob.data)
        if files > MAX_FILES or size > MAX_BYTES:
            raise GitProblem(
                "too-large",
                f"The repository of endpoint {endpoint.name} holds more than {MAX_FILES:,} files or "
                f"{MAX_BYTES // 2**20} MiB at this commit: keep charts and overlays in a repository of their own.",
            )
        if stat.S_ISLNK(mode):
            if len(blob.data) > MAX_LINK_BYTES or len(links) == MAX_LINKS:
                raise GitProblem(
                    "too-large",
                    f"The repository of endpoint {endpoint.name} holds more than {MAX_LINKS:,} symbolic links, or one "
                    f"of more than {MAX_LINK_BYTES:,} bytes: {path}.",
                )
            links.append((path, blob.data.decode("utf-8", "replace")))
            continue
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(blob.data)
    _link_all(folder, links)


def _link_all(folder: Path, links: list[tuple[str, str]]) -> None:
    """Make the links, then take away those that lead out: what one means may depend on another."""
    for path, target in links:
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        os.symlink(target, place)
    inside = os.path.realpath(folder)
    leading_out = [folder / path for path, _ in links if not _is_within(folder / path, inside)]
    for place in leading_out:
        place.unlink()


def _is_within(link: Path, folder: str) -> bool:
    try:
        os.stat(link)
    except OSError as error:
        # A chain that no system follows: to resolve each of its links takes a time that grows with its square.
        if error.errno == errno.ELOOP:
            return False
    return os.path.commonpath((os.path.realpath(link), folder)) == folder
