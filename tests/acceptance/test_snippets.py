"""The lines that a pipeline offers to builds are run as a build would run them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.support.patience import PATIENCE_S
from tests.support.world import World

from .things import Json

INSTALLED = str(Path(sys.executable).parent)
"""Where the environment has the command `portside`."""


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


SHELLS = {
    "shell": ("sh", "-c"),
    # Of `shell: bash` in a step: docs.github.com, Workflow syntax, `jobs.<job_id>.steps[*].shell`.
    "githubActions": ("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c"),
    # A job's script: docs.gitlab.com, Shells supported by GitLab Runner.
    "gitlab": ("bash", "-eo", "pipefail", "-c"),
    # The step `sh`: jenkins.io, Pipeline: Nodes and Processes.
    "jenkins": ("sh", "-xe", "-c"),
}
"""How each runs the lines that it is given."""


def run(world: World, build: str, text: str, token: str, value: str) -> subprocess.CompletedProcess[str]:
    path = f"{INSTALLED}:{os.environ['PATH']}"
    known = {"PATH": path, "REQUESTS_CA_BUNDLE": world.layout.certificate, "no_proxy": "127.0.0.1"}
    return subprocess.run(
        [*SHELLS[build], text],
        env={**known, "PORTSIDE_TOKEN": token, "GREET_WHOM": value},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


def test_a_build_starts_the_pipeline_waits_for_its_end_and_fails_with_it(
    world: World, pipeline: Json, token: str
) -> None:
    shown = world.client.get(f"/pipelines/{pipeline['id']}/snippets")
    assert token not in str(shown)
    done = run(world, "shell", shown["shell"], token, 'Ann "O\'Hara" $(id)')
    assert done.returncode == 0, done.stderr
    (first,) = world.executions(name="from a build")
    assert first["input"] == {"greet whom": 'Ann "O\'Hara" $(id)'}
    assert done.stdout.strip() == f"{world.layout.url}/executions/{first['id']}"
    (step,) = yaml.safe_load(shown["githubActions"])
    assert step["shell"] == "bash"
    failed = run(world, "githubActions", step["run"], token, "no")
    assert failed.returncode == 10 and "FAILED" in failed.stderr and "Only / Check" in failed.stderr
    ((_, job),) = yaml.safe_load(shown["gitlab"]).items()
    by_gitlab = run(world, "gitlab", "\n".join(job["script"]), token, "a value of GitLab's")
    lines = re.sub(r"\\(.)", r"\1", shown["jenkins"].split("'''")[1])
    by_jenkins = run(world, "jenkins", lines, token, "a value of Jenkins'")
    assert (by_gitlab.returncode, by_jenkins.returncode) == (0, 0), by_gitlab.stderr + by_jenkins.stderr
    assert token not in by_jenkins.stderr, "Jenkins prints each command"
    refused = run(world, "shell", shown["shell"], "wrong", "x")
    assert refused.returncode == 3 and "PORTSIDE_TOKEN is not a good API token" in refused.stderr
    assert len(world.executions(name="from a build")) == 4
