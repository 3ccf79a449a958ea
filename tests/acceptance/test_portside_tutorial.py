"""`portside` alone takes an empty system to a verified deployment, by the commands of its tutorial as they are."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli import demo
from tests.support.world import World, a_world

from .portside_command import ROOT
from .test_how_to import commands


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A system in which nothing is defined."""
    with a_world(tmp_path_factory.mktemp("empty"), runners=1, define=False) as running:
        yield running


def test_the_eight_steps_go_by_the_command_alone(empty: World, tmp_path: Path) -> None:
    script = commands("tutorial/the-same-by-command.md")
    for example, local in (
        ("  serverType: DockerHub\n", f"  serverType: DockerHub\n  hubURL: {empty.hub_url}\n"
         f"  registryURL: {empty.hub_url}\n  allowLocal: true\n"),
        ("https://cluster.example.com:6443", f"{empty.cluster_url}\n  allowLocal: true"),
        ("demo/deploy-web.yaml", str(ROOT / "demo" / "deploy-web.yaml")),
    ):  # fmt: skip
        assert example in script
        script = script.replace(example, local)
    empty.push("0.9.0")
    order = '{"repository": "acme/web", "tag": "1.4.0", "pusher": "ann"}'
    docker = (
        f"docker() {{ curl -sS --fail {empty.hub_url}/_fake/push -H 'Content-Type: application/json' -d '{order}'; }}\n"
    )
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "HOME": str(tmp_path), "no_proxy": "127.0.0.1",
        "PORTSIDE_CONFIG": str(tmp_path / "contexts.json"), "PORTSIDE": empty.layout.url,
        "PORTSIDE_PASSWORD": empty.layout.password_file.read_text().strip(),
        "HUB_TOKEN": demo.HUB_PASSWORD, "CLUSTER_TOKEN": demo.CLUSTER_TOKEN,
    }  # fmt: skip
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", docker + script], cwd=tmp_path, env=environment,
        capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr + done.stdout
    assert "started: Started Deploy web #1" in done.stdout and "Deploy web#1 COMPLETED" in done.stderr
    assert "would run          ok" in done.stdout
    assert (empty.running_image() or "").startswith("acme/web:1.4.0@sha256:")
    assert demo.HUB_PASSWORD not in (tmp_path / "first.yaml").read_text()
