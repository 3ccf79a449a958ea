"""Pushes while parts die, measures how long each death is felt, and accounts for every push at the end."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from cli import system
from cli.portside.api import Client
from cli.portside.ending import CommandFailed
from tests.chaos import scene
from tests.chaos.account import Account, Pushed, reckon
from tests.chaos.outside import Counted, Eye
from tests.chaos.run import all_of, image_of, wait_until_quiet
from tests.chaos.traffic import Traffic
from tests.support.world import World, wait_for

from .deeds import Deed

LIMIT_S, BACKLOG_LIMIT_S = 120.0, 300.0
PUSHES_PER_S = float(os.environ.get("PUSHES", min(50, 5 * (os.cpu_count() or 1))))
"""Less than a quiet machine bears; a busy one is given fewer."""
STREAMS = 5
"""Repositories of which only the newest push waits: all pushes go there that are not to the others."""
EVERY_S, IN_TURN_EVERY_S = 2.0, 6.0
"""Between two pushes of another repository; longer where every push is deployed and one at a time."""
BEFORE_S, AFTER_S = 2.0, 3.0


@dataclass(frozen=True, slots=True)
class Row:
    """Seconds from what happened, or from its end where all were away, until a page, a sign-in and a verdict came."""

    what: str
    page_s: float
    sign_in_s: float
    verdict_s: float
    pushes: int

    @property
    def longest_s(self) -> float:
        return max(self.page_s, self.sign_in_s, self.verdict_s)

    def __str__(self) -> str:
        return f"| {self.what} | {_shown(self.page_s)} | {_shown(self.sign_in_s)} | {_shown(self.verdict_s)} |"


def _shown(seconds: float) -> str:
    return f"not within {LIMIT_S:.0f} s" if math.isinf(seconds) else f"{seconds:.1f} s"


def table(rows: Sequence[Row]) -> str:
    """As `docs/explanation/what-dies.md` shows it."""
    head = (
        "| what happens | a page answers after | a sign-in succeeds after | a push has its verdict after |",
        "|---|---|---|---|",
    )
    return "\n".join([*head, *map(str, rows)])


@dataclass
class Watch:
    """Pushes while things happen, and measures how long each is felt."""

    world: World
    repositories: list[str]
    pushes: list[Pushed] = field(default_factory=list)
    pushed_s: float = 0.0

    @property
    def pushes_per_s(self) -> float:
        """As it was, over all rows."""
        return len(self.pushes) / self.pushed_s

    def row(self, what: str, deed: Deed, number: int) -> Row:
        """Push, do it, and measure; returns once no push waits for its verdict, so that the next row has no backlog."""
        traffic = self._traffic(f"r{number}-")
        started = time.monotonic()
        for stream in traffic:
            stream.start()
        time.sleep(BEFORE_S)
        with deed():
            began, before = time.monotonic(), {push.tag for stream in traffic for push in stream.pushes}
            probes = (self._answers, self._signs_in, lambda: self._judges(traffic, before))
            with ThreadPoolExecutor(len(probes)) as pool:  # None of them waits for another.
                page_s, sign_in_s, verdict_s = pool.map(lambda works: _seconds_until(works, began), probes)
            time.sleep(AFTER_S)
            for stream in traffic:
                stream.stop()
            self.pushed_s += time.monotonic() - started
        pushes = [push for stream in traffic for push in stream.pushes]
        self.pushes += pushes
        wait_for(self._all_judged, "every push to have its verdict", BACKLOG_LIMIT_S, every_s=1.0)
        return Row(what, page_s, sign_in_s, verdict_s, len(pushes))

    def _traffic(self, prefix: str) -> list[Traffic]:
        in_turn = scene.repository_of("queue")
        streams = [repository for repository in self.repositories if scene.is_stream(repository)]
        others = [repository for repository in self.repositories if repository not in (in_turn, *streams)]
        rest_per_s = max(1.0, PUSHES_PER_S - len(others) / EVERY_S - 1 / IN_TURN_EVERY_S)
        intervals = [(streams, len(streams) / rest_per_s), (others, EVERY_S), ([in_turn], IN_TURN_EVERY_S)]
        return [
            Traffic(self.world, repositories, every_s=every_s, prefix=prefix) for repositories, every_s in intervals
        ]

    def _all_judged(self) -> bool:
        return all(event["state"] == "judged" for event in self.world.events())

    def _answers(self) -> bool:
        try:
            self.world.client.get("/projects")
        except (CommandFailed, OSError):
            return False
        return True

    def _signs_in(self) -> bool:
        client = Client(self.world.client.base_url)
        try:
            client.sign_in(system.ADMIN, self.world.layout.password_file.read_text(encoding="utf-8").strip())
        except (CommandFailed, OSError):
            return False
        return True

    def _judges(self, traffic: list[Traffic], before: set[str]) -> bool:
        """Whether a push of those that came after it has its verdict."""
        later = {push.tag for stream in traffic for push in list(stream.pushes)} - before
        try:
            return any(event["tag"] in later and event["state"] == "judged" for event in self.world.events())
        except (CommandFailed, OSError):
            return False


def _seconds_until(works: Callable[[], bool], began: float) -> float:
    """Infinite where it does not work within the limit."""
    while not works():
        if time.monotonic() - began > LIMIT_S:
            return math.inf
        time.sleep(0.1)
    return time.monotonic() - began


def account_of(world: World, watch: Watch, eye: Eye, outside: Counted) -> Account:
    """Wait until all is quiet, and compare what was pushed with what was done."""
    wait_until_quiet(world)
    eye.close()
    running = {repository: image_of(world, repository) for repository in watch.repositories}
    events, executions = all_of(world, "/registry-events"), all_of(world, "/executions")
    return reckon(watch.pushes, events, executions, eye.writes, outside.told, running, {})
