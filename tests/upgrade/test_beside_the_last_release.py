"""Runners and configs of this code and of v0.1.0 work side by side, and this code takes over what v0.1.0 left."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cli import system
from cli.processes import portside
from tests.support.releases import V0_1_0
from tests.support.world import World, a_world, wait_for

pytestmark = [pytest.mark.outer, pytest.mark.timeout(280)]
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The code of v0.1.0 in a folder of its own."""
    folder = tmp_path_factory.mktemp("release")
    archive = subprocess.run(["git", "archive", V0_1_0], cwd=ROOT, capture_output=True, timeout=60, check=False)
    if archive.returncode != 0:
        pytest.skip("needs the commit of v0.1.0: git fetch --unshallow")
    subprocess.run(["tar", "-x"], input=archive.stdout, cwd=folder, timeout=60, check=True)
    return folder


def commands(release: Path, of_the_release: Callable[[str], bool]) -> Callable[..., tuple[str, ...]]:
    """Which code a module is started from."""

    def command(module: str, *arguments: str) -> tuple[str, ...]:
        if not of_the_release(module):
            return portside(module, *arguments)
        start = f"runpy.run_module({module!r}, None, '__main__', True)"
        run = f"import runpy, sys; sys.path.insert(0, {str(release)!r}); {start}"
        return (sys.executable, "-P", "-c", run, *arguments)

    return command


def deployed(world: World, tag: str) -> None:
    """A push that is run to its end and serves."""
    world.push(tag)
    execution = world.ended(tag)
    assert execution["status"] == "COMPLETED", execution["statusMessage"]
    assert f"acme/web:{tag}" in str(world.running_image())


def nested(world: World) -> None:
    """A run that starts another one within it, and ends with it."""
    log = {"type": "Log", "input": {"message": "hello"}}
    within = {"type": "Pipeline", "input": {"pipeline": "Inner", "inputProperties": {}}}
    for name, task in (("Inner", log), ("Outer", within)):
        stages = {"S": {"taskOrder": ["T"], "tasks": {"T": task}}}
        made = world.client.post(
            "/pipelines", {"name": name, "project": "default", "stageOrder": ["S"], "stages": stages}
        )
        world.client.patch(f"/pipelines/{made['id']}", {"state": "ENABLED"})
    run = world.client.post("/pipelines/default/Outer/executions", {"input": {}})

    def over() -> str | None:
        status = world.get(run["executionLink"])["status"]
        return str(status) if status in ("COMPLETED", "FAILED", "CANCELED") else None

    assert wait_for(over, "the end of the outer run") == "COMPLETED"
    (inner,) = world.executions(name="Inner")
    assert (inner["_nested"], inner["status"]) == (True, "COMPLETED")


def test_a_runner_of_the_release_serves_this_config(
    release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(system, "portside", commands(release, lambda module: module == "services.runner"))
    with a_world(tmp_path / "home") as world:
        deployed(world, "1.4.0")
        deployed(world, "1.4.1")
        nested(world)


def test_a_runner_of_this_code_serves_the_release(
    release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(system, "portside", commands(release, lambda module: module != "services.runner"))
    with a_world(tmp_path / "home") as world:
        deployed(world, "1.4.0")
        nested(world)


def test_this_code_takes_over_what_the_release_left(
    release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(system, "portside", commands(release, lambda _module: True))
    with a_world(tmp_path / "home") as world:
        deployed(world, "1.4.0")
        for name in ("runner-1", "runner-2", "config"):
            world.supervisor.end(name)
        # The release's own messages wait in the queues: a hook that it accepted and nobody has judged.
        world.push("1.4.1")
        for name in ("hubsync", "gateway"):
            world.supervisor.end(name)
        monkeypatch.setattr(system, "portside", portside)
        system.initialise(world.layout, world.environment)
        system.start(world.supervisor, world.layout, world.environment, runners=2)
        execution = world.ended("1.4.1")
        assert execution["status"] == "COMPLETED", execution["statusMessage"]
        earlier = wait_for(lambda: world.executions(index="1") or world.executions(), "the release's own execution")
        assert {run["status"] for run in earlier} == {"COMPLETED"}
        deployed(world, "1.4.2")
