"""The newest runs of many pipelines in one question, for the bars of their list."""

from __future__ import annotations

from services.config.accounts.callers import load_person
from services.config.resources.executions import MAX_EACH, Executions
from shared.contracts.catalog import Find, Kind, Page
from shared.contracts.envelope import Caller
from tests.integration.config.office import Office


def find(office: Office, user: str, options: dict[str, object]) -> Page:
    with office.store.read() as uow:
        return Executions().find(uow, load_person(uow, Caller(user=user)), Find(kind=Kind.EXECUTIONS, options=options))


def test_each_pipeline_has_its_own_newest_runs_however_many_another_has(office: Office) -> None:
    busy, quiet = office.pipeline("busy")["id"], office.pipeline("quiet")["id"]
    office.act(Kind.PIPELINES, "execute", {"input": {}}, id=quiet)
    for _ in range(MAX_EACH + 2):
        office.now += 1
        office.act(Kind.PIPELINES, "execute", {"input": {}}, id=busy)

    def newest(each: int, *ids: str) -> list[tuple[str, int]]:
        page = find(office, "admin", {"newestOf": list(ids), "each": each})
        return [(run["name"], run["index"]) for run in page.documents]

    runs = newest(3, busy, quiet, "no-such-pipeline")
    assert [run for run in runs if run[0] == "busy"] == [("busy", MAX_EACH + index) for index in (2, 1, 0)]
    assert [run for run in runs if run[0] == "quiet"] == [("quiet", 1)]
    assert len(newest(1_000, busy)) == MAX_EACH
    assert newest(3) == []


def test_runs_of_projects_that_one_may_not_read_are_left_out(office: Office) -> None:
    pipeline = office.pipeline("theirs")["id"]
    office.act(Kind.PIPELINES, "execute", {"input": {}}, id=pipeline)
    office.act(Kind.PROJECTS, "create", {"name": "other"})
    office.user("ann", other="members")
    page = find(office, "ann", {"newestOf": [pipeline], "each": 3})
    assert page.documents == ()
