"""The leading config is stopped and keeps its connections: another leads within half a minute; nothing is lost."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from cli import system
from cli.processes import HUNG_AFTER_S
from services.config.store.lock import DEPOSED_AFTER_S
from tests.support.patience import PATIENCE_S
from tests.support.postgres import PrivatePostgres
from tests.support.world import World, a_world, wait_for

from .what_holds import accepted, assert_deployed_once

TAKES_OVER_S = 30
"""Mostly the time of the test's own machine: a lock, and a look at the database."""
ANSWERED_WITHIN_S = 6.0
"""A request to a config that hangs gets its answer, a refusal, after 10 s."""


def _hang_and_deploy(world: World, tag: str, limit_s: float, meanwhile: Callable[[], None] = lambda: None) -> str:
    """Stop the leader, push, and see the push run under another; returns who hung."""
    hung = world.active_config()
    world.freeze(hung)
    meanwhile()
    assert accepted(world.push(tag))
    wait_for(lambda: any('"config.active"' in line for line in world.log_of(_other(hung))), "another to lead", limit_s)
    assert_deployed_once(world, tag)
    return hung


def _read_all(world: World, browser: requests.Session) -> None:
    """Lists, a page and the allow list, as often as requests would reach a hung config if it were asked too."""
    asks: tuple[Callable[[], object], ...] = (
        lambda: world.client.documents("/executions"),
        lambda: world.client.documents("/registry-webhooks"),
        lambda: browser.get(f"{world.layout.url}/executions", timeout=PATIENCE_S).raise_for_status(),
        lambda: requests.get(f"{world.layout.url}/healthz?wait=config", timeout=PATIENCE_S).raise_for_status(),
    )
    for ask in asks * 5:
        began = time.monotonic()
        ask()
        assert time.monotonic() - began < ANSWERED_WITHIN_S


def _other(name: str) -> str:
    return {"config": "config-2", "config-2": "config"}[name]


def test_on_sqlite_the_supervisor_ends_it(tmp_path: Path) -> None:
    with a_world(tmp_path / "home", standby=True) as world:
        hung = _hang_and_deploy(world, "hung", HUNG_AFTER_S + TAKES_OVER_S)
        assert any("no sign of life" in line for line in world.log_of(hung))
        world.stopped.discard(hung)


@pytest.mark.postgres
def test_on_postgresql_a_standby_deposes_it_and_it_wakes_as_a_standby(tmp_path: Path) -> None:
    database = PrivatePostgres()
    database.start()
    try:
        with a_world(tmp_path / "home", standby=True, more={"DATABASE_URL": database.url}) as world:
            browser = requests.Session()
            browser.get(system.sign_in_link(world.layout, world.environment), timeout=PATIENCE_S).raise_for_status()
            limit_s = DEPOSED_AFTER_S[1] + TAKES_OVER_S
            hung = _hang_and_deploy(world, "hung", limit_s, lambda: _read_all(world, browser))
            world.wake(hung)
            wait_for(lambda: "standing-by" in "".join(world.log_of(hung)[-5:]), f"{hung} to stand by")
            assert_deployed_once(world, "hung")
            assert accepted(world.push("after"))
            assert_deployed_once(world, "after")
    finally:
        database.remove()
