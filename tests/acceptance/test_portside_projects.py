"""A running system follows a real repository on loopback: the command, the API and the project's page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli import system
from cli.portside.ending import ExitCode
from tests.support.gitserver import GitServer
from tests.support.world import World

from .portside_command import Command

VARIABLE = "kind: VARIABLE\nname: {name}\ntype: REGULAR\nvalue: {value}\n"
PROJECT, REPOSITORY = "in-git", "acme/config"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    folder = tmp_path / "git"
    folder.mkdir()
    git_server = GitServer(folder)
    yield git_server
    git_server.close()


@pytest.fixture
def command(world: World, tmp_path: Path) -> Iterator[Command]:
    signed_in = Command(tmp_path)
    done = signed_in.run(
        "login", world.layout.url, "--user", system.ADMIN, "--password-stdin",
        "--certificate", world.layout.certificate, text=world.layout.password_file.read_text(),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    yield signed_in
    signed_in.run("logout")


@pytest.fixture
def project_id(world: World, server: GitServer) -> str:
    """A project with an endpoint of the repository, which is still empty."""
    made = world.client.post("/projects", {"name": PROJECT})
    address = f"{server.url}/{REPOSITORY}.git"
    properties = {"serverType": "GIT", "repoURL": address, "authType": "none", "allowLocal": True}
    world.client.post("/endpoints", {"project": PROJECT, "name": "config", "type": "git", "properties": properties})
    return str(made["id"])


def test_a_project_converges_to_its_repository_whatever_happens_to_that(
    world: World, command: Command, server: GitServer, project_id: str
) -> None:
    def commit(files: dict[str, str], **more: Any) -> str:
        return server.commit(REPOSITORY, {f"portside/{name}": text for name, text in files.items()}, **more)

    def converged(commit_id: str) -> dict[str, str]:
        """The variables in force, once that commit is."""
        assert commit_id in command.out("projects", "sync", PROJECT)
        return in_force()

    def in_force() -> dict[str, str]:
        rows = command.json("variables", "list", "--project", PROJECT)
        return {row["name"]: row["value"] for row in rows}

    # A new file, and a changed one.
    good = commit({"a.yaml": VARIABLE.format(name="greeting", value="hello")})
    command.out("projects", "follow", PROJECT, "--endpoint", "config", "--branch", "main", "--folder", "portside")
    assert PROJECT in command.out("projects", "list", "-o", "name").splitlines()
    assert converged(good) == {"greeting": "hello"}
    assert world.client.get(f"/variables/{PROJECT}/greeting")["_source"]["commit"] == good
    new = commit({"b.yaml": VARIABLE.format(name="place", value="here")})
    assert converged(new) == {"greeting": "hello", "place": "here"}
    changed = commit({"a.yaml": VARIABLE.format(name="greeting", value="good day")})
    assert converged(changed) == {"greeting": "good day", "place": "here"}

    by_hand = command.run("variables", "set", "greeting", "by hand", "--project", PROJECT)
    assert by_hand.returncode != ExitCode.DONE
    assert f"{server.url}/{REPOSITORY}.git" in by_hand.stderr and changed[:12] in by_hand.stderr

    # A broken one: the last good commit stays in force, and the next good one is taken.
    commit({"a.yaml": "kind: VARIABLE\nname: [\n"})
    broken = command.run("projects", "sync", PROJECT)
    assert broken.returncode == ExitCode.FAILED and "Traceback" not in broken.stderr
    assert "portside/a.yaml:3:1: " in broken.stdout
    status = command.json("projects", "status", PROJECT)
    assert (status["state"], status["commit"]) == ("BROKEN", changed)
    assert in_force() == {"greeting": "good day", "place": "here"}
    mended = commit({"a.yaml": VARIABLE.format(name="greeting", value="mended")})
    assert converged(mended) == {"greeting": "mended", "place": "here"}

    # A removed one: its object stays, unless the project chose otherwise.
    removed = commit({}, removed=["portside/b.yaml"])
    assert converged(removed) == {"greeting": "mended", "place": "here"}
    assert "place" in str(command.json("projects", "status", PROJECT)["notInGit"])
    words = ("--endpoint", "config", "--branch", "main", "--folder", "portside", "--prune")
    command.out("projects", "follow", PROJECT, *words)
    assert converged(removed) == {"greeting": "mended"}

    # A forced push, and a repository that is away.
    lost = commit({"a.yaml": VARIABLE.format(name="greeting", value="lost")})
    assert converged(lost) == {"greeting": "lost"}
    forced = commit({"a.yaml": VARIABLE.format(name="greeting", value="kept")}, forced=True)
    assert converged(forced) == {"greeting": "kept"} and forced != lost
    repository = server.folder / f"{REPOSITORY}.git"
    repository.rename(server.folder / "away")
    away = command.run("projects", "sync", PROJECT)
    assert away.returncode == ExitCode.FAILED and "Traceback" not in away.stderr
    status = command.json("projects", "status", PROJECT)
    assert (status["state"], status["commit"]) == ("AWAY", forced) and in_force() == {"greeting": "kept"}
    (server.folder / "away").rename(repository)
    assert converged(commit({"a.yaml": VARIABLE.format(name="greeting", value="back")})) == {"greeting": "back"}

    command.out("projects", "unfollow", PROJECT, "--yes")
    assert "follows no repository" in command.out("projects", "status", PROJECT)
    command.out("variables", "set", "greeting", "by hand", "--project", PROJECT)
    assert in_force() == {"greeting": "by hand"}
    assert world.client.get(f"/projects/{project_id}/source")["following"] is False
