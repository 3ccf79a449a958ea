"""Each node of a cluster of brokers is killed in turn under pushes, and the homes of queues too: nothing is lost."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from cli.portside.api import ApiError
from cli.rabbitmq import PrivateNode
from tests.chaos import scene
from tests.chaos.account import reckon
from tests.chaos.outside import Counted, Eye
from tests.chaos.run import all_of, image_of, wait_until_quiet
from tests.chaos.traffic import Traffic
from tests.support.broker_cluster import BrokerCluster
from tests.support.world import World, a_world

pytestmark = [pytest.mark.outer, pytest.mark.timeout(570)]
AGAIN_WITHIN_S = 15.0
AWAY_S = 8.0
"""How long a killed node stays away after the others have been seen to work."""
EVERY_S, EVERY_IN_TURN_S = 1.0, 6.0
"""Between two pushes of a repository; longer where every push is deployed and one at a time."""
QUEUES = ("config.rpc.v2", "config.ledger")


@pytest.fixture(scope="module")
def brokers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrokerCluster]:
    cluster = BrokerCluster(tmp_path_factory.mktemp("brokers"))
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


@dataclass(frozen=True, slots=True)
class Outage:
    """Seconds after a kill until a question was answered, and until a push that came after it had its verdict."""

    node: str
    question_s: float
    verdict_s: float


def _seconds_until(works: Callable[[], bool], began: float) -> float:
    while not works():
        assert time.monotonic() - began < 2 * AGAIN_WITHIN_S, "it does not work while the node is away"
        time.sleep(0.1)
    return time.monotonic() - began


def _answers(world: World) -> bool:
    try:
        world.client.get("/projects")
    except (ApiError, OSError):
        return False
    return True


def _judges(world: World, traffic: Traffic, since: int) -> bool:
    """Whether a push of those after the first `since` has its verdict."""
    later = {push.tag for push in traffic.pushes[since:]}
    try:
        return any(event["tag"] in later and event["state"] == "judged" for event in world.events())
    except (ApiError, OSError):
        return False


def _kill(name: str, node: PrivateNode, world: World, brokers: BrokerCluster, traffic: Traffic) -> Outage:
    since, began = len(traffic.pushes), time.monotonic()
    node.kill()
    outage = Outage(
        name,
        question_s=_seconds_until(lambda: _answers(world), began),
        verdict_s=_seconds_until(lambda: _judges(world, traffic, since), began),
    )
    time.sleep(AWAY_S)
    node.start()
    brokers.wait_whole()
    return outage


def test_every_node_and_every_home_of_queues_may_die(brokers: BrokerCluster, tmp_path: Path) -> None:
    outside = Counted()
    try:
        with a_world(tmp_path / "home", define=False, standby=True, pace_s=0.3, brokers=brokers) as world:
            repositories = scene.define(world, outside.url)
            in_turn = scene.repository_of("queue")
            others = [repository for repository in repositories if repository != in_turn]
            eye, traffic = Eye(world.cluster_url), Traffic(world, others, every_s=EVERY_S)
            slow = Traffic(world, [in_turn], every_s=EVERY_IN_TURN_S)
            traffic.start()
            slow.start()
            for queue in QUEUES:
                assert len(brokers.describe(queue)["members"]) == len(brokers.nodes)
            outages = [
                _kill(f"node {number}", node, world, brokers, traffic)
                for number, node in enumerate(brokers.nodes, start=1)
            ]
            outages += [_kill(f"home of {queue}", brokers.home_of(queue), world, brokers, traffic) for queue in QUEUES]
            traffic.stop()
            slow.stop()
            pushes = [*traffic.pushes, *slow.pushes]
            wait_until_quiet(world)
            eye.close()
            running = {repository: image_of(world, repository) for repository in repositories}
            events, executions = all_of(world, "/registry-events"), all_of(world, "/executions")
            account = reckon(pushes, events, executions, eye.writes, outside.told, running, {})
    finally:
        outside.close()
    print(*outages, account, sep="\n")
    assert account.clean, "\n".join(account.problems)
    assert account.refused == 0 and account.accepted == len(pushes)
    assert not [run for run in executions if "died" in str(run["statusMessage"])]
    for outage in outages:
        assert max(outage.question_s, outage.verdict_s) < AGAIN_WITHIN_S, outage
