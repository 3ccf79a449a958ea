"""Who may not use what is restricted waits for an administrator, on every database."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from services.config.model.claims import State
from services.config.model.people import SYSTEM, Person
from services.config.model.rights import ProjectRole
from services.config.model.triggers import Actor
from services.config.resources.executions import Executions
from services.config.store import Store
from shared.contracts.catalog import Act, Kind
from shared.contracts.history import RunParked, TaskAnswered, TaskWaiting
from shared.contracts.problems import Code, Refused
from shared.contracts.runs import ResolvedEndpoint, ResolvedVariable
from tests.integration.config.conftest import Clock, Definitions
from tests.integration.config.world import World, whole_run

AT: dict[str, Any] = {"seq": 0, "at": 0.0}
WAITS = TaskWaiting(**AT, stage="Deploy", task="Apply", reason="restricted", message="Waits until …")


@pytest.fixture
def world(store: Store, clock: Clock, definitions: Definitions) -> World:
    return World(store, clock, definitions)


def parked(world: World) -> str:
    run_id = world.hook().execution_id or ""
    world.take(run_id)
    world.report(run_id, *whole_run()[:8], WAITS, RunParked(**AT, reason="waiting"))
    return run_id


def resume(world: World, run_id: str, person: Person) -> dict[str, Any]:
    with world.store.write() as uow:
        ask = Act(kind=Kind.EXECUTIONS, verb="resume", id=run_id)
        return Executions().act(uow, person, ask).document


@pytest.mark.parametrize("role", [ProjectRole.MEMBER, ProjectRole.VIEWER])
def test_only_an_administrator_lets_a_run_use_what_is_restricted(world: World, role: ProjectRole) -> None:
    run_id = parked(world)
    with pytest.raises(Refused) as refused:
        resume(world, run_id, Person("bob", project_roles={"default": role}))
    assert refused.value.problem.code is Code.FORBIDDEN
    assert world.run(run_id).holding.state is State.PARKED

    resume(world, run_id, Person("root", project_roles={"default": ProjectRole.ADMINISTRATOR}))
    answer = world.take(run_id, dispatch=2, take_id="t2")
    (said,) = [one.event for one in answer.history if isinstance(one.event, TaskAnswered)]
    assert (said.stage, said.task, said.answer) == ("Deploy", "Apply", {"cleared": True, "by": "root"})


def test_a_run_that_neither_waits_nor_is_paused_cannot_be_resumed(world: World) -> None:
    run_id = world.hook().execution_id or ""
    with pytest.raises(Refused, match="not paused"):
        resume(world, run_id, SYSTEM)


@pytest.mark.parametrize("what", ["endpoint", "variable"])
@pytest.mark.parametrize(
    ("restricted", "owner", "may"),
    [(False, "ann", True), (True, "ann", False), (True, "system", True)],
)
def test_a_take_says_whether_the_owner_may_use_what_is_restricted(
    world: World, what: str, restricted: bool, owner: str, may: bool
) -> None:
    endpoint = ResolvedEndpoint(name="prod", type="k8s", properties={"isRestricted": True} if restricted else {})
    variable = ResolvedVariable(name="v", type="RESTRICTED" if restricted else "SECRET")
    found = {"endpoint": ({"prod": endpoint}, {}), "variable": ({}, {"v": variable})}[what]
    world.definitions.resolve = lambda *_: found  # type: ignore[method-assign]
    world.definitions.webhooks["token"] = replace(world.definitions.webhooks["token"], actor=Actor(owner))
    about = world.take(world.hook().execution_id or "").about
    assert about is not None
    assert about.may_use_restricted is may
