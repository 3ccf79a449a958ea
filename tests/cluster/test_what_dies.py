"""Each part of a system on several machines dies or stands still under pushes: nothing is lost, doubled or disordered.

What it prints is the table of `docs/explanation/what-dies.md`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos import scene
from tests.chaos.machines import Machines, machines
from tests.chaos.outside import Counted, Eye
from tests.chaos.run import all_of
from tests.support.clocks import skewed
from tests.support.world import World, a_world, wait_for

from .deeds import BACK_WITHIN_S, GATEWAY_KILLED, QUEUES, deeds, starts
from .namespace import NAME, config_behind_a_cable
from .watch import STREAMS, Row, Watch, account_of, table

pytestmark = [pytest.mark.outer, pytest.mark.postgres, pytest.mark.namespaces, pytest.mark.timeout(2400)]
AGAIN_WITHIN_S, CUT_OFF_WITHIN_S = 15.0, 30.0
CLOCKS = {"gateway-2": -30.0, "runner-1": 3600.0, "runner-2": -30.0, "hubsync": -3600.0}
"""Of other machines than config's, all the time."""


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    with machines(tmp_path_factory.mktemp("machines"), 3) as parts:
        yield parts


def test_whatever_dies_nothing_is_lost_doubled_or_disordered(several: Machines, tmp_path: Path) -> None:
    outside, rows = Counted(), list[Row]()
    more = {"DATABASE_URL": several.database_url, **skewed(CLOCKS)}
    with a_world(
        tmp_path / "home", define=False, standby=True, pace_s=0.3, brokers=several.brokers, gateways=2, more=more
    ) as world:
        watch = Watch(world, scene.define(world, outside.url, streams=STREAMS))
        eye = Eye(world.cluster_url)
        for queue in QUEUES:
            assert len(several.brokers.describe(queue)["members"]) == len(several.brokers.nodes)
        for what, deed in deeds(world, several).items():
            rows.append(watch.row(what, deed, len(rows) + 1))
            print(rows[-1], rows[-1].pushes, "pushes", flush=True)
        with config_behind_a_cable(world, several) as cable:
            _active_behind_the_cable(world)
            cut = watch.row("the active config's network is cut", cable.pulled, len(rows) + 1)
        account = account_of(world, watch, eye, outside)
        executions = all_of(world, "/executions")
    outside.close()
    print(table([*rows, cut]), account, sep="\n")
    print(f"{watch.pushes_per_s:.1f} pushes a second, load {os.getloadavg()[0]:.0f} on {os.cpu_count()} cores")
    assert account.clean, "\n".join(account.problems)
    assert [row for row in rows if row.longest_s > AGAIN_WITHIN_S] == []
    assert cut.longest_s < CUT_OFF_WITHIN_S
    at_the_kill = f"r{[row.what for row in rows].index(GATEWAY_KILLED) + 1}-"
    assert [push for push in watch.pushes if not (push.accepted or push.tag.startswith(at_the_kill))] == []
    died = [run["name"] for run in executions if "died" in str(run["statusMessage"])]
    assert len(died) <= 1, f"only one runner was killed, once: {died}"


def _active_behind_the_cable(world: World) -> None:
    """The others are killed until the one behind the cable has the lock; after that they stand by."""
    before: dict[str, int] = {}

    def is_active() -> bool:
        if '"config.active"' in "".join(world.log_of(NAME)[-20:]):
            return True
        for name in ("config", "config-2"):
            before[name] = starts(world, name)
            world.kill(name)
        return False

    def are_back() -> bool:
        return all(starts(world, name) > count for name, count in before.items())

    wait_for(is_active, "the config behind the cable to be active", 60, every_s=3)
    wait_for(are_back, "the others to be back", BACK_WITHIN_S, every_s=0.5)
