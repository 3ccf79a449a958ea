"""The unit of work, on every database: what it promises, what it takes back, and who may write."""

from __future__ import annotations

import threading
import time
from contextlib import suppress

import pytest
from sqlalchemy import text

from services.config.handlers import too_slow
from services.config.store import DatabaseUnavailable, Store, TooSlow, engines
from services.config.store.lock import lock_of
from shared.contracts.catalog import Find, Kind
from shared.contracts.problems import Code
from shared.contracts.runs import IntentChanged, RunExecution
from shared.contracts.topics import RUN_EXECUTION, RUN_INTENT
from tests.integration.config.conftest import count
from tests.integration.config.recorder import Recorder
from tests.support.patience import PATIENCE_S


def test_what_a_failed_transaction_promised_is_never_said(store: Store) -> None:
    recorder = Recorder(store)
    with suppress(KeyError), store.write() as uow:
        uow.outbox(RUN_EXECUTION, RunExecution(execution_id="a", dispatch=1), "a")
        uow.broadcast(RUN_INTENT, IntentChanged(execution_id="a"), "a")
        raise KeyError
    assert recorder.promised == []
    assert recorder.broadcasts == []
    assert count(store, "outbox") == 0


def test_a_savepoint_takes_back_only_its_own(store: Store) -> None:
    with store.write() as uow:
        uow.timer("kind", "kept", 1.0)
        with suppress(KeyError), uow.savepoint():
            uow.timer("kind", "gone", 1.0)
            raise KeyError
    assert count(store, "timers") == 1


def test_a_unit_of_work_is_not_opened_within_another(store: Store) -> None:
    with store.write(), pytest.raises(RuntimeError), store.write():
        pass


def test_two_processes_never_write_at_the_same_time(store: Store) -> None:
    other = Store(store.url.render_as_string(hide_password=False))
    order: list[str] = []

    def write() -> None:
        with other.write() as uow:
            assert uow.connection
            order.append("other")

    thread = threading.Thread(target=write)
    try:
        with store.write() as uow:
            assert uow.connection
            thread.start()
            time.sleep(0.2)
            order.append("first")
        thread.join(PATIENCE_S)
        assert order == ["first", "other"]
    finally:
        other.close()


def test_a_reader_cannot_write(store: Store) -> None:
    with pytest.raises(DatabaseUnavailable), store.read() as uow:
        uow.session.connection().exec_driver_sql("DELETE FROM outbox")


def test_a_question_past_its_time_is_no_fault_of_the_database(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "READ_LIMIT_S", 0.2)
    long = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 300000000) SELECT max(x) FROM n"
    brief = "SELECT 1" if store.is_sqlite else "SET LOCAL statement_timeout = 200"
    with pytest.raises(TooSlow, match=r"longer than 0\.2 s"), store.read() as uow:
        _ = uow.session.execute(text(brief)), uow.session.execute(text(long))
    monkeypatch.undo()
    with store.read() as uow:
        assert uow.session.scalar(text("SELECT 1")) == 1


def test_a_list_that_took_too_long_says_how_to_ask_for_less() -> None:
    plain = too_slow(Find(kind=Kind.EXECUTIONS)).problem
    assert plain.message.startswith("The list of executions timed out after 8 s")
    assert (plain.code, plain.next_step) == (
        Code.TIMEOUT,
        "Ask for less: add a filter, such as a project or a time.",
    )
    ask = Find(kind=Kind.EVENTS, filter="contains(reason,'x')", orderby="reason", skip=9000)
    said = too_slow(ask).problem.next_step
    assert "in place of parts of texts" in said and "sort as" in said and "skip less than 9000 rows" in said


def test_only_one_holds_the_lock(store: Store) -> None:
    first, second = lock_of(store), lock_of(store)
    assert first.acquire()
    assert first.held()
    assert not second.acquire()
    first.release()
    assert second.acquire()
    second.release()
