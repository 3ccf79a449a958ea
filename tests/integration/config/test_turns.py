"""Batches that are too long for one turn at the writer, on every database: the rest comes in the next, in order."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from services.config.handlers import Handlers
from services.config.model.claims import State
from services.config.resources import logs
from services.config.store import Store
from services.config.store.write_turns import LONGEST_TURN_S
from shared.bus import Ack, Incoming
from shared.contracts.envelope import Envelope
from shared.contracts.pushes import HookReceived
from shared.contracts.runs import LogChunk, Take
from shared.contracts.topics import HOOK_RECEIVED
from tests.integration.config.conftest import Clock, Definitions, count, pipeline
from tests.integration.config.world import World


@pytest.fixture
def world(store: Store, clock: Clock, definitions: Definitions) -> World:
    return World(store, clock, definitions)


def three_a_turn(store: Store) -> None:
    """From now on a batch's turn is over after three messages: each look at the clock finds it so much later."""
    looks = itertools.count()
    store.turns.ticks = lambda: next(looks) * LONGEST_TURN_S / 3


def test_hooks_beyond_one_turn_are_left_for_the_next(world: World) -> None:
    unused: Any = None
    handlers = Handlers(
        world.store, world.receiver, world.inbox, world.ledger, unused, unused, unused, unused, unused, unused
    )
    hooks = [
        Incoming(
            HOOK_RECEIVED,
            Envelope(id=name, source="gateway", type=HOOK_RECEIVED.type, subject=name, time="", data={}),
            HookReceived(delivery_id=name, received_at=1.0, token_hash="token"),
        )
        for name in ("d1", "d2", "d3", "d4", "d5")
    ]
    three_a_turn(world.store)
    assert handlers.hooks(hooks) == [Ack()] * 3
    assert count(world.store, "deliveries") == 3
    assert world.delivery("d3")
    assert handlers.hooks(hooks[3:]) == [Ack()] * 2
    assert count(world.store, "deliveries") == 5


def test_takes_beyond_one_turn_are_left_for_the_next(world: World) -> None:
    world.definitions.pipelines["Deploy web"] = pipeline(supersede="parallel")
    runs = [world.hook(f"d{number}", f"1.4.{number}").execution_id or "" for number in range(5)]
    takes = [Take(execution_id=run, dispatch=1, runner="r1", take_id=run) for run in runs]
    three_a_turn(world.store)
    assert len(world.inbox.work(takes)) == 3
    assert [run for run in runs if world.run(run).holding.state is State.HELD] == runs[:3]
    assert len(world.inbox.work(takes[3:])) == 2
    assert all(world.run(run).holding.state is State.HELD for run in runs)


def test_lines_beyond_one_turn_are_left_for_the_next(world: World) -> None:
    about: dict[str, Any] = {"execution_id": "e", "attempt": 1, "stage": "Build", "task": "Check", "at": 1.0}
    chunks = [LogChunk(**about, first_line=number, lines=("x",)) for number in range(5)]
    three_a_turn(world.store)
    assert logs.keep(world.store, chunks) == 3
    assert count(world.store, "log_chunks") == 3
    assert logs.keep(world.store, chunks[3:]) == 2
