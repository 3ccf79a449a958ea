"""One run of the chaos, from an empty folder to its account."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack, nullcontext
from pathlib import Path
from typing import Any

from tests.support.world import World, a_world

from . import scene
from .account import Account, reckon
from .machines import machines
from .mayhem import Mayhem
from .outside import Counted, Eye
from .quiet import Quiet
from .strangers import strangers
from .traffic import Traffic

_LOOK_EVERY_S = 0.5
_ENDED = ("COMPLETED", "FAILED", "CANCELED")
_PAGE = 200


def chaos(
    home: Path,
    *,
    seconds: float,
    seed: int,
    every_s: float,
    nodes: int = 1,
    attacked: bool = False,
    tell: Callable[[str], Any],
) -> Account:
    """Push and kill for so long, wait until all is quiet, and account for every push.

    With several `nodes` these are a cluster, two gateways take the pushes, and the database is PostgreSQL.
    """
    outside = Counted()
    with ExitStack() as stack:
        stack.callback(outside.close)
        several = stack.enter_context(machines(home, nodes)) if nodes > 1 else None
        parts: dict[str, Any] = {}
        if several:
            parts = {"brokers": several.brokers, "gateways": 2, "more": {"DATABASE_URL": several.database_url}}
        with a_world(home, define=False, standby=True, pace_s=0.3, **parts) as world:
            repositories = scene.define(world, outside.url)
            eye = Eye(world.cluster_url)
            traffic, mayhem = (
                Traffic(world, repositories, every_s=every_s),
                Mayhem(world, seed, tell, several.deeds() if several else ()),
            )
            with strangers(world.layout.port, seconds) if attacked else nullcontext():
                traffic.start()
                mayhem.start()
                time.sleep(seconds)
                mayhem.stop()
                traffic.stop()
            tell(f"{len(traffic.pushes)} pushes, {sum(mayhem.kills.values())} deaths; waiting until it is quiet")
            wait_until_quiet(world)
            eye.close()
            running = {one: image_of(world, one) for one in repositories}
            events, executions = all_of(world, "/registry-events"), all_of(world, "/executions")
            return reckon(traffic.pushes, events, executions, eye.writes, outside.told, running, mayhem.kills)


def wait_until_quiet(world: World) -> None:
    """Every event judged, every execution ended, the spool empty, and nothing new for a while; or nothing moves."""
    quiet = Quiet(time.monotonic())
    while not quiet.is_over(time.monotonic()):
        events, executions = all_of(world, "/registry-events"), all_of(world, "/executions")
        judged = sum(event["state"] == "judged" for event in events)
        ended = sum(execution["status"] in _ENDED for execution in executions)
        spooled = len(list(world.home.glob("**/spool/*.json")))
        pending = len(events) - judged + len(executions) - ended + spooled
        quiet.look(time.monotonic(), pending=pending, progress=(len(events), judged, len(executions), ended))
        time.sleep(_LOOK_EVERY_S)


def all_of(world: World, path: str) -> list[dict[str, Any]]:
    """Every document of a list, page by page."""
    found: list[dict[str, Any]] = []
    while page := world.documents(f"{path}?$top={_PAGE}&$skip={len(found)}"):
        found += page
    return found


def image_of(world: World, repository: str) -> str | None:
    """The image that the cluster runs of a repository; None where it runs none."""
    deployment = world.cluster.get(scene.deployment_of(repository))
    return None if deployment is None else str(deployment["spec"]["template"]["spec"]["containers"][0]["image"])
