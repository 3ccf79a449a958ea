"""Every command of the README, run as it is written: in a copy of the checkout, at ports of its own and on loopback."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import randrange

import pytest

from cli import image
from cli.ports import free_port
from tests.support import command_story
from tests.support.world import wait_for

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
RUN_BY = {
    "make": "test_make_lists_every_command",
    "make demo": "test_the_demo_takes_further_pushes_and_the_command",
    "make push TAG=1.4.1": "test_the_demo_takes_further_pushes_and_the_command",
    "portside login http://127.0.0.1:8080 --user admin": "test_the_demo_takes_further_pushes_and_the_command",
    'portside run "Deploy web" -i DOCKER_IMAGE=acme/web -i DOCKER_TAG=1.4.0 --wait': (
        "test_the_demo_takes_further_pushes_and_the_command"
    ),
    "portside why acme/web:1.4.0": "test_the_demo_takes_further_pushes_and_the_command",
    "portside apply -f definitions": "test_the_demo_takes_further_pushes_and_the_command",
    "make demo ONCE=1": "test_the_demo_once_ends_with_exit_code_0",
    "make up": "test_the_system_for_use_signs_in_by_a_link",
    "make up HOST=0.0.0.0": "test_the_system_for_use_signs_in_by_a_link",
    "make link": "test_the_system_for_use_signs_in_by_a_link",
    "make up DEMO=1": "test_sample_data_is_started_beside_a_system_that_every_command_works_with",
    "make demo KUBECONFIG=~/.kube/config IMAGE=docker.io/library/nginx:1.29": (
        "test_the_demo_deploys_to_a_cluster_of_ones_own"
    ),
    "make install": "test_the_command_is_linked_and_the_site_is_built_and_clean_removes_what_was_made",
    "make site": "test_the_command_is_linked_and_the_site_is_built_and_clean_removes_what_was_made",
    "make clean": "test_the_command_is_linked_and_the_site_is_built_and_clean_removes_what_was_made",
    "pipx install ./cli/portside": "test_pipx_installs_the_command_alone",
    "docker compose up --build --detach": "test_containers_start_and_sign_in",
    "docker compose exec config portside system link": "test_containers_start_and_sign_in",
    "helm install portside deploy/charts/portside --values values.yaml": (
        "tests/e2e/test_chart.py::test_it_deploys_a_push_and_keeps_what_it_knows_over_an_upgrade_and_a_rollback"
    ),
}
"""Which test runs it: of this module, or another's."""


def commands() -> set[str]:
    """All of the README: lines that are only indented, and what is in the text as a whole command."""
    text = README.read_text(encoding="utf-8")
    lines = {
        line.partition("  ")[0].partition(" #")[0].strip() for line in re.findall(r"^    (\S.*)$", text, re.MULTILINE)
    }
    within = set(re.findall(r"`((?:make|docker compose|helm|pipx|portside) [^`]+)`", text))
    return lines | within | {"make"} | set(re.findall(r"alone: (pipx install \S+)", text))


def test_each_command_has_a_test_that_runs_it() -> None:
    assert commands() == set(RUN_BY)
    for command, test in RUN_BY.items():
        file, _, name = test.rpartition("::")
        module = ROOT / file if file else Path(__file__)
        assert f"def {name}" in module.read_text(encoding="utf-8"), command


class Checkout:
    """A copy of what Git keeps, with the environment of this one; commands run in it as a newcomer gives them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "portside"
        self.home = folder / "home"
        listed = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT, capture_output=True, text=True, check=True,
        ).stdout.splitlines()  # fmt: skip
        for name in listed:
            if (ROOT / name).is_file():
                (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, self.folder / name)
        (self.folder / ".venv").symlink_to(ROOT / ".venv")
        # A make that runs the tests would have those below it print their folders.
        self.environment = {
            **{name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")},
            "PORTSIDE_HOME": str(self.home),
            "PORTSIDE_CONFIG": str(folder / "contexts.json"),
            "PATH": f"{ROOT / '.venv' / 'bin'}:{os.environ['PATH']}",
            "no_proxy": "127.0.0.1",
        }

    def run(self, command: str, *, typed: str = "", limit_s: float = 200) -> str:
        """What it prints; it must end well."""
        done = subprocess.run(
            shlex.split(command), cwd=self.folder, env=self.environment, input=typed,
            capture_output=True, text=True, timeout=limit_s, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    @contextmanager
    def running(self, command: str, ready: str) -> Iterator[Path]:
        """The command until the block ends, from when it has printed `ready`; Ctrl-C ends it in order."""
        log = self.folder.parent / "output"
        with log.open("wb") as output:
            process = subprocess.Popen(
                shlex.split(command), cwd=self.folder, env=self.environment, stdout=output, stderr=output,
                start_new_session=True,
            )  # fmt: skip
        try:
            wait_for(lambda: ready in log.read_text() or process.poll() is not None, f"{command} to print {ready}", 200)
            assert ready in log.read_text(), log.read_text()
            yield log
        finally:
            # As a terminal does, to make and to what it started.
            os.killpg(process.pid, signal.SIGINT)
            process.wait(90)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    return Checkout(tmp_path_factory.mktemp("readme"))


def test_make_lists_every_command(checkout: Checkout) -> None:
    listed = checkout.run("make")
    assert all(f"make {target} " in listed for target in ("demo", "up", "push", "link", "site", "install", "clean"))


def test_the_demo_takes_further_pushes_and_the_command(checkout: Checkout) -> None:
    port = free_port()
    with checkout.running(f"make demo PORT={port}", "verified"):
        password = (checkout.home / "demo" / "admin-password").read_text()
        # Without a terminal to ask at, the password comes in by the pipe.
        checkout.run(f"portside login http://127.0.0.1:{port} --user admin --password-stdin", typed=password)
        checkout.run("make push TAG=1.4.1")
        wait_for(lambda: "acme/web:1.4.1" in checkout.run("portside live") or None, "1.4.1 to be deployed", 120)
        checkout.run('portside run "Deploy web" -i DOCKER_IMAGE=acme/web -i DOCKER_TAG=1.4.0 --wait')
        assert "Deploy web" in checkout.run("portside why acme/web:1.4.0")
        (checkout.folder / "definitions").mkdir()
        shutil.copy(ROOT / "demo" / "deploy-web.yaml", checkout.folder / "definitions")
        checkout.run("portside apply -f definitions --yes")
        assert f":{port}/sign-in?code=" in checkout.run("make link")


def test_the_demo_once_ends_with_exit_code_0(checkout: Checkout) -> None:
    assert checkout.run(f"make demo ONCE=1 PORT={free_port()}").rstrip().endswith("verified")


def test_the_system_for_use_signs_in_by_a_link(checkout: Checkout) -> None:
    port = free_port()
    with checkout.running(f"make up HOST=127.0.0.1 PORT={port}", "Ctrl-C stops everything"):
        assert f":{port}/sign-in?code=" in checkout.run("make link")


@pytest.mark.timeout(600)
def test_sample_data_is_started_beside_a_system_that_every_command_works_with(tmp_path: Path) -> None:
    checkout, port = Checkout(tmp_path), free_port()
    with checkout.running(f"make up DEMO=1 PORT={port}", "verified"):
        password = (checkout.home / "admin-password").read_text().strip()

        def on_machine(line: str, typed: str) -> str:
            return checkout.run(f"portside {line}", typed=typed + "\n")

        (tmp_path / "story").mkdir()
        command_story.play(
            f"http://127.0.0.1:{port}", password, tmp_path / "story", on_machine, str(tmp_path / "backup.tar.gz")
        )


def test_the_command_is_linked_and_the_site_is_built_and_clean_removes_what_was_made(tmp_path: Path) -> None:
    checkout = Checkout(tmp_path)
    checkout.run(f"make install BIN={tmp_path / 'bin'}")
    assert (tmp_path / "bin" / "portside").readlink() == checkout.folder / ".venv" / "bin" / "portside"
    checkout.run("make site")
    assert (checkout.folder / ".site" / "index.html").is_file()
    (checkout.folder / ".portside").mkdir(exist_ok=True)
    checkout.run("make clean")
    assert [name for name in (".venv", ".portside", ".site") if (checkout.folder / name).exists()] == []
    assert (ROOT / ".venv" / "bin" / "python").exists(), "only the link is gone"


@pytest.mark.outer
@pytest.mark.timeout(400)
def test_pipx_installs_the_command_alone(tmp_path: Path) -> None:
    """Downloads pipx and the command's few dependencies, as a newcomer does."""
    checkout = Checkout(tmp_path)
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "pipx"], check=True, timeout=120)
    subprocess.run([tmp_path / "pipx/bin/pip", "install", "--quiet", "pipx"], check=True, timeout=200)
    checkout.environment |= {
        "PIPX_HOME": str(tmp_path / "apps"),
        "PIPX_BIN_DIR": str(tmp_path / "bin"),
        "PATH": f"{tmp_path / 'bin'}:{tmp_path / 'pipx/bin'}:{os.environ['PATH']}",
    }
    checkout.run("pipx install ./cli/portside")
    assert (tmp_path / "bin" / "portside").exists()
    assert checkout.run("portside --version").startswith("portside, version ")
    listed = checkout.run("portside --help")
    assert "executions" in listed and "Run a system" not in listed


@pytest.mark.cluster
@pytest.mark.timeout(300)
def test_the_demo_deploys_to_a_cluster_of_ones_own(checkout: Checkout) -> None:
    image.push(f"http://{os.environ['TEST_REGISTRY']}", "acme/readme", "1.0")
    name = f"{os.environ['TEST_REGISTRY']}/acme/readme:1.0"
    # With one, the demo would push an image of its own to it.
    del checkout.environment["TEST_REGISTRY"]
    command = f"make demo ONCE=1 PORT={free_port()} KUBECONFIG={os.environ['KUBECONFIG']} IMAGE={name}"
    assert checkout.run(command).rstrip().endswith("verified")


@pytest.mark.docker
@pytest.mark.timeout(600)
def test_containers_start_and_sign_in(tmp_path: Path) -> None:
    checkout, port = Checkout(tmp_path), free_port()
    checkout.environment |= {
        "COMPOSE_PROJECT_NAME": f"portside-readme-{os.getpid()}",
        "PORT": str(port),
        "RABBITMQ_PAGE_PORT": str(free_port()),
        "SYSTEM_NETWORK": f"10.{randrange(100, 250)}.{randrange(250)}",
        "PORTSIDE_IMAGE": f"portside-readme-{os.getpid()}:latest",
    }
    try:
        checkout.run("docker compose up --build --detach", limit_s=400)
        link = checkout.run("docker compose exec --no-TTY config portside system link")
        assert link.startswith(f"http://127.0.0.1:{port}/sign-in?code=")
    finally:
        checkout.run("docker compose down --volumes --remove-orphans", limit_s=120)
        checkout.run(f"docker image rm --force {checkout.environment['PORTSIDE_IMAGE']}")


@pytest.mark.helm
def test_the_chart_takes_the_values_of_its_how_to(tmp_path: Path) -> None:
    checkout = Checkout(tmp_path)
    chapter = (ROOT / "docs/how-to/install-on-kubernetes.md").read_text(encoding="utf-8")
    values = re.search(r"^with this `values.yaml`:\n\n```yaml\n(.*?)^```", chapter, re.MULTILINE | re.DOTALL)
    assert values
    (checkout.folder / "values.yaml").write_text(values[1], encoding="utf-8")
    command = "helm install portside deploy/charts/portside --values values.yaml --dry-run=client"
    assert "kind: Deployment" in checkout.run(command)
