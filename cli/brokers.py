"""Which RabbitMQ to use: the one that is named, an installed one as a private node, or one in Docker."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cli import rabbitmq
from cli.ports import free_port
from shared.process import clock

IMAGE = "rabbitmq:4-management"
INSTALL_ADVICE = {
    "apt-get": "sudo apt-get install --no-install-recommends rabbitmq-server",
    "brew": "brew install rabbitmq",
    "dnf": "sudo dnf install rabbitmq-server",
}


class NoBroker(Exception):
    """There is no RabbitMQ to use; the message says exactly what to install."""


@dataclass(frozen=True)
class Broker:
    """An address to use, how it came about, and how to let go of it."""

    amqp_url: str
    description: str
    management_url: str
    close: Callable[[], None]


def find_or_start(home: Path) -> Broker:
    """`AMQP_URL`, else a private node under `home`, else a container; raises NoBroker."""
    amqp_url = os.environ.get("AMQP_URL")
    if amqp_url:
        return Broker(
            amqp_url, "the one that AMQP_URL names", os.environ.get("RABBITMQ_MANAGEMENT_URL", ""), lambda: None
        )
    if rabbitmq.is_installed():
        node = rabbitmq.PrivateNode(home / "rabbitmq", amqp_port=5673, management_port=15673)
        node.start()
        management = node.management_url.replace("http://", f"http://portside:{node.password}@")
        return Broker(node.amqp_url, f"a private node on port {node.amqp_port}", management, node.stop)
    if _docker_answers():
        return _in_docker()
    tool = next((tool for tool in INSTALL_ADVICE if shutil.which(tool)), "")
    advice = INSTALL_ADVICE.get(tool, "see rabbitmq.com/docs/download")
    raise NoBroker(
        f"RabbitMQ is needed and was not found. Install it with:\n\n    {advice}\n\nor name one with AMQP_URL."
    )


def _docker_answers() -> bool:
    try:
        return subprocess.run(["docker", "info"], capture_output=True, timeout=10, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def _in_docker() -> Broker:
    name, password = f"portside-rabbitmq-{secrets.token_hex(4)}", secrets.token_urlsafe(18)
    amqp, management = free_port(5673), free_port(15673)
    command = ["docker", "run", "--rm", "--detach", "--name", name]
    command += ["--publish", f"127.0.0.1:{amqp}:5672", "--publish", f"127.0.0.1:{management}:15672"]
    command += ["--env", "RABBITMQ_DEFAULT_USER=portside", "--env", f"RABBITMQ_DEFAULT_PASS={password}", IMAGE]
    started = subprocess.run(command, capture_output=True, text=True, check=False)
    if started.returncode != 0:
        raise NoBroker(f"`docker run {IMAGE}` failed: {started.stderr.strip()}")

    def close() -> None:
        subprocess.run(["docker", "stop", name], capture_output=True, check=False)

    deadline = clock.monotonic() + rabbitmq.START_LIMIT_S
    try:
        while not rabbitmq.speaks_amqp(amqp):
            if clock.monotonic() > deadline:
                raise NoBroker(f"the container {name} did not open AMQP within {rabbitmq.START_LIMIT_S:.0f} s")
            time.sleep(0.2)
    except BaseException:
        close()
        raise
    url = f"amqp://portside:{password}@127.0.0.1:{amqp}"
    return Broker(url, f"a container on port {amqp}", f"http://portside:{password}@127.0.0.1:{management}", close)
