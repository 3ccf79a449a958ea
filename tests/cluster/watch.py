"""Pushes while parts die, measures how long each death is felt, and accounts for every push at the end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field

from cli.portside.api import ApiError
from cli.rabbitmq import PrivateNode
from tests.chaos import scene
from tests.chaos.account import Account, Pushed, reckon
from tests.chaos.outside import Counted, Eye
from tests.chaos.run import all_of, image_of, wait_until_quiet
from tests.chaos.traffic import Traffic
from tests.support.broker_cluster import BrokerCluster
from tests.support.world import World

Deed = Callable[[], AbstractContextManager[None]]
LIMIT_S = 120.0
EVERY_S, IN_TURN_EVERY_S = 2.0, 6.0
"""Between two pushes of a repository; longer where every push is deployed and one at a time."""
BEFORE_S, AFTER_S = 2.0, 3.0


@dataclass(frozen=True, slots=True)
class Row:
    """Seconds from what happened, or from its end where all were away, until a page and a verdict came."""

    what: str
    page_s: float
    verdict_s: float
    pushes: int

    def __str__(self) -> str:
        return f"| {self.what} | {self.page_s:.1f} s | {self.verdict_s:.1f} s |"


@dataclass
class Watch:
    """Pushes while things happen, and measures how long each is felt."""

    world: World
    repositories: list[str]
    pushes: list[Pushed] = field(default_factory=list)
    pushed_s: float = 0.0

    def row(self, what: str, deed: Deed, number: int) -> Row:
        in_turn = scene.repository_of("queue")
        others = [repository for repository in self.repositories if repository != in_turn]
        prefix = f"r{number}-"
        traffic = [
            Traffic(self.world, others, every_s=EVERY_S, prefix=prefix),
            Traffic(self.world, [in_turn], every_s=IN_TURN_EVERY_S, prefix=prefix),
        ]
        started = time.monotonic()
        for stream in traffic:
            stream.start()
        time.sleep(BEFORE_S)
        with deed():
            began, before = time.monotonic(), {push.tag for stream in traffic for push in stream.pushes}
            page_s = _seconds_until(self._answers, began)
            verdict_s = _seconds_until(lambda: self._judges(traffic, before), began)
            time.sleep(AFTER_S)
            for stream in traffic:
                stream.stop()
            self.pushed_s += time.monotonic() - started
        pushes = [push for stream in traffic for push in stream.pushes]
        self.pushes += pushes
        return Row(what, page_s, verdict_s, len(pushes))

    def _answers(self) -> bool:
        try:
            self.world.client.get("/projects")
        except (ApiError, OSError):
            return False
        return True

    def _judges(self, traffic: list[Traffic], before: set[str]) -> bool:
        """Whether a push of those that came after it has its verdict."""
        later = {push.tag for stream in traffic for push in list(stream.pushes)} - before
        try:
            return any(event["tag"] in later and event["state"] == "judged" for event in self.world.events())
        except (ApiError, OSError):
            return False


def _seconds_until(works: Callable[[], bool], began: float) -> float:
    while not works():
        assert time.monotonic() - began < LIMIT_S, "it does not come back"
        time.sleep(0.1)
    return time.monotonic() - began


def account_of(world: World, watch: Watch, eye: Eye, outside: Counted) -> Account:
    """Wait until all is quiet, and compare what was pushed with what was done."""
    wait_until_quiet(world)
    eye.close()
    running = {repository: image_of(world, repository) for repository in watch.repositories}
    events, executions = all_of(world, "/registry-events"), all_of(world, "/executions")
    return reckon(watch.pushes, events, executions, eye.writes, outside.told, running, {})


@contextmanager
def node_killed(brokers: BrokerCluster, node: PrivateNode) -> Iterator[None]:
    """As by a power cut; it is back, and the cluster whole, after the block."""
    node.kill()
    try:
        yield
    finally:
        node.start()
        brokers.wait_whole()
