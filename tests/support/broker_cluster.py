"""Three RabbitMQ nodes on loopback that form a cluster, each of which may be killed and started again."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

from cli.ports import free_port
from cli.rabbitmq import PrivateNode, epmd_program

SIZE = 3
PAUSE_MINORITY = "cluster_partition_handling = pause_minority\n"
_JOIN_LIMIT_S = 60.0
_START_LIMIT_S = 300.0
"""For one of three on a busy machine: a node that was killed reads its log first."""


class BrokerCluster:
    """The nodes share a port mapper that outlives each of them, a cookie and a password."""

    def __init__(self, home: Path, size: int = SIZE) -> None:
        self._home = home
        self._epmd_port = free_port()
        self._epmd: subprocess.Popen[bytes] | None = None
        password = secrets.token_urlsafe(18)
        self.nodes = [
            PrivateNode(
                home / f"node-{number}",
                password=password,
                epmd_port=self._epmd_port,
                shared_epmd=True,
                start_limit_s=_START_LIMIT_S,
            )
            for number in range(1, size + 1)
        ]

    @property
    def amqp_url(self) -> str:
        """All nodes, as `AMQP_URL` lists them."""
        hosts = ",".join(f"127.0.0.1:{node.amqp_port}" for node in self.nodes)
        return f"amqp://portside:{self.nodes[0].password}@{hosts}/"

    def start(self) -> None:
        """The first node, and then those that join it; returns when each sees all."""
        epmd = epmd_program()
        assert epmd is not None, "RabbitMQ is not installed"
        environment = {"PATH": os.environ.get("PATH", ""), "HOME": str(self._home)}
        self._epmd = subprocess.Popen(
            [str(epmd), "-address", "127.0.0.1", "-port", str(self._epmd_port)],
            env=environment,
            start_new_session=True,
        )
        cookie = secrets.token_hex(16)
        for node in self.nodes:
            file = node.home / "erlang" / ".erlang.cookie"
            file.parent.mkdir(parents=True)
            file.write_text(cookie)
            file.chmod(0o400)
        first = self.nodes[0]
        first.more_config = PAUSE_MINORITY
        first.start()
        seeds = f"cluster_formation.classic_config.nodes.1 = {first.name}\n"
        for node in self.nodes[1:]:
            node.more_config = PAUSE_MINORITY + seeds
            node.start()
        self.wait_whole()

    def stop(self) -> None:
        for node in self.nodes:
            node.kill()
        if self._epmd is not None:
            os.killpg(self._epmd.pid, signal.SIGKILL)
            self._epmd.wait()

    def wait_whole(self) -> None:
        """Until every node is seen as running by every other."""
        deadline = time.monotonic() + _JOIN_LIMIT_S
        while not all(self._sees_all(node) for node in self.nodes):
            assert time.monotonic() < deadline, "the nodes do not form a cluster"
            time.sleep(0.3)

    def home_of(self, queue: str) -> PrivateNode:
        """The node of a queue's leader."""
        name = self.describe(queue)["leader"]
        return next(node for node in self.nodes if node.name == name)

    def describe(self, queue: str) -> dict[str, Any]:
        """A queue as the management API of the first node that answers describes it."""
        for node in self.nodes:
            try:
                answer = node.manage("GET", f"/api/queues/%2F/{quote(queue, safe='')}")
            except OSError:
                continue
            assert isinstance(answer, dict)
            return answer
        raise AssertionError("no node answers")

    def _sees_all(self, node: PrivateNode) -> bool:
        try:
            answer = node.manage("GET", "/api/nodes")
        except OSError:
            return False
        return isinstance(answer, list) and len([one for one in answer if one["running"]]) == len(self.nodes)
