"""What may happen to a part of a system on several machines: done as the block begins, and undone as it ends."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from threading import Timer

from cli.rabbitmq import PrivateNode, server_script
from shared.contracts.topics import CONFIG_READS, CONFIG_RPC, HOOKS, LEDGER, LOGS, PASSWORDS, RUNS
from tests.chaos.machines import Machines
from tests.support.broker_cluster import BrokerCluster
from tests.support.world import World, wait_for

Deed = Callable[[], AbstractContextManager[None]]
GATEWAY_KILLED = "all nodes are away, and a gateway with hooks in its spool is killed"
QUEUES = tuple(queue.name for queue in (CONFIG_RPC, CONFIG_READS, PASSWORDS, LEDGER, HOOKS, LOGS, RUNS))
"""What a page, a sign-in, a push or a run waits for."""
PAUSED_S = 12.0
DATABASE_AWAY_S = 3.0
BROKERS_AWAY_S = 5.0
BACK_WITHIN_S = 120.0


def deeds(world: World, machines: Machines) -> dict[str, Deed]:
    """By their words in `docs/explanation/what-dies.md`."""
    brokers = machines.brokers
    nodes = {f"node {number}": node for number, node in enumerate(brokers.nodes, start=1)}
    return {
        **{f"{name} is killed": partial(node_killed, brokers, node) for name, node in nodes.items()},
        **{f"the leader of `{queue}` is killed": partial(_leader_killed, brokers, queue) for queue in QUEUES},
        "the leader of `config.ledger` restarts in order, during takes": partial(_leader_restarts, brokers),
        "the active config is killed": partial(_killed, world, world.active_config),
        "the active config is paused for 12 s": partial(_paused, world, world.active_config),
        "a runner is paused for 12 s": partial(_paused, world, lambda: "runner-1"),
        "a runner is killed": partial(_killed, world, lambda: "runner-2"),
        "PostgreSQL stops as by a crash for 3 s": partial(_database_away, machines),
        "a memory alarm": partial(_alarm, brokers.nodes[0], "set_vm_memory_high_watermark", ("0.00000001", "0.4")),
        "a disk alarm": partial(_alarm, brokers.nodes[1], "set_disk_free_limit", ("10000GB", "100MB")),
        GATEWAY_KILLED: partial(_spool_outlives, world, brokers),
    }


@contextmanager
def node_killed(brokers: BrokerCluster, node: PrivateNode) -> Iterator[None]:
    """As by a power cut; it is back, and the cluster whole, after the block."""
    node.kill()
    try:
        yield
    finally:
        node.start()
        brokers.wait_whole()


@contextmanager
def _leader_killed(brokers: BrokerCluster, queue: str) -> Iterator[None]:
    with node_killed(brokers, brokers.home_of(queue)):
        yield


@contextmanager
def _leader_restarts(brokers: BrokerCluster) -> Iterator[None]:
    node = brokers.home_of("config.ledger")
    node.stop()
    node.start()
    yield
    brokers.wait_whole()


@contextmanager
def _killed(world: World, name: Callable[[], str]) -> Iterator[None]:
    """Its supervisor starts it again; it is back after the block, so that what happens next does not find one fewer."""
    process = name()
    count = starts(world, process)
    world.kill(process)
    yield
    wait_for(lambda: starts(world, process) > count, f"{process} to be back", BACK_WITHIN_S, every_s=0.5)


def starts(world: World, process: str) -> int:
    """How often a process has started so far."""
    return sum('"process.started"' in line for line in world.log_of(process))


@contextmanager
def _paused(world: World, name: Callable[[], str]) -> Iterator[None]:
    """Woken after its time, whether or not another has taken over by then."""
    process = name()
    world.freeze(process)
    waking = Timer(PAUSED_S, world.wake, [process])
    waking.start()
    try:
        yield
    finally:
        waking.join()


@contextmanager
def _database_away(machines: Machines) -> Iterator[None]:
    machines.database.stop(at_once=True)
    time.sleep(DATABASE_AWAY_S)
    machines.database.start()
    yield


@contextmanager
def _alarm(node: PrivateNode, command: str, limits: tuple[str, str]) -> Iterator[None]:
    """A limit that every node is past, for as long as others are away; then the usual one."""
    _set(node, command, limits[0])
    try:
        time.sleep(BROKERS_AWAY_S)
    finally:
        _set(node, command, limits[1])
    yield


def _set(node: PrivateNode, command: str, limit: str) -> None:
    script = server_script()
    assert script is not None
    control = [str(script.with_name("rabbitmqctl")), "-q", "-n", node.name, command, limit]
    subprocess.run(control, env=node.environment, check=True, capture_output=True, timeout=60)


@contextmanager
def _spool_outlives(world: World, brokers: BrokerCluster) -> Iterator[None]:
    for node in brokers.nodes:
        node.kill()
    time.sleep(BROKERS_AWAY_S)
    spool = world.home / "gateway-2" / "gateway" / "spool"
    assert list(spool.glob("*.json"))
    world.kill("gateway-2")
    with ThreadPoolExecutor() as pool:  # Each waits for the others.
        list(pool.map(PrivateNode.start, brokers.nodes))
    brokers.wait_whole()
    yield
