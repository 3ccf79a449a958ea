"""Schedules: what can be saved, who they run as, and that a missed time is made up for once."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from services.config.model.people import SYSTEM
from services.config.resources.executions import Executions
from services.config.resources.registry import TIMERS
from services.config.runtime.timers import Timers
from shared.contracts.catalog import Find, Get, Kind
from shared.contracts.envelope import Caller
from shared.contracts.problems import Code, Refused
from tests.integration.config.office import Office

NIGHTLY = {"name": "nightly", "project": "default", "pipeline": "Deploy web", "cron": "0 2 * * *"}


@pytest.fixture
def office(office: Office) -> Office:
    office.now = datetime(2026, 3, 1, 10, tzinfo=UTC).timestamp()
    office.pipeline()
    return office


def runs(office: Office) -> list[dict[str, Any]]:
    """Oldest first."""
    with office.store.read() as uow:
        page = Executions().find(uow, SYSTEM, Find(kind=Kind.EXECUTIONS, orderby="_requestTimeInMicros asc"))
        return list(page.documents)


def later(office: Office, hours: float) -> None:
    """Time passes while nobody looks; then the timers do."""
    office.now += hours * 3600
    timers = Timers(office.store, TIMERS)
    for _ in range(10):
        timers.fire()


def test_a_schedule_runs_its_pipeline_at_its_times(office: Office) -> None:
    saved = office.act(Kind.SCHEDULES, "create", NIGHTLY | {"timeZone": "Europe/Berlin", "input": {"namespace": "x"}})
    assert saved["nextRuns"][0] == "2026-03-02 01:00:00.000000+00"
    assert (saved["actor"], saved["lastMessage"]) == ("admin", "")
    later(office, 14)
    assert runs(office) == []
    later(office, 2)
    (run,) = runs(office)
    assert (run["comments"], run["_source"], run["_executedBy"]) == ("schedule nightly", "schedule nightly", "admin")
    assert run["input"]["namespace"] == "x"
    now = office.get(Kind.SCHEDULES, saved["id"])
    assert (now["lastMessage"], now["executionLink"]) == ("Started Deploy web #1.", run["_link"])
    assert now["nextRuns"][0] == "2026-03-03 01:00:00.000000+00"


def test_times_missed_while_nothing_ran_are_made_up_for_once(office: Office) -> None:
    office.act(Kind.SCHEDULES, "create", NIGHTLY | {"input": {"namespace": "x"}})
    later(office, 24 * 7)
    assert len(runs(office)) == 1
    later(office, 24)
    assert len(runs(office)) == 2


@pytest.mark.parametrize(
    ("policy", "statuses"),
    [
        ("queue-latest", ["NOT_STARTED", "CANCELED", "WAITING"]),
        ("queue", ["NOT_STARTED", "WAITING", "WAITING"]),
        ("cancel-older", ["CANCELED", "CANCELED", "NOT_STARTED"]),
        ("skip-new", ["NOT_STARTED"]),
        ("parallel", ["NOT_STARTED", "NOT_STARTED", "NOT_STARTED"]),
    ],
)
def test_a_time_that_comes_while_the_last_run_goes_on_follows_the_pipelines_policy(
    office: Office, policy: str, statuses: list[str]
) -> None:
    pipeline = office.get(Kind.PIPELINES, name="Deploy web", project="default")
    office.act(Kind.PIPELINES, "patch", {"supersede": policy}, id=pipeline["id"])
    saved = office.act(Kind.SCHEDULES, "create", NIGHTLY | {"input": {"namespace": "x"}})
    for _ in range(3):
        later(office, 24)
    assert [run["status"] for run in runs(office)] == statuses
    said = office.get(Kind.SCHEDULES, saved["id"])["lastMessage"]
    skipped = "Another run of Deploy web is under way, and the pipeline skips new ones"
    assert said == (skipped if policy == "skip-new" else "Started Deploy web #3.")


def test_a_disabled_schedule_runs_nothing_until_it_is_enabled(office: Office) -> None:
    body = NIGHTLY | {"input": {"namespace": "x"}, "enabled": False}
    saved = office.act(Kind.SCHEDULES, "create", body)
    assert saved["nextRuns"] == []
    later(office, 48)
    assert runs(office) == []
    office.act(Kind.SCHEDULES, "patch", {"enabled": True}, id=saved["id"])
    later(office, 24)
    assert len(runs(office)) == 1
    office.act(Kind.SCHEDULES, "delete", id=saved["id"])
    later(office, 48)
    assert len(runs(office)) == 1


def test_a_changed_time_takes_the_place_of_the_old_one(office: Office) -> None:
    saved = office.act(Kind.SCHEDULES, "create", NIGHTLY | {"input": {"namespace": "x"}})
    office.act(Kind.SCHEDULES, "patch", {"cron": "0 12 * * *"}, id=saved["id"])
    later(office, 3)
    assert len(runs(office)) == 1


def test_what_cannot_start_says_so_on_the_schedule_and_the_next_time_comes(office: Office) -> None:
    saved = office.act(Kind.SCHEDULES, "create", NIGHTLY | {"input": {"namespace": "x"}})
    pipeline = office.get(Kind.PIPELINES, name="Deploy web", project="default")
    office.act(Kind.PIPELINES, "patch", {"state": "DISABLED"}, id=pipeline["id"])
    later(office, 24)
    assert office.get(Kind.SCHEDULES, saved["id"])["lastMessage"] == "Pipeline Deploy web is disabled"
    office.act(Kind.PIPELINES, "patch", {"state": "ENABLED"}, id=pipeline["id"])
    later(office, 24)
    assert len(runs(office)) == 1


def test_a_schedule_runs_as_who_saved_it_last_and_only_as_far_as_they_may(office: Office) -> None:
    office.user("bob", default="members")
    saved = office.act(Kind.SCHEDULES, "create", NIGHTLY | {"input": {"namespace": "x"}}, by="bob")
    later(office, 24)
    assert runs(office)[-1]["_executedBy"] == "bob"
    office.act(Kind.USERS, "patch", {"enabled": False}, name="bob")
    later(office, 24)
    assert "bob, as whom it runs, is gone or disabled" in office.get(Kind.SCHEDULES, saved["id"])["lastMessage"]
    assert office.act(Kind.SCHEDULES, "patch", {"description": "x"}, id=saved["id"])["actor"] == "admin"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"cron": "0 2 * *"}, "needs five"),
        ({"timeZone": "Mars/Base"}, "no time zone"),
        ({"pipeline": "Gone"}, "there is no pipeline 'Gone'"),
        ({"input": {"nope": "1", "namespace": "x"}}, "has no input nope"),
    ],
)
def test_what_could_never_run_is_refused_when_it_is_saved(office: Office, change: dict[str, Any], why: str) -> None:
    with pytest.raises(Refused) as refused:
        office.act(Kind.SCHEDULES, "create", {**NIGHTLY, "input": {"namespace": "x"}, **change})
    assert why in str(refused.value)


def test_who_may_only_read_cannot_schedule_and_a_scheduled_pipeline_cannot_go(office: Office) -> None:
    office.user("eve", default="viewers")
    body = NIGHTLY | {"input": {"namespace": "x"}}
    with pytest.raises(Refused) as refused:
        office.act(Kind.SCHEDULES, "create", body, by="eve")
    assert refused.value.problem.code is Code.FORBIDDEN
    office.act(Kind.SCHEDULES, "create", body)
    pipeline = office.get(Kind.PIPELINES, name="Deploy web", project="default")
    with pytest.raises(Refused, match="schedule nightly refers to it"):
        office.act(Kind.PIPELINES, "delete", id=pipeline["id"])


def test_a_schedule_goes_out_as_yaml_and_comes_in_again(office: Office) -> None:
    saved = office.act(Kind.SCHEDULES, "create", NIGHTLY | {"input": {"namespace": "x"}, "timeZone": "Europe/Berlin"})
    ask = Get(kind=Kind.PIPELINES, options={"export": "yaml", "wanted": {"schedules": ["nightly"]}})
    text = office.desk.get(ask, Caller(user="admin")).text
    office.act(Kind.SCHEDULES, "delete", id=saved["id"])
    office.document(Kind.PIPELINES, "import", text=text, options={"action": "apply"})
    again = office.get(Kind.SCHEDULES, name="nightly", project="default")
    same = ("pipeline", "cron", "timeZone", "input", "enabled", "nextRuns")
    assert [again[name] for name in same] == [saved[name] for name in same]
