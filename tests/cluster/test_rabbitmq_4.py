"""The same on RabbitMQ 4: queues are declared as they are, and any node may die."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.chaos import scene
from tests.chaos.outside import Counted, Eye
from tests.support.broker_containers import ContainerCluster
from tests.support.world import a_world

from .deeds import QUEUES, node_killed
from .watch import Watch, account_of

pytestmark = [pytest.mark.outer, pytest.mark.docker, pytest.mark.timeout(900)]
AGAIN_WITHIN_S = 15.0


@pytest.fixture(scope="module")
def brokers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ContainerCluster]:
    cluster = ContainerCluster(tmp_path_factory.mktemp("brokers"))
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


def test_every_node_may_die(brokers: ContainerCluster, tmp_path: Path) -> None:
    overview = brokers.nodes[0].manage("GET", "/api/overview")
    assert isinstance(overview, dict) and str(overview["rabbitmq_version"]).startswith("4.")
    outside = Counted()
    with a_world(tmp_path / "home", define=False, standby=True, pace_s=0.3, brokers=brokers) as world:
        watch, eye = Watch(world, scene.define(world, outside.url)), Eye(world.cluster_url)
        for queue in QUEUES:
            described = brokers.describe(queue)
            assert (described["type"], len(described["members"])) == ("quorum", len(brokers.nodes)), queue
        rows = [
            watch.row(f"node {number} is killed", partial(node_killed, brokers, node), number)
            for number, node in enumerate(brokers.nodes, start=1)
        ]
        account = account_of(world, watch, eye, outside)
    outside.close()
    print(*rows, account, sep="\n")
    assert account.clean, "\n".join(account.problems)
    assert account.refused == 0
    assert [row for row in rows if row.longest_s > AGAIN_WITHIN_S] == []
