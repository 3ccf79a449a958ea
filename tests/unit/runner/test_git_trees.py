"""Trees of a few objects that stand for more than can be read are refused, before what is in them is read."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from dulwich.objects import Blob, Commit, ObjectID, ShaFile, Tree
from dulwich.repo import Repo

from services.runner.clients import git_trees
from services.runner.clients.git_definitions import _files
from services.runner.clients.git_folder import _write
from services.runner.clients.git_packs import UnpackTimeout
from services.runner.clients.git_transport import GitProblem
from services.runner.clients.git_trees import MAX_DEPTH, entries, read_object
from services.runner.task_protocol import OpenEndpoint
from shared.outbound.cancel_scope import CancelScope

ENDPOINT = OpenEndpoint("git", "git", {})
FOLDER, FILE, LINK = stat.S_IFDIR, stat.S_IFREG | 0o644, stat.S_IFLNK


@pytest.fixture
def repo(tmp_path: Path) -> Iterator[Repo]:
    with Repo.init_bare(tmp_path / "bare", mkdir=True) as repo:
        yield repo


def kept(repo: Repo, stored: ShaFile) -> bytes:
    repo.object_store.add_object(stored)
    return bytes(stored.id)


def tree(repo: Repo, *items: tuple[str, int, bytes]) -> bytes:
    made = Tree()
    for name, mode, object_id in items:
        made.add(name.encode(), mode, ObjectID(object_id))
    return kept(repo, made)


def bomb(repo: Repo, leaf: bytes, mode: int, levels: int = 12) -> bytes:
    """Ten to the power of its levels, out of one object a level."""
    top = tree(repo, *((str(number), mode, leaf) for number in range(10)))
    for _ in range(levels - 1):
        top = tree(repo, *((str(number), FOLDER, top) for number in range(10)))
    return top


def commit(repo: Repo, tree_id: bytes) -> Commit:
    made = Commit()
    made.tree, made.author, made.committer = tree_id, b"a <a@example.com>", b"a <a@example.com>"
    made.commit_time = made.author_time = made.commit_timezone = made.author_timezone = 0
    made.message = b"m"
    kept(repo, made)
    return made


@pytest.mark.parametrize("of_files", [True, False])
def test_a_tree_that_multiplies_itself_is_refused(
    repo: Repo, of_files: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(git_trees, "MAX_ENTRIES", 1_000)
    leaf, mode = (kept(repo, Blob.from_string(b"x")), FILE) if of_files else (tree(repo), FOLDER)
    top = commit(repo, bomb(repo, leaf, mode))
    with pytest.raises(GitProblem, match="holds more than 1,000 files and folders") as caught:
        _write(repo, top, tmp_path / "out", ENDPOINT)
    assert caught.value.code == "too-large"
    with pytest.raises(GitProblem, match="holds more than 1,000 files and folders"):
        list(_files(repo, top, "", ENDPOINT, "main"))


def test_folders_that_are_nested_too_deep_are_refused(repo: Repo) -> None:
    top = tree(repo, ("a", FILE, kept(repo, Blob.from_string(b"x"))))
    for _ in range(MAX_DEPTH):
        top = tree(repo, ("d", FOLDER, top))
    assert len(list(entries(repo, top, ""))) == 1
    with pytest.raises(GitProblem, match="nested deeper than 64 levels"):
        list(entries(repo, tree(repo, ("d", FOLDER, top)), ""))


def test_a_tree_that_is_too_large_is_not_taken_apart(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    top = tree(repo, *((f"{number:04}", FILE, b"0" * 40) for number in range(2_000)))
    monkeypatch.setattr(git_trees, "MAX_OBJECT_BYTES", 50_000)
    with pytest.raises(GitProblem, match="has a tree of 0 MiB"):
        list(entries(repo, top, ""))
    blob = kept(repo, Blob.from_string(b"x" * 60_000))
    assert read_object(repo, blob).raw_length() == 60_000


def test_a_name_that_no_folder_can_hold_is_refused(repo: Repo) -> None:
    top = tree(repo, ("n" * 256, FILE, kept(repo, Blob.from_string(b"x"))))
    with pytest.raises(GitProblem, match="a name that no folder can hold: b'nnn"):
        list(entries(repo, top, ""))


def test_links_that_lead_in_long_chains_are_left_out(repo: Repo, tmp_path: Path) -> None:
    links = [(f"l{number:04}", LINK, kept(repo, Blob.from_string(b"l%04d" % (number + 1)))) for number in range(100)]
    top = commit(repo, tree(repo, *links, ("l0100", FILE, kept(repo, Blob.from_string(b"x")))))
    out = tmp_path / "out"
    out.mkdir()
    _write(repo, top, out, ENDPOINT)
    assert (out / "l0100").read_bytes() == b"x" and (out / "l0099").read_bytes() == b"x"
    assert not (out / "l0000").is_symlink()


def test_a_link_that_is_too_long_is_refused(repo: Repo, tmp_path: Path) -> None:
    top = commit(repo, tree(repo, ("l", LINK, kept(repo, Blob.from_string(b"a/" * 3_000)))))
    with pytest.raises(GitProblem, match="one of more than 4,096 bytes: l"):
        _write(repo, top, tmp_path, ENDPOINT)


def test_a_walk_ends_with_the_time_for_the_fetch(repo: Repo) -> None:
    top = bomb(repo, tree(repo), FOLDER, levels=3)
    with CancelScope() as scope:
        walk = entries(repo, top, "")
        scope.cancel()
        with pytest.raises(UnpackTimeout):
            list(walk)
