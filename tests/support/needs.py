"""Parts of the outside that a machine may lack, how to see that they are there, and how to bring them."""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.support import postgres, real_oidc

PREFIX = "needs "
BASE_IMAGE = re.compile(r"^(?:FROM|    image:) ([^$\s]+)", re.MULTILINE)


@dataclass(frozen=True)
class Need:
    """`marker` is pytest's marker; `how` one line to paste."""

    marker: str
    is_there: Callable[[], bool]
    how: str


def chromium() -> str | None:
    """The browser that drives the page tests."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@functools.cache
def _docker() -> bool:
    return (
        _succeeds("docker", "info")
        and _succeeds("docker", "compose", "version")
        and all(
            _succeeds("docker", "image", "inspect", image) or _succeeds("docker", "manifest", "inspect", image)
            for image in base_images()
        )
    )


def base_images() -> list[str]:
    """What Dockerfile and docker-compose.yml start from, as written there."""
    root = Path(__file__).parents[2]
    texts = [(root / name).read_text(encoding="utf-8") for name in ("Dockerfile", "docker-compose.yml")]
    return sorted({image for text in texts for image in BASE_IMAGE.findall(text)})


def _succeeds(*command: str) -> bool:
    try:
        return subprocess.run(command, capture_output=True, timeout=20, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


ALL = (
    Need(
        "cluster",
        lambda: bool(os.environ.get("KUBECONFIG") and os.environ.get("TEST_REGISTRY")),
        "export KUBECONFIG=… TEST_REGISTRY=host:port",
    ),
    Need(
        "docker",
        _docker,
        f"a Docker engine with the Compose plugin, and: for i in {' '.join(base_images())}; do docker pull $i; done",
    ),
    Need(
        "helm",
        lambda: bool(shutil.which("helm") and shutil.which("kubectl")),
        "install helm 3.14 or later and kubectl, https://helm.sh/docs/intro/install",
    ),
    Need("browser", lambda: chromium() is not None, "apt-get install chromium"),
    Need(
        "namespaces",
        lambda: os.geteuid() == 0 and bool(shutil.which("ip")),
        "run as root on Linux, with iproute2",
    ),
    Need(
        "postgres",
        lambda: postgres.programs() is not None,
        "apt-get install postgresql",
    ),
    Need(
        "ssh", lambda: bool(shutil.which("sshd") or os.path.exists("/usr/sbin/sshd")), "apt-get install openssh-server"
    ),
    Need(
        "prometheus",
        lambda: bool(shutil.which("prometheus") and shutil.which("promtool")),
        "apt-get install prometheus",
    ),
    Need("oidc", real_oidc.is_there, real_oidc.HOW),
    Need("registry", lambda: shutil.which("docker-registry") is not None, "apt-get install docker-registry"),
)
