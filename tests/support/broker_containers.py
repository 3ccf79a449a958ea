"""A cluster of RabbitMQ nodes in containers: the release of an image, where the machine's own is another."""

from __future__ import annotations

import secrets
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from cli.ports import free_port
from cli.rabbitmq import SMALL_LOG, PrivateNode, speaks_amqp
from tests.support.broker_cluster import PAUSE_MINORITY, SIZE, BrokerCluster

IMAGE = "rabbitmq:4-management"
_START_LIMIT_S = 120.0


def docker(*arguments: str) -> str:
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, f"docker {' '.join(arguments)}: {done.stderr[-2000:]}"
    return done.stdout.strip()


@dataclass
class ContainerNode(PrivateNode):
    """Its ports are this machine's, so that it is called as a node on loopback is."""

    network: str = ""
    host_name: str = ""
    cookie: str = ""

    @property
    def name(self) -> str:
        return f"rabbit@{self.host_name}"

    def start(self) -> None:
        if self._started:
            docker("start", self.container)
        else:
            self._create()
        self._started = True
        deadline = time.monotonic() + _START_LIMIT_S
        while not (speaks_amqp(self.amqp_port) and self._management_answers()):
            assert time.monotonic() < deadline, docker("logs", "--tail", "30", self.container)
            time.sleep(0.3)

    @property
    def container(self) -> str:
        return f"{self.network}-{self.host_name}"

    def stop(self) -> None:
        docker("stop", self.container)

    def kill(self) -> None:
        docker("kill", self.container)

    def _create(self) -> None:
        self.home.mkdir(parents=True)
        configuration, cookie = self.home / "90.conf", self.home / "cookie"
        configuration.write_text(
            f"default_user = portside\ndefault_pass = {self.password}\nloopback_users = none\n"
            f"disk_free_limit.absolute = 100MB\n{SMALL_LOG}\n{self.more_config}"
        )
        configuration.chmod(0o644)
        cookie.write_text(self.cookie)
        cookie.chmod(0o400)
        self.amqp_port, self.management_port = free_port(), free_port()
        ports = {self.amqp_port: 5672, self.management_port: 15672}
        options = [part for port, inside in ports.items() for part in ("--publish", f"127.0.0.1:{port}:{inside}")]
        docker(
            *("run", "--detach", "--name", self.container, "--hostname", self.host_name, "--network", self.network),
            *options,
            *("--volume", f"{configuration}:/etc/rabbitmq/conf.d/90.conf:ro"),
            *("--volume", f"{cookie}:/var/lib/rabbitmq/.erlang.cookie"),
            IMAGE,
        )


class ContainerCluster(BrokerCluster):
    """The same cluster, of containers in a network of their own."""

    nodes: list[ContainerNode]  # type: ignore[assignment]

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        self._network = f"portside-{secrets.token_hex(4)}"
        password, cookie = self.nodes[0].password, secrets.token_hex(16)
        names = [f"node-{number}" for number in range(1, SIZE + 1)]
        peers = "".join(
            f"cluster_formation.classic_config.nodes.{place} = rabbit@{name}\n" for place, name in enumerate(names, 1)
        )
        config = f"cluster_formation.peer_discovery_backend = classic_config\n{peers}{PAUSE_MINORITY}"
        self.nodes = [
            ContainerNode(
                home / name,
                password=password,
                more_config=config,
                network=self._network,
                host_name=name,
                cookie=cookie,
            )
            for name in names
        ]

    def start(self) -> None:
        docker("network", "create", self._network)
        with ThreadPoolExecutor() as pool:  # Each looks for the others before it starts.
            list(pool.map(ContainerNode.start, self.nodes))
        self.wait_whole()

    def stop(self) -> None:
        for node in self.nodes:
            subprocess.run(["docker", "rm", "--force", "--volumes", node.container], capture_output=True, check=False)
        subprocess.run(["docker", "network", "rm", self._network], capture_output=True, check=False)
