"""Strangers sign in with invented names: no run ends or changes its runner, and people still get in."""

from __future__ import annotations

import time

import pytest

from tests.adversary.beside import held_runs, runs_to_hold, sending, sign_in_s
from tests.adversary.senders import STRANGER
from tests.support.world import World

from .conftest import LEASE_S

CONNECTIONS = 40


@pytest.mark.outer
def test_a_flood_of_sign_ins_costs_no_run_its_lease(world: World) -> None:
    seconds = LEASE_S + 2
    with (
        runs_to_hold(world) as polled,
        held_runs(world, polled),
        sending("sign-ins", world.layout.port, CONNECTIONS, STRANGER, seconds),
    ):
        assert sign_in_s(world) < seconds
        time.sleep(seconds)
