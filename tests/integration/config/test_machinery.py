"""Whole movements of config: dead messages, a database that is away, and what comes back after news."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest

from services.config.handlers import Handlers
from services.config.model.people import SYSTEM
from services.config.resources.dead_letters import DeadLetters, keep_letter
from services.config.resources.dispatch import ResourceDispatcher
from services.config.runs import protocol
from services.config.runs.batch import RunBatch
from services.config.store import Store
from services.config.tables.base import Base
from shared.bus import DeadLetter, Incoming, StopConsuming
from shared.contracts.base import Message
from shared.contracts.catalog import Act, Find, Kind
from shared.contracts.envelope import Envelope
from shared.contracts.history import (
    RunStarted,
    Status,
)
from shared.contracts.problems import Refused
from shared.contracts.pushes import HookReceived
from shared.contracts.runs import ExecutionOver, Held, HeldRun
from shared.contracts.topics import HOOK_RECEIVED, RUN_EXECUTION, RUN_HELD, Topic
from tests.integration.config.conftest import Clock, Definitions, count
from tests.integration.config.world import World, whole_run

AT = {"seq": 0, "at": 0.0}


@pytest.fixture
def world(store: Store, clock: Clock, definitions: Definitions) -> World:
    return World(store, clock, definitions)


def test_a_dead_run_message_fails_its_run_and_frees_its_place(world: World) -> None:
    first = world.hook("d1", "1.0").execution_id or ""
    second = world.hook("d2", "1.1").execution_id
    body = b'{"data": {"execution_id": "' + first.encode() + b'", "dispatch": 1}}'
    letter = DeadLetter(
        queue="runner.runs", reason="it kills its reader", body=body, type=RUN_EXECUTION.type, subject=first
    )
    keep_letter(world.store, letter)
    keep_letter(world.store, letter)
    run = world.run(first)
    assert run.status is Status.FAILED
    assert "it kills its reader" in run.status_message
    assert world.dispatched() == [first, second]
    assert count(world.store, "dead_letters") == 1
    kind = DeadLetters(world.receiver)
    with world.store.write() as uow:
        (document,) = kind.find(uow, SYSTEM, Find(kind=Kind.DEAD_LETTERS)).documents
        done = kind.act(uow, SYSTEM, Act(kind=Kind.DEAD_LETTERS, verb="discard", id=document["id"])).document
    assert (document["state"], done["state"]) == ("kept", "discarded")


def test_the_end_of_a_run_is_said_once_with_its_length(world: World) -> None:
    run_id = world.hook().execution_id or ""
    world.take(run_id)
    world.report(run_id, RunStarted(**AT))
    world.clock.advance(5)
    world.report(run_id, *whole_run()[1:], first=2)
    world.report(run_id, *whole_run()[1:], first=2)
    (over,) = world.messages(ExecutionOver)
    assert 4_900_000 < over.duration_us < 5_100_000


def test_a_movement_that_fails_leaves_nothing(world: World) -> None:
    run_id = world.hook().execution_id or ""
    before = world.run(run_id)
    with suppress(KeyError), world.store.write() as uow, RunBatch(uow) as movement:
        run = movement.run(run_id)
        assert run is not None
        movement.apply(run, protocol.end(run.holding, Status.FAILED, "no", uow.now))
        raise KeyError
    assert world.run(run_id) == before


def test_a_database_that_is_away_stops_the_consumers_and_refuses_requests(world: World) -> None:
    desk = ResourceDispatcher(world.store, {}, lambda _uow, _caller: SYSTEM)

    def nobody(*_: object) -> object:
        raise AssertionError

    parts: Any = (world.store, world.receiver, world.inbox, world.ledger, desk, nobody, nobody, nobody, nobody, nobody)
    handlers = Handlers(*parts)
    Base.metadata.drop_all(world.store.writer)

    def incoming(topic: Topic, message: Message) -> Incoming:
        envelope = Envelope(id="1", source="x", type=topic.type, subject="x", time="", data={})
        return Incoming(topic, envelope, message)

    if world.store.is_sqlite:  # PostgreSQL tells a missing table from a missing database
        hook = HookReceived(delivery_id="d", received_at=1.0, token_hash="token")
        with pytest.raises(StopConsuming):
            handlers.hooks([incoming(HOOK_RECEIVED, hook)])
        with pytest.raises(Refused):
            handlers.signs_of_life()[RUN_HELD](
                incoming(RUN_HELD, Held(runner="r", holds=(HeldRun(execution_id="e", attempt=1),)))
            )
