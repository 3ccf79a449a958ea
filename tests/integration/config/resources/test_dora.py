"""The DORA figures: of the API, from the ledger, and of metrics, as runs end."""

from __future__ import annotations

from typing import Any

import pytest
from prometheus_client import REGISTRY

from services.config.model.people import SYSTEM
from services.config.resources.deployments import Deployments
from services.config.runs.figures import reached
from services.config.store import Store
from shared.contracts.catalog import Find, Kind
from shared.contracts.history import Deployed, Status, TaskEnded
from shared.contracts.problems import Refused
from tests.integration.config.conftest import Clock, Definitions
from tests.integration.config.world import World, whole_run

PLACE = {"project": "default", "pipeline": "Deploy web", "environment": "prod"}


@pytest.fixture
def world(store: Store, clock: Clock, definitions: Definitions) -> World:
    return World(store, clock, definitions)


def deploy(world: World, delivery_id: str, lasts_s: float) -> None:
    """A push whose run rolls out to `prod`."""
    run_id = world.hook(delivery_id, delivery_id).execution_id or ""
    world.take(run_id)
    world.clock.advance(lasts_s)
    web = Deployed(endpoint="prod", api_version="apps/v1", kind="Deployment", namespace="a", name="web", images=("i",))
    events = [
        event.model_copy(update={"deployed": (web,)})
        if isinstance(event, TaskEnded) and event.task == "Apply"
        else event
        for event in whole_run()
    ]
    world.report(run_id, *events)


def fail(world: World, delivery_id: str) -> None:
    world.finish(world.hook(delivery_id, delivery_id).execution_id or "", Status.FAILED, "no")


def figures(world: World, **options: Any) -> list[dict[str, Any]]:
    with world.store.read() as uow:
        page = Deployments().find(uow, SYSTEM, Find(kind=Kind.DEPLOYMENTS, options={"doraDays": "30", **options}))
    return [dict(document) for document in page.documents]


def counted(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def test_the_four_figures_of_a_pipeline(world: World) -> None:
    before = {
        result: counted("portside_deployments_total", **PLACE, result=result) for result in ("completed", "failed")
    }
    restored, lead = (counted(f"portside_{name}_seconds_sum", **PLACE) for name in ("restore", "lead_time"))
    fail(world, "early")
    assert figures(world) == [], "a pipeline counts once it has rolled out something"
    world.clock.advance(40 * 86_400)
    deploy(world, "d1", 100)
    fail(world, "d2")
    world.clock.advance(3_000)
    fail(world, "d3")
    world.clock.advance(4_000)
    deploy(world, "d4", 300)
    deploy(world, "d5", 200)
    (shown,) = figures(world)
    assert (shown["project"], shown["pipeline"], shown["environments"]) == ("default", "Deploy web", ["prod"])
    assert (shown["deployments"], shown["failedChanges"], shown["changeFailureRate"]) == (3, 2, 0.4)
    assert (shown["days"], shown["deploymentsPerDay"]) == (30, 0.1)
    assert shown["leadTimeSeconds"] == pytest.approx(200, abs=2)
    assert shown["timeToRestoreSeconds"] == pytest.approx(7_300, abs=5)
    assert counted("portside_deployments_total", **PLACE, result="completed") - before["completed"] == 3
    assert counted("portside_deployments_total", **PLACE, result="failed") - before["failed"] == 2
    assert counted("portside_restore_seconds_sum", **PLACE) - restored == pytest.approx(7_300, abs=5)
    assert counted("portside_lead_time_seconds_sum", **PLACE) - lead == pytest.approx(600, abs=5)


def test_days_and_project_narrow_them(world: World) -> None:
    deploy(world, "d1", 1)
    assert len(figures(world, project="default")) == 1
    assert figures(world, project="other") == []
    world.clock.advance(31 * 86_400)
    assert figures(world) == []
    assert len(figures(world, doraDays="366")) == 1
    for days in ("0", "-1", "367", "x", ""):
        with pytest.raises(Refused, match="days must be a whole number from 1 to 366"):
            figures(world, doraDays=days)


@pytest.mark.parametrize(
    ("known", "by_this_run", "status", "results"),
    [
        ("", "", Status.FAILED, {}),
        ("ab", "ab", Status.COMPLETED, {"a": "completed", "b": "completed"}),
        ("ab", "a", Status.FAILED, {"a": "completed", "b": "failed"}),
        ("ab", "ab", Status.FAILED, {"a": "failed", "b": "failed"}),
        ("ab", "", Status.COMPLETED, {}),
    ],
)
def test_a_failed_run_failed_where_it_did_not_arrive(
    known: str, by_this_run: str, status: Status, results: dict[str, str]
) -> None:
    assert reached(frozenset(known), frozenset(by_this_run), status) == results
