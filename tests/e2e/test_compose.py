"""The compose file as a user runs it: everything built, healthy, and one deployment verified on PostgreSQL."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
PROJECT = "portside-suite"
pytestmark = [pytest.mark.docker, pytest.mark.timeout(900)]


def _compose(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PORT": os.environ["SUITE_PORT"], "RABBITMQ_PAGE_PORT": os.environ["SUITE_PAGE_PORT"]}
    command = ["docker", "compose", "--project-name", PROJECT, "--profile", "demo", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if check and done.returncode != 0:
        pytest.fail(f"{' '.join(command)}:\n{done.stderr[-3000:]}")
    return done


@pytest.fixture(scope="module")
def running() -> Iterator[None]:
    os.environ["SUITE_PORT"], os.environ["SUITE_PAGE_PORT"] = str(free_port()), str(free_port())
    try:
        _compose("up", "--build", "--detach")
        yield
    finally:
        _compose("down", "--volumes", "--remove-orphans", check=False)


def test_the_demo_profile_ends_with_a_verified_deployment(running: None) -> None:
    deadline = time.monotonic() + 240
    while "exited" not in (state := _compose("ps", "--all", "--format", "{{.State}}", "demo").stdout):
        assert time.monotonic() < deadline, f"the demo is {state}:\n{_compose('logs', '--tail', '40').stdout}"
        time.sleep(1)
    log = _compose("logs", "--no-log-prefix", "demo").stdout
    assert log.rstrip().endswith("verified"), log


def test_every_service_is_healthy_and_runs_without_privileges(running: None) -> None:
    for service in ("config", "gateway", "runner", "hubsync"):
        assert "healthy" in _compose("ps", "--format", "{{.Health}}", service).stdout
        assert _compose("exec", "--no-TTY", service, "id", "-u").stdout.strip() == "10001"


def test_only_those_who_open_secrets_hold_the_private_key(running: None) -> None:
    for service, holds in (("runner", True), ("hubsync", True), ("gateway", False), ("config", False)):
        found = _compose("exec", "--no-TTY", service, "test", "-s", "/secrets/private/seal.key", check=False)
        assert (found.returncode == 0) is holds, service


def test_a_sign_in_link_is_made_inside_the_container(running: None) -> None:
    link = _compose("exec", "--no-TTY", "config", "portside", "link").stdout
    assert link.startswith(f"http://127.0.0.1:{os.environ['SUITE_PORT']}/sign-in?code=")
