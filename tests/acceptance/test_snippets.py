"""The lines that a pipeline offers to builds are run as a build would run them."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator

import pytest
import yaml

from tests.support.world import World

from .things import Json

WITHOUT_JQ = shutil.which("jq") is None or shutil.which("curl") is None


@pytest.fixture
def pipeline(world: World) -> Iterator[Json]:
    """Completes for any value but `no`."""
    task = {"type": "Condition", "input": {"condition": '${input.greet whom} != "no"'}}
    body = {
        "project": "default",
        "name": "from a build",
        "input": {"greet whom": ""},
        "_inputMeta": {"greet whom": {"mandatory": True}},
        "stageOrder": ["Only"],
        "stages": {"Only": {"taskOrder": ["Check"], "tasks": {"Check": task}}},
    }
    made = world.client.post("/pipelines", body)
    world.client.patch(f"/pipelines/{made['id']}", {"state": "ENABLED"})
    yield made
    world.client.delete(f"/pipelines/{made['id']}")


@pytest.fixture
def token(world: World) -> Iterator[str]:
    made = world.client.post("/api-tokens", {"name": "build"})
    yield made["token"]
    world.client.delete(f"/api-tokens/{made['id']}")


def run(world: World, text: str, token: str, value: str) -> subprocess.CompletedProcess[str]:
    known = {"PATH": os.environ["PATH"], "CURL_CA_BUNDLE": world.layout.certificate, "no_proxy": "127.0.0.1"}
    return subprocess.run(
        ["sh", "-c", text],
        env={**known, "PORTSIDE_TOKEN": token, "GREET_WHOM": value},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.skipif(WITHOUT_JQ, reason="needs curl and jq: apt-get install curl jq")
def test_a_build_starts_the_pipeline_waits_for_its_end_and_fails_with_it(
    world: World, pipeline: Json, token: str
) -> None:
    shown = world.client.get(f"/pipelines/{pipeline['id']}/snippets")
    assert token not in str(shown)
    done = run(world, shown["shell"], token, 'Ann "O\'Hara" $(id)')
    assert done.returncode == 0, done.stderr
    (first,) = world.executions(name="from a build")
    assert first["input"] == {"greet whom": 'Ann "O\'Hara" $(id)'}
    assert done.stdout.strip() == f"{world.layout.url}/executions/{first['id']}"
    failed = run(world, yaml.safe_load(shown["githubActions"])[0]["run"], token, "no")
    assert failed.returncode == 1 and "Only.Check" in failed.stderr
    refused = run(world, shown["shell"], "wrong", "x")
    assert refused.returncode != 0 and "signing in failed" in refused.stderr
    assert len(world.executions(name="from a build")) == 2
