"""What is old is deleted, and nothing that is still needed."""

from __future__ import annotations

import pytest

from services.config.model.claims import State
from services.config.model.people import SYSTEM
from services.config.resources import logs
from services.config.resources.logs import Logs
from services.config.runtime.retention import Keeping, prune
from services.config.store import Store, pruning
from shared.contracts.catalog import Get, Kind
from shared.contracts.runs import LogChunk
from tests.integration.config.conftest import Clock, Definitions, count, pipeline
from tests.integration.config.world import World


@pytest.fixture
def world(store: Store, clock: Clock, definitions: Definitions) -> World:
    return World(store, clock, definitions)


def test_log_lines_are_kept_head_and_tail_and_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "HEAD_LINES", 4)
    monkeypatch.setattr(logs, "TAIL_LINES", 4)
    run_id = world.hook().execution_id or ""
    chunks = [
        LogChunk(
            execution_id=run_id,
            attempt=1,
            stage="Build",
            task="Check",
            first_line=start,
            lines=(f"line {start}", f"line {start + 1}\x00"),
            at=1.0,
        )
        for start in range(0, 20, 2)
    ]
    logs.keep(world.store, chunks)
    logs.keep(world.store, chunks[-1:])
    with world.store.read() as uow:
        text = Logs().get(uow, SYSTEM, Get(kind=Kind.LOGS, id=run_id)).text.split("\n")
    assert text[:4] == ["line 0", "line 1\ufffd", "line 2", "line 3\ufffd"]
    assert text[4] == "[12 lines of Build.Check not kept]"
    assert text[5] == "line 16"
    assert len(text) == 9


def test_old_runs_and_deliveries_are_forgotten_and_live_ones_are_not(world: World) -> None:
    old = world.hook("d1", "1.0").execution_id or ""
    world.finish(old)
    live = world.hook("d2", "1.1").execution_id or ""
    with world.store.write() as uow:
        assert pruning.forget_executions(uow, uow.now + 1, 10) == 1
        assert pruning.forget_deliveries(uow, uow.now + 1, 10) == 2
    assert world.run(live).holding.state is State.DISPATCHED


def test_a_plan_is_forgotten_with_the_last_run_that_used_it(world: World, clock: Clock) -> None:
    for tag, change in (("1.0", {}), ("1.1", {"description": "another plan"})):
        world.definitions.pipelines["Deploy web"] = pipeline(**change)
        world.finish(world.hook(tag, tag).execution_id or "")
        clock.advance(86_400)
    assert count(world.store, "plans") == 2
    for keep_days, kept in ((90, 2), (1.5, 1), (0.5, 0)):
        for _ in range(2):  # A page that forgot something comes again before plans are looked at.
            with world.store.write() as uow:
                prune(uow, Keeping(executions=keep_days))
        assert count(world.store, "plans") == kept
