"""Files from a real Git server, over HTTP with a password and over SSH with a key."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from services.runner.clients import git_folder, git_transport
from services.runner.clients.git import GitProblem, branches, read_file
from services.runner.clients.git_folder import check_out
from services.runner.clients.git_packs import BoundedObjectStore, PackLimits
from services.runner.task_protocol import OpenEndpoint
from tests.support.gitserver import GitServer
from tests.support.outbound import LOOPBACK
from tests.support.sshd import Sshd


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    made = GitServer(tmp_path, "ann", "s3cret-password")
    yield made
    made.close()


def endpoint(url: str, **properties: Any) -> OpenEndpoint:
    return OpenEndpoint("source", "git", {"repoURL": url, **properties})


def signed_in(server: GitServer, repository: str = "acme/web", **properties: Any) -> OpenEndpoint:
    sign_in = {"username": "ann", "password": "s3cret-password"}
    return endpoint(f"{server.url}/{repository}.git", **{**sign_in, **properties})


def quiet(line: str) -> None:
    raise AssertionError(f"nobody is to be told: {line}")


def test_a_file_is_read_at_the_tip_of_the_branch_that_is_asked_for(server: GitServer) -> None:
    first = server.commit("acme/web", {"deploy/web.yaml": "kind: one\n"})
    second = server.commit("acme/web", {"deploy/web.yaml": "kind: two\n"}, branch="release")
    own = read_file(LOOPBACK, signed_in(server), "deploy/web.yaml", quiet)
    assert (own.text, own.commit) == ("kind: one\n", first)
    released = read_file(LOOPBACK, signed_in(server), "/deploy/web.yaml", quiet, "release")
    assert (released.text, released.commit, released.branch) == ("kind: two\n", second, "release")
    assert read_file(LOOPBACK, signed_in(server, branch="release"), "deploy/web.yaml", quiet).commit == second
    assert branches(LOOPBACK, signed_in(server), quiet) == ["main", "release"]


def test_a_token_stands_for_the_password(server: GitServer) -> None:
    server.commit("acme/web", {"a.yaml": "a: 1\n"})
    by_token = signed_in(server, password="", token="s3cret-password")
    assert read_file(LOOPBACK, by_token, "a.yaml", quiet).text == "a: 1\n"


@pytest.mark.parametrize(
    ("change", "path", "branch", "code", "words"),
    [
        ({}, "b.yaml", "", "no-file", "There is no b.yaml of HEAD at endpoint source; at its top are: a.yaml, deploy"),
        ({}, "deploy", "", "no-file", "is not a file"),
        ({}, "deploy/logo.png", "", "no-file", "is not UTF-8 text"),
        ({}, "deploy/large.yaml", "", "too-large", "larger than 256 KiB"),
        ({}, "a.yaml", "nowhere", "no-branch", "has no branch or tag nowhere; its branches: main"),
        ({"password": "wrong-password"}, "a.yaml", "", "wrong-password", "correct its user name"),
        ({"repoURL": "http://127.0.0.1:1/acme/web.git"}, "a.yaml", "", "unreachable", "connection refused"),
        ({"repoURL": "file:///etc"}, "passwd", "", "no-address", "is not the address of a Git server"),
        ({"repoURL": "/etc"}, "passwd", "", "no-address", "is not the address of a Git server"),
    ],
)
def test_what_goes_wrong_is_told_in_words(
    server: GitServer, change: dict[str, str], path: str, branch: str, code: str, words: str
) -> None:
    files: dict[str, str | bytes] = {"a.yaml": "a: 1\n", "deploy/logo.png": b"\x89PNG\xff", "deploy/b.yaml": "b: 1\n"}
    server.commit("acme/web", {**files, "deploy/large.yaml": "x" * 300_000})
    with pytest.raises(GitProblem) as raised:
        read_file(LOOPBACK, signed_in(server, **change), path, quiet, branch)
    assert raised.value.code == code
    assert words in raised.value.message
    assert "wrong-password" not in raised.value.message


def test_a_commit_that_unpacks_into_far_more_than_is_sent_is_refused(
    server: GitServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.commit("acme/web", {"a.yaml": "a: 1\n", "zeros": bytes(8 * 2**20)})
    monkeypatch.setattr(BoundedObjectStore, "limits", PackLimits(object_bytes=7 * 2**20))
    with pytest.raises(GitProblem, match=r"web\.git sends an object of 8 MiB, and at most 7 are read") as raised:
        read_file(LOOPBACK, signed_in(server), "a.yaml", quiet)
    assert raised.value.code == "too-large"
    monkeypatch.setattr(BoundedObjectStore, "limits", PackLimits(objects=2))
    with pytest.raises(GitProblem, match="sends 4 objects, and at most 2 are read"):
        read_file(LOOPBACK, signed_in(server), "a.yaml", quiet)


def test_a_list_of_branches_without_an_end_is_refused(server: GitServer, monkeypatch: pytest.MonkeyPatch) -> None:
    server.commit("acme/web", {"a.yaml": "a: 1\n"})
    monkeypatch.setattr(git_transport, "MAX_REFS_BYTES", 40)
    with pytest.raises(GitProblem, match="sends more than 0 MiB for branches and tags") as raised:
        branches(LOOPBACK, signed_in(server), quiet)
    assert raised.value.code == "too-large"


def test_a_repository_that_is_not_there_is_told(server: GitServer) -> None:
    with pytest.raises(GitProblem) as raised:
        read_file(LOOPBACK, signed_in(server, "acme/nothing"), "a.yaml", quiet)
    assert raised.value.code == "no-such-repository"


@pytest.mark.ssh
def test_over_ssh_only_the_host_that_was_vouched_for_is_spoken_to(server: GitServer, tmp_path: Path) -> None:
    commit = server.commit("acme/web", {"a.yaml": "a: 1\n"})
    folder = tmp_path / "sshd"
    folder.mkdir()
    sshd = Sshd(folder)
    try:
        url = f"ssh://{sshd.user}@127.0.0.1:{sshd.port}{tmp_path}/acme/web.git"
        known = endpoint(url, privateKey=sshd.private_key, hostKey=sshd.host_key)
        assert read_file(LOOPBACK, known, "a.yaml", quiet).commit == commit
        with pytest.raises(GitProblem) as unknown:
            read_file(LOOPBACK, endpoint(url, privateKey=sshd.private_key), "a.yaml", quiet)
        assert unknown.value.code == "host-key"
        assert sshd.host_key in unknown.value.message
        other = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
        with pytest.raises(GitProblem) as changed:
            read_file(LOOPBACK, endpoint(url, privateKey=sshd.private_key, hostKey=other), "a.yaml", quiet)
        assert "somebody may be intercepting" in changed.value.message
    finally:
        sshd.close()


def test_a_commit_is_laid_out_by_its_name_and_no_link_of_it_leads_out(server: GitServer, tmp_path: Path) -> None:
    first = server.commit("acme/web", {"chart/a.txt": "first\n"})
    work = server.folder / "work/acme/web"
    for name, target in {"chart/b": "a.txt", "out": "/etc/passwd", "up": "../../x", "t": ".", "u": "t/../etc"}.items():
        (work / name).symlink_to(target)
    second = server.commit("acme/web", {"chart/a.txt": "second\n"})
    (tmp_path / "second").mkdir()
    source = check_out(LOOPBACK, signed_in(server), tmp_path / "second", quiet)
    assert (source.branch, source.commit) == ("HEAD", second)
    laid_out = tmp_path / "second"
    assert sorted(entry.name for entry in laid_out.iterdir()) == ["chart", "t"]
    assert (laid_out / "chart/b").read_text() == "second\n"
    (tmp_path / "first").mkdir()
    assert check_out(LOOPBACK, signed_in(server), tmp_path / "first", quiet, first).commit == first
    assert (tmp_path / "first/chart/a.txt").read_text() == "first\n"


def test_a_commit_that_is_too_large_is_refused(
    server: GitServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.commit("acme/web", {"a.txt": "a", "b.txt": "b"})
    monkeypatch.setattr(git_folder, "MAX_FILES", 1)
    with pytest.raises(GitProblem, match="holds more than 1 files"):
        check_out(LOOPBACK, signed_in(server), tmp_path, quiet)
