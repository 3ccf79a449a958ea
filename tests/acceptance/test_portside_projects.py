"""A running system follows a real repository on loopback: the command, the API and the project's page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from cli import system
from cli.portside.ending import ExitCode
from tests.support.gitserver import GitServer
from tests.support.world import World

from .portside_command import Command

VARIABLE = "kind: VARIABLE\nname: greeting\ntype: REGULAR\nvalue: {value}\n"
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


def test_a_project_follows_a_repository_and_shows_what_is_wrong(
    world: World, command: Command, server: GitServer
) -> None:
    project_id = world.client.post("/projects", {"name": PROJECT})["id"]
    address = f"{server.url}/{REPOSITORY}.git"
    properties = {"serverType": "GIT", "repoURL": address, "authType": "none", "allowLocal": True}
    world.client.post("/endpoints", {"project": PROJECT, "name": "config", "type": "git", "properties": properties})
    good = server.commit(REPOSITORY, {"portside/a.yaml": VARIABLE.format(value="hello")})
    command.out("projects", "follow", PROJECT, "--endpoint", "config", "--branch", "main", "--folder", "portside")
    assert PROJECT in command.out("projects", "list", "-o", "name").splitlines()
    assert good in command.out("projects", "sync", PROJECT)
    variable = world.client.get(f"/variables/{PROJECT}/greeting")
    assert (variable["value"], variable["_source"]["commit"]) == ("hello", good)

    by_hand = command.run("variables", "set", "greeting", "by hand", "--project", PROJECT)
    assert by_hand.returncode != ExitCode.DONE
    assert address in by_hand.stderr and good[:12] in by_hand.stderr

    server.commit(REPOSITORY, {"portside/a.yaml": "kind: VARIABLE\nname: [\n"})
    broken = command.run("projects", "sync", PROJECT)
    assert broken.returncode == ExitCode.FAILED and "Traceback" not in broken.stderr
    assert "portside/a.yaml:3:1: " in broken.stdout
    status = command.json("projects", "status", PROJECT)
    assert (status["state"], status["commit"]) == ("BROKEN", good)
    assert world.client.get(f"/variables/{PROJECT}/greeting")["value"] == "hello"

    command.out("projects", "unfollow", PROJECT, "--yes")
    assert "follows no repository" in command.out("projects", "status", PROJECT)
    command.out("variables", "set", "greeting", "by hand", "--project", PROJECT)
    assert world.client.get(f"/variables/{quote(PROJECT)}/greeting")["value"] == "by hand"
    assert world.client.get(f"/projects/{project_id}/source")["following"] is False
