"""A config process on a machine of its own: a network namespace whose only cable may be pulled."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from cli import system
from cli.processes import Process
from tests.chaos.machines import Machines
from tests.support.balancer import Balancer
from tests.support.world import World, wait_for

NAME = "config-3"
_HOST, _GUEST = "10.213.77.1", "10.213.77.2"


@dataclass(frozen=True, slots=True)
class Cable:
    """Between this machine and the namespace."""

    device: str

    @contextmanager
    def pulled(self) -> Iterator[None]:
        """Packets vanish while the block lasts; neither side sees its connections end."""
        _ip("link", "set", self.device, "down")
        try:
            yield
        finally:
            _ip("link", "set", self.device, "up")


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True, timeout=20)


@contextmanager
def config_behind_a_cable(world: World, machines: Machines) -> Iterator[Cable]:
    """Start a further config there. It reaches brokers and database through forwarders at this end of the cable."""
    space, device = f"portside-{os.getpid()}", f"ps{os.getpid()}"
    forwarders: list[Balancer] = []
    _ip("netns", "add", space)
    try:
        _ip("link", "add", device, "type", "veth", "peer", "name", "eth0", "netns", space)
        _ip("addr", "add", f"{_HOST}/30", "dev", device)
        _ip("link", "set", device, "up")
        _ip("-n", space, "addr", "add", f"{_GUEST}/30", "dev", "eth0")
        for name in ("eth0", "lo"):
            _ip("-n", space, "link", "set", name, "up")
        there = _forwarded(forwarders)
        nodes = ",".join(there(node.amqp_port) for node in machines.brokers.nodes)
        process = system.service_process(world.layout, NAME, world.environment)
        environment = {
            **process.environment,
            "AMQP_URL": f"amqp://portside:{machines.brokers.nodes[0].password}@{nodes}/",
            "DATABASE_URL": machines.database_url.replace(
                f"127.0.0.1:{machines.database.port}", there(machines.database.port)
            ),
        }
        command = ("ip", "netns", "exec", space, *process.command)
        world.supervisor.start(Process(NAME, command, environment))
        wait_for(lambda: any("standing-by" in line for line in world.log_of(NAME)), "the config to stand by", 180)
        yield Cable(device)
    finally:
        with suppress(ProcessLookupError, KeyError):
            world.kill(NAME)
        for forwarder in forwarders:
            forwarder.close()
        subprocess.run(["ip", "link", "del", device], capture_output=True, check=False)
        subprocess.run(["ip", "netns", "del", space], capture_output=True, check=False)


def _forwarded(forwarders: list[Balancer]) -> Callable[[int], str]:
    """Gives the address at which the namespace reaches a port of this machine's loopback."""

    def there(port: int) -> str:
        forwarders.append(Balancer([port], _HOST))
        return f"{_HOST}:{forwarders[-1].port}"

    return there
