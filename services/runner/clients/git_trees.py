"""The tree of a commit, counted as it is walked: a dozen small objects can stand for more files than any disk holds.

What a tree says of itself is read before what is in it: number, names and depth of its entries, and the size of each
object that would have to be taken apart.
"""

from __future__ import annotations

import posixpath
import stat
from collections.abc import Iterator

from dulwich.objects import Blob, ShaFile, Tree
from dulwich.repo import Repo

from .git_packs import MIB, demand_time
from .git_transport import GitProblem

MAX_ENTRIES = 200_000
"""Files and folders of one commit, or of the folder that is read."""
MAX_DEPTH = 64
MAX_OBJECT_BYTES = 8 * MIB
"""A tree, a commit or a tag: they are taken apart whole, into many times their size."""
MAX_LINK_BYTES = 4096
"""Where a symbolic link leads; no system follows more."""
_MAX_NAME_BYTES = 255
_FORBIDDEN = (b"", b".", b"..", b".git")


def read_object(repo: Repo, object_id: bytes) -> ShaFile:
    """An object of a fetched commit, which is not taken apart yet. Raises GitProblem for one that is too large."""
    stored = repo[object_id]
    if not isinstance(stored, Blob) and (size := stored.raw_length()) > MAX_OBJECT_BYTES:
        kind = stored.type_name.decode()
        raise GitProblem(
            "too-large",
            f"The repository has a {kind} of {size // MIB} MiB, and at most {MAX_OBJECT_BYTES // MIB} are read.",
        )
    return stored


def entries(repo: Repo, tree_id: bytes, above: str) -> Iterator[tuple[str, int, bytes]]:
    """Path, mode and object of every file and link below a folder; submodules are not part of the commit."""
    return _Walk(repo, above).below(tree_id, above, 0)


class _Walk:
    """Counts all entries on the way."""

    def __init__(self, repo: Repo, top: str) -> None:
        self._repo = repo
        self._top = top
        self._count = 0

    def below(self, tree_id: bytes, above: str, depth: int) -> Iterator[tuple[str, int, bytes]]:
        demand_time()
        if depth > MAX_DEPTH:
            raise GitProblem(
                "too-large", f"The repository has folders nested deeper than {MAX_DEPTH} levels: {above[:100]}…"
            )
        tree = read_object(self._repo, tree_id)
        if not isinstance(tree, Tree):
            raise GitProblem("refused", f"The folder {above or '/'} of the repository cannot be read.")
        items = tree.items()
        self._count += len(items)
        if self._count > MAX_ENTRIES:
            raise GitProblem(
                "too-large",
                f"{self._top or 'The repository'} holds more than {MAX_ENTRIES:,} files and folders: keep charts and "
                "definitions in a folder or a repository of their own.",
            )
        for entry in items:
            name = bytes(entry.path)
            if name.lower() in _FORBIDDEN or b"/" in name or b"\0" in name or len(name) > _MAX_NAME_BYTES:
                raise GitProblem(
                    "refused", f"The repository has a file with a name that no folder can hold: {name[:100]!r}."
                )
            path = posixpath.join(above, name.decode("utf-8", "surrogateescape"))
            if stat.S_ISDIR(entry.mode):
                yield from self.below(entry.sha, path, depth + 1)
            elif stat.S_ISREG(entry.mode) or stat.S_ISLNK(entry.mode):
                yield path, entry.mode, entry.sha
