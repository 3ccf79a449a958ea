"""Who gets a place and who waits: policies and limits as stories of one pipeline, on every database."""

from __future__ import annotations

from typing import Any

import pytest

from services.config.model.claims import State
from services.config.model.people import SYSTEM, Person
from services.config.model.rights import ProjectRole
from services.config.resources.executions import Executions
from services.config.store import Store
from shared.contracts.catalog import Act, Kind
from shared.contracts.history import RunParked, Status, TaskWaiting
from shared.contracts.problems import Code, Refused
from tests.integration.config.conftest import Clock, Definitions, pipeline, webhook
from tests.integration.config.world import World, whole_run

AT: dict[str, Any] = {"seq": 0, "at": 0.0}


@pytest.fixture
def world(store: Store, clock: Clock, definitions: Definitions) -> World:
    return World(store, clock, definitions)


def pushed(world: World, *tags: str, repository: str = "acme/web") -> list[str]:
    return [world.hook(f"{repository} {tag}", tag, push={"repository": repository}).execution_id or "" for tag in tags]


def states(world: World, runs: list[str]) -> str:
    """A letter for each: running, waiting, over, or `-` for none."""
    letters = {State.QUEUED: "w", State.DISPATCHED: "r", State.HELD: "r", State.PARKED: "p", State.ENDED: "o"}
    return "".join(letters[world.run(one).holding.state] if one else "-" for one in runs)


def park(world: World, run_id: str) -> None:
    world.take(run_id)
    asks = TaskWaiting(**AT, stage="Deploy", task="Apply", reason="approval", message="Deploy?", ask={"summary": "?"})
    world.report(run_id, *whole_run()[:8], asks, RunParked(**AT, reason="waiting"))


def act(world: World, run_id: str, verb: str, person: Person = SYSTEM) -> None:
    with world.store.write() as uow:
        Executions().act(uow, person, Act(kind=Kind.EXECUTIONS, verb=verb, id=run_id))


POLICIES = [
    ("parallel", "rrr", "orr"),
    ("queue", "rww", "orw"),
    ("queue-latest", "row", "oor"),
    ("cancel-older", "oor", "oor"),
    ("skip-new", "r--", "o--"),
    (None, "rrr", "orr"),
]


@pytest.mark.parametrize(("policy", "at_first", "after_the_first_ended"), POLICIES)
def test_three_pushes_of_one_repository(
    world: World, policy: str | None, at_first: str, after_the_first_ended: str
) -> None:
    world.definitions.pipelines["Deploy web"] = pipeline(supersede=policy)
    runs = pushed(world, "1", "2", "3")
    assert states(world, runs) == at_first
    if at_first[0] == "r":
        world.finish(runs[0])
    assert states(world, runs) == after_the_first_ended


@pytest.mark.parametrize("status", [Status.FAILED, Status.CANCELED, Status.COMPLETED])
def test_however_a_run_ends_the_next_begins(world: World, status: Status) -> None:
    runs = pushed(world, "1", "2")
    world.finish(runs[0], status, "x")
    assert states(world, runs) == "or"


def test_order_is_kept_within_a_repository_and_others_are_not_held_up(world: World) -> None:
    world.definitions.webhooks["token"] = webhook(repository="")
    world.definitions.pipelines["Deploy web"] = pipeline(supersede="queue")
    web = pushed(world, "1", "2", "3")
    api = pushed(world, "1", repository="acme/api")
    assert states(world, [*web, *api]) == "rwwr"
    begun = []
    for _ in web:
        running = next(one for one in web if world.run(one).holding.state is State.DISPATCHED)
        begun.append(running)
        world.finish(running)
    assert begun == web


def test_a_waiting_run_shows_its_place_and_for_what_it_waits(world: World) -> None:
    world.definitions.pipelines["Deploy web"] = pipeline(supersede="queue")
    runs = pushed(world, "1", "2", "3")
    assert [world.shown(one)["_queuePosition"] for one in runs] == [0, 1, 2]
    assert world.shown(runs[2])["statusMessage"] == "Waits until #1 of Deploy web is over."
    world.finish(runs[0])
    assert [world.shown(one)["_queuePosition"] for one in runs] == [0, 0, 1]
    # Not for what has ended, here nor where the push is shown.
    assert world.shown(runs[2])["statusMessage"] == "Waits until #2 of Deploy web is over."
    assert "#1" not in world.run(runs[2]).status_message


def test_a_parked_run_gives_its_place_back_and_waits_for_one_when_it_is_answered(world: World) -> None:
    runs = pushed(world, "1", "2")
    park(world, runs[0])
    assert states(world, runs) == "pr"
    act(world, runs[0], "pause")
    act(world, runs[0], "cancel")
    assert states(world, runs) == "or"


def test_an_administrator_may_start_a_run_past_the_queue_and_nobody_else(world: World) -> None:
    runs = pushed(world, "1", "2")
    member = Person("bob", project_roles={"default": ProjectRole.MEMBER})
    with pytest.raises(Refused) as refused:
        act(world, runs[1], "start-now", member)
    assert refused.value.problem.code is Code.FORBIDDEN
    act(world, runs[1], "start-now")
    assert states(world, runs) == "rr"
    with pytest.raises(Refused, match="does not wait in the queue"):
        act(world, runs[1], "start-now")


def test_a_cancelled_waiting_run_leaves_the_queue(world: World) -> None:
    world.definitions.pipelines["Deploy web"] = pipeline(supersede="queue")
    runs = pushed(world, "1", "2", "3")
    act(world, runs[1], "cancel")
    world.finish(runs[0])
    assert states(world, runs) == "oor"
