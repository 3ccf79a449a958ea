"""Activity's list of pushes: one row for what several webhooks received, whatever is filtered, sorted and paged."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import event

from services.config.model.push_events import JUDGED, PushEvent
from services.config.pushes.records import push_key
from services.config.store import Store, activity, deliveries, filters
from services.config.store.activity import MOST_OF_PUSH
from shared.contracts.catalog import Find, Kind
from shared.contracts.pushes import Push

AT = 1_790_000_000.0


def record(
    store: Store, id: str, tag: str, webhook: str, after_s: float, *, verdict: str = "started", **more: Any
) -> None:
    """An event of the push of a tag, which was pushed at its number of minutes."""
    pushed_at = AT + 60 * float(tag)
    push = Push(provider="dockerhub", registry_host="docker.io", repository="acme/web", tag=tag, pushed_at=pushed_at)
    fields = {
        "delivery_id": id,
        "ordinal": 0,
        "received_at": pushed_at + after_s,
        "recorded_at": pushed_at + after_s,
        "via": "hook",
        "token_hash": "t",
        "webhook_id": webhook,
        "webhook": webhook,
        "project": "default",
        "pipeline": "Deploy web",
        "push": push,
        "state": JUDGED,
        "verdict": verdict,
        "reason": "",
        "push_key": push_key(push),
        **more,
    }
    with store.write() as uow:
        deliveries.add(uow, PushEvent(id=id, **fields))


def pushes(
    store: Store, filter: str = "", *, projects: frozenset[str] | None = None, **page: Any
) -> tuple[list[list[str]], int]:
    """The ids of each push's events, and how many pushes there are."""
    with store.read() as uow:
        rows, total = activity.pushes(uow, projects, Find(kind=Kind.EVENTS, filter=filter, **page))
    return [[row.id for row in events] for events in rows], total


@pytest.fixture
def filled(store: Store) -> Store:
    """Two pushes that three webhooks received, one that one did, and one rerun."""
    for tag in ("1", "2"):
        record(store, f"a{tag}", tag, "alpha", 1)
        record(store, f"b{tag}", tag, "beta", 2, verdict="ignored: tag")
        record(store, f"c{tag}", tag, "gamma", 3, project="other")
    record(store, "a3", "3", "alpha", 1)
    record(store, "again", "1", "alpha", 300, push_key=None, rerun_of="a1")
    return store


def test_a_push_is_one_row_with_all_its_webhooks_and_a_rerun_one_of_its_own(filled: Store) -> None:
    assert pushes(filled) == ([["again"], ["a3"], ["c2", "b2", "a2"], ["c1", "b1", "a1"]], 4)


def test_filters_leave_the_pushes_of_which_an_event_matches_with_those_events(filled: Store) -> None:
    assert pushes(filled, "webhook eq 'beta'") == ([["b2"], ["b1"]], 2)
    assert pushes(filled, "startswith(verdict,'started')") == ([["again"], ["a3"], ["c2", "a2"], ["c1", "a1"]], 4)
    assert pushes(filled, "executionStatus eq 'FAILED'") == ([], 0)


def test_events_of_other_projects_are_neither_shown_nor_counted(filled: Store) -> None:
    expected = ([["again"], ["a3"], ["b2", "a2"], ["b1", "a1"]], 4)
    assert pushes(filled, projects=frozenset({"default"})) == expected


def test_pages_hold_each_push_once(filled: Store) -> None:
    ids = [pushes(filled, top=1, skip=skip)[0] for skip in range(5)]
    assert ids == [[["again"]], [["a3"]], [["c2", "b2", "a2"]], [["c1", "b1", "a1"]], []]
    assert [row[0] for row in pushes(filled, orderby="timeStampInMicros asc")[0]] == ["c1", "c2", "a3", "again"]


def test_of_a_push_that_repeats_without_end_only_the_newest_are_shown(store: Store) -> None:
    for place in range(MOST_OF_PUSH + 3):
        record(store, f"r{place:02}", "1", "alpha", place, verdict="duplicate")
    (rows,), total = pushes(store)
    assert (len(rows), rows[0], total) == (MOST_OF_PUSH, "r22", 1)


def test_what_the_registry_does_not_date_is_a_push_of_its_own() -> None:
    push = Push(provider="quay", registry_host="quay.io", repository="acme/web", tag="1")
    assert push_key(push) is None and push_key(None) is None
    dated = push.model_copy(update={"pushed_at": AT})
    assert (
        push_key(dated)
        == push_key(dated.model_copy(update={"digest": "sha256:a"}))
        != push_key(dated.model_copy(update={"tag": "2"}))
    )


@pytest.mark.parametrize("few", [10_000, -1], ids=["few", "many"])
@pytest.mark.parametrize("read", [activity.pushes, activity.page])
def test_an_outcome_of_few_runs_is_looked_up_by_them_and_one_of_many_walked_by_time(
    filled: Store, monkeypatch: pytest.MonkeyPatch, few: int, read: Callable[..., Any]
) -> None:
    """Of an outcome that no run has, all of a million events were walked; of a frequent one, all were sorted."""
    monkeypatch.setattr(activity, "FEW_RUNS", few)
    statements: list[tuple[str, Any]] = []
    ask = Find(kind=Kind.EVENTS, filter="executionStatus eq 'FAILED' and startswith(verdict,'started')")
    with filled.read() as uow:
        event.listen(uow.connection, "before_cursor_execute", lambda *call: statements.append((call[2], call[3])))
        assert read(uow, None, ask) == ([], 0)
        text, values = next(call for call in statements if "ORDER BY deliveries.received_at DESC" in call[0])
        sqlite = uow.connection.dialect.name == "sqlite"
        if not sqlite:
            uow.connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        explain = "EXPLAIN QUERY PLAN" if sqlite else "EXPLAIN"
        plan = str(uow.connection.exec_driver_sql(f"{explain} {text}", values).all())
    if few > 0:
        assert "ix_deliveries_execution_id" in plan, plan
    elif sqlite:
        assert "SCAN deliveries USING INDEX ix_deliveries_received" in plan, plan
        assert "SEARCH executions USING INDEX sqlite_autoindex_executions_1 (id=?)" in plan, plan


@pytest.mark.parametrize(
    ("filter", "value"),
    [
        ("executionStatus eq 'FAILED'", "FAILED"),
        ("tag eq '1' and (webhook eq 'a' and executionStatus eq 'FAILED')", "FAILED"),
        ("executionStatus eq 'FAILED' or tag eq '1'", None),
        ("not (executionStatus eq 'FAILED')", None),
        ("executionStatus ne 'FAILED'", None),
        ("tag eq 'FAILED'", None),
        ("", None),
    ],
)
def test_what_a_filter_demands_of_each_row(filter: str, value: str | None) -> None:
    assert filters.demanded(filter, "executionStatus", activity.FIELDS) == value
