"""The image and the compose file, started away from the checkout: healthy, and one deployment verified."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from random import randrange

import pytest
import requests

from cli.ports import free_port
from cli.portside.api import Client
from tests.support import command_story

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE_FILES = ROOT / "services/config/catalog/pipelines/template_files"
PROJECT = f"portside-suite-{os.getpid()}"
pytestmark = [pytest.mark.docker, pytest.mark.timeout(900)]


class Compose:
    """`docker compose` in a folder that holds nothing but the compose file."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._folder = folder
        self._environment = {
            **os.environ,
            "PORT": str(self.port),
            "RABBITMQ_PAGE_PORT": str(free_port()),
            "SYSTEM_NETWORK": f"10.{randrange(100, 250)}.{randrange(250)}",
            "PORTSIDE_IMAGE": f"{PROJECT}:latest",
        }

    def __call__(self, *arguments: str, check: bool = True, typed: str = "") -> subprocess.CompletedProcess[str]:
        words = ("compose", "--project-name", PROJECT, "--profile", "demo", *arguments)
        return self._docker(*words, check=check, typed=typed)

    def build(self) -> None:
        """The image, from the checkout."""
        self._docker("build", "--quiet", "--tag", self._environment["PORTSIDE_IMAGE"], str(ROOT))

    def remove(self) -> None:
        """Everything that was started, and the image."""
        self("down", "--volumes", "--remove-orphans", check=False)
        self._docker("image", "rm", "--force", self._environment["PORTSIDE_IMAGE"], check=False)

    def _docker(self, *arguments: str, check: bool = True, typed: str = "") -> subprocess.CompletedProcess[str]:
        command = ["docker", *arguments]
        done = subprocess.run(
            command, cwd=self._folder, env=self._environment, input=typed, capture_output=True, text=True, check=False
        )
        if check and done.returncode != 0:
            pytest.fail(f"{' '.join(command)}:\n{done.stderr[-3000:]}")
        return done


@pytest.fixture(scope="module")
def compose(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Compose]:
    folder = tmp_path_factory.mktemp("no-checkout")
    shutil.copy(ROOT / "docker-compose.yml", folder)
    compose = Compose(folder)
    try:
        compose.build()
        compose("up", "--no-build", "--detach")
        yield compose
    finally:
        compose.remove()


def test_the_demo_profile_ends_with_a_verified_deployment(compose: Compose) -> None:
    deadline = time.monotonic() + 240
    while "exited" not in (state := compose("ps", "--all", "--format", "{{.State}}", "demo").stdout):
        assert time.monotonic() < deadline, f"the demo is {state}:\n{compose('logs', '--tail', '40').stdout}"
        time.sleep(1)
    log = compose("logs", "--no-log-prefix", "demo").stdout
    assert log.rstrip().endswith("verified"), log


def test_every_service_is_healthy_and_runs_without_privileges(compose: Compose) -> None:
    for service in ("config", "gateway", "runner", "hubsync"):
        assert "healthy" in compose("ps", "--format", "{{.Health}}", service).stdout
        assert compose("exec", "--no-TTY", service, "id", "-u").stdout.strip() == "10001"


def test_every_container_of_ours_has_no_more_rights_than_it_uses(compose: Compose) -> None:
    for service in ("config", "gateway", "runner", "hubsync"):
        status = compose("exec", "--no-TTY", service, "cat", "/proc/1/status").stdout
        rights = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
        assert int(rights["CapBnd"], 16) == 0, service
        assert rights["NoNewPrivs"].strip() == "1", service
        written = compose("exec", "--no-TTY", service, "touch", "/app/x", check=False)
        assert "Read-only file system" in written.stderr, service


def test_only_config_reaches_the_database(compose: Compose) -> None:
    reach = "import socket; socket.create_connection(('postgres', 5432), 3)"
    for service, reaches in (("config", True), ("gateway", False), ("runner", False), ("hubsync", False)):
        tried = compose("exec", "--no-TTY", service, "python", "-c", reach, check=False)
        assert (tried.returncode == 0) is reaches, service


def test_only_those_who_open_secrets_hold_the_private_key(compose: Compose) -> None:
    for service, holds in (("runner", True), ("hubsync", True), ("gateway", False), ("config", False)):
        found = compose("exec", "--no-TTY", service, "test", "-s", "/secrets/private/seal.key", check=False)
        assert (found.returncode == 0) is holds, service


def test_charts_and_overlays_are_rendered_by_programs_of_the_image(compose: Compose) -> None:
    assert compose("exec", "--no-TTY", "runner", "helm", "version", "--short").stdout.startswith("v")
    assert "Kustomize" in compose("exec", "--no-TTY", "runner", "kubectl", "version", "--client").stdout


def test_a_sign_in_link_is_made_inside_the_container(compose: Compose) -> None:
    link = compose("exec", "--no-TTY", "config", "portside", "link").stdout
    assert link.startswith(f"http://127.0.0.1:{compose.port}/sign-in?code=")


def test_the_templates_are_in_the_image(compose: Compose) -> None:
    client = Client(compose.url)
    client.sign_in("admin", compose("exec", "--no-TTY", "config", "cat", "/secrets/admin/password").stdout.strip())
    names = [template["name"] for template in client.get("/pipeline-templates")["templates"]]
    assert sorted(names) == sorted(path.stem for path in TEMPLATE_FILES.glob("*.yaml"))


@pytest.mark.outer
def test_every_command_works_with_it(compose: Compose, tmp_path: Path) -> None:
    password = compose("exec", "--no-TTY", "config", "cat", "/secrets/admin/password").stdout.strip()

    def on_machine(line: str, typed: str) -> str:
        # Under compose the service `init` makes the secrets, once, and finds them when it is started again.
        words = {"system init": ["run", "--rm", "--no-deps", "--no-TTY", "init"]}.get(line)
        words = words or ["exec", "--no-TTY", "config", "portside", *shlex.split(line)]
        return compose(*words, typed=typed + "\n").stdout

    # The address of the hooks is that of this machine's browser: no runner's container can call it.
    command_story.play(compose.url, password, tmp_path, on_machine, "/tmp/backup.tar.gz", hook_is_reachable=False)


def test_the_pages_and_their_files_are_in_the_image(compose: Compose) -> None:
    browser = requests.Session()
    link = compose("exec", "--no-TTY", "config", "portside", "link").stdout.strip()
    confirm = browser.get(link, timeout=30)
    form = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', confirm.text))
    browser.post(f"{compose.url}/sign-in", data=form, timeout=30)
    page = browser.get(f"{compose.url}/pipelines/templates", timeout=30)
    assert page.status_code == 200 and "Push to Kubernetes" in page.text, page.text
    files = set(re.findall(r'(?:src|href)="(/static/[^"]+)"', page.text))
    assert files, page.text
    assert {file: browser.get(compose.url + file, timeout=30).status_code for file in files} == dict.fromkeys(
        files, 200
    )
