"""The unit of work, the relay, timers, dead letters, approvals and nested runs, on every database."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import event, text

from services.config.handlers import Handlers, too_slow
from services.config.migrations import migrate, what_is_missing
from services.config.model.claims import State
from services.config.model.people import SYSTEM
from services.config.resources import logs
from services.config.resources.dead_letters import DeadLetters, keep_letter
from services.config.resources.dispatch import ResourceDispatcher
from services.config.resources.events import Events
from services.config.resources.executions import Executions
from services.config.resources.logs import Logs
from services.config.resources.user_operations import UserOperations
from services.config.runs import admission, protocol
from services.config.runs.batch import RunBatch
from services.config.runs.effects import DUE
from services.config.runtime.outbox import Relay
from services.config.runtime.retention import Keeping, prune
from services.config.runtime.timers import Timers
from services.config.store import DatabaseUnavailable, Store, TooSlow, execution_views, pruning, unit_of_work
from services.config.store.lock import lock_of
from services.config.tables.base import Base
from shared.bus import DeadLetter, Incoming, NotConfirmed, StopConsuming
from shared.contracts.base import Message, Sealed
from shared.contracts.catalog import Act, Find, Get, Kind
from shared.contracts.envelope import Envelope
from shared.contracts.history import (
    Output,
    RunParked,
    RunStarted,
    StageStarted,
    Status,
    TaskAnswered,
    TaskEnded,
    TaskStarted,
    TaskWaiting,
)
from shared.contracts.problems import Code, Refused
from shared.contracts.pushes import HookReceived
from shared.contracts.runs import ExecutionOver, Held, HeldRun, IntentChanged, LogChunk, RunExecution, StartNested
from shared.contracts.topics import HOOK_RECEIVED, RUN_EXECUTION, RUN_HELD, RUN_INTENT, Topic
from tests.integration.config.conftest import Clock, Definitions, count, pipeline
from tests.integration.config.recorder import Recorder
from tests.integration.config.world import World, whole_run
from tests.support.schema import take_back

AT = {"seq": 0, "at": 0.0}


@pytest.fixture
def world(store: Store, clock: Clock, definitions: Definitions) -> World:
    return World(store, clock, definitions)


@dataclass
class Sender:
    """A broker that confirms what it is told to."""

    refused: set[str] = field(default_factory=set)
    sent: list[str] = field(default_factory=list)
    ids: list[str | None] = field(default_factory=list)

    def publish_nowait(
        self,
        topic: Topic,
        message: Message,
        *,
        subject: str,
        correlation_id: str | None = None,
        message_id: str | None = None,
    ) -> Future[None]:
        future: Future[None] = Future()
        assert isinstance(message, RunExecution)
        if subject in self.refused:
            future.set_exception(NotConfirmed("not now"))
        else:
            self.sent.append(f"{subject}{message.dispatch}")
            self.ids.append(message_id)
            future.set_result(None)
        return future


def eventually(what: object, timeout_s: float = 10.0) -> None:
    assert callable(what)
    until = time.monotonic() + timeout_s
    while not what():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.01)


def promise(store: Store, *pairs: tuple[str, int]) -> None:
    with store.write() as uow:
        for subject, dispatch in pairs:
            uow.outbox(RUN_EXECUTION, RunExecution(execution_id=subject, dispatch=dispatch), subject)


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
        thread.join(10)
        assert order == ["first", "other"]
    finally:
        other.close()


def test_a_reader_cannot_write(store: Store) -> None:
    with pytest.raises(DatabaseUnavailable), store.read() as uow:
        uow.session.connection().exec_driver_sql("DELETE FROM outbox")


def test_a_question_past_its_time_is_no_fault_of_the_database(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unit_of_work, "READ_LIMIT_S", 0.2)
    long = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 300000000) SELECT max(x) FROM n"
    brief = "SELECT 1" if store.is_sqlite else "SET LOCAL statement_timeout = 200"
    with pytest.raises(TooSlow, match=r"longer than 0\.2 s"), store.read() as uow:
        _ = uow.session.execute(text(brief)), uow.session.execute(text(long))
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


def test_the_relay_sends_what_was_left_and_what_is_promised_then_removes_it(store: Store) -> None:
    promise(store, ("a", 1), ("b", 1))
    sender = Sender()
    relay = Relay(store, sender)
    relay.open()
    promise(store, ("a", 2))
    eventually(lambda: count(store, "outbox") == 0)
    relay.close()
    assert sorted(sender.sent) == ["a1", "a2", "b1"]
    assert len(set(sender.ids)) == 3


def test_a_stuck_message_holds_up_only_its_own_subject(store: Store) -> None:
    sender = Sender(refused={"a"})
    relay = Relay(store, sender)
    relay.open()
    promise(store, ("a", 1), ("a", 2), ("b", 1), ("b", 2))
    eventually(lambda: sender.sent == ["b1", "b2"])
    sender.refused.clear()
    eventually(lambda: sender.sent == ["b1", "b2", "a1", "a2"])
    eventually(lambda: count(store, "outbox") == 0)
    relay.close()


def test_timers_fire_once_when_due_and_a_failing_one_holds_up_no_other(store: Store, clock: Clock) -> None:
    fired: list[str] = []

    def fail(_uow: object, subject: str) -> None:
        fired.append(f"failed {subject}")
        raise ValueError(subject)

    timers = Timers(store, {"good": lambda _uow, subject: fired.append(subject), "bad": fail})
    with store.write() as uow:
        uow.timer("bad", "x", clock.at + 1)
        uow.timer("good", "a", clock.at + 2)
        uow.timer("good", "a", clock.at + 3)
        uow.timer("good", "later", clock.at + 100)
    timers.fire()
    assert fired == []
    clock.advance(5)
    timers.fire()
    assert fired == ["failed x", "a"]
    timers.fire()
    assert fired == ["failed x", "a"]
    assert count(store, "timers") == 2


def test_only_one_holds_the_lock(store: Store) -> None:
    first, second = lock_of(store), lock_of(store)
    assert first.acquire()
    assert first.held()
    assert not second.acquire()
    first.release()
    assert second.acquire()
    second.release()


def test_the_migrations_lead_to_the_tables(store: Store) -> None:
    Base.metadata.drop_all(store.writer)
    assert "Run: python -m services.config migrate" in what_is_missing(store)
    migrate(store)
    migrate(store)
    assert what_is_missing(store) == ""
    with store.writer.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_large_events_from_before_get_a_form_for_lists(world: World) -> None:
    run_id = world.hook().execution_id or ""
    world.take(run_id)
    events = whole_run()
    output = Output(view={"text": "x" * 50_000}, sealed=Sealed(key_id="k", box="b" * 50_000))
    events[4] = events[4].model_copy(update={"output": output, "message": 'It has "output": {}'})
    world.report(run_id, *events)
    take_back(world.store, "0020")
    migrate(world.store)
    with world.store.read() as uow:
        rows = uow.session.execute(text("SELECT position, length(brief) FROM events WHERE brief IS NOT NULL")).all()
        assert [row[0] for row in rows] == [5] and rows[0][1] < 1_000
        (document,) = Executions().find(uow, SYSTEM, Find(kind=Kind.EXECUTIONS)).documents
    task = document["stages"]["Build"]["tasks"]["Check"]
    assert (task["status"], task["statusMessage"], task["output"]) == ("COMPLETED", 'It has "output": {}', {})
    assert world.shown(run_id)["stages"]["Build"]["tasks"]["Check"]["output"] == {"text": "x" * 50_000}


def test_runs_from_before_the_index_are_found_by_their_image(world: World) -> None:
    world.hook()
    take_back(world.store, "0012")
    migrate(world.store)
    with world.store.read() as uow:
        for asked in ("_image eq 'acme/web' and _imageTag eq '1.4.1'", "_imageName eq 'web'"):
            assert Executions().find(uow, SYSTEM, Find(kind=Kind.EXECUTIONS, filter=asked)).total == 1, asked


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


def park_for_approval(world: World) -> str:
    run_id = world.hook().execution_id or ""
    world.take(run_id)
    world.report(
        run_id,
        RunStarted(**AT),
        StageStarted(stage="Build", **AT),
        TaskStarted(stage="Build", task="Check", **AT),
        TaskWaiting(
            stage="Build",
            task="Check",
            reason="approval",
            message="Deploy 1.4.1?",
            ask={"approvers": ["ann"], "summary": "Deploy 1.4.1?", "quorum": 1},
            **AT,
        ),
        RunParked(reason="waiting", **AT),
    )
    return run_id


def test_an_approval_waits_without_a_place_and_its_answer_wakes_the_run(world: World) -> None:
    run_id = park_for_approval(world)
    run = world.run(run_id)
    assert (run.status, run.holding.state) == (Status.WAITING, State.PARKED)
    assert run.status_message == "Build.Check: Deploy 1.4.1?"
    assert world.hook("d2", "1.5").verdict == "started"
    world.finish(world.delivery("d2").execution_id or "")

    kind = UserOperations()
    with world.store.write() as uow:
        (asked,) = kind.find(uow, SYSTEM, Find(kind=Kind.USER_OPERATIONS, filter="status eq 'ACTIVE'")).documents
        body = {"status": "Approved", "responseMessage": "go"}
        answered = kind.act(uow, SYSTEM, Act(kind=Kind.USER_OPERATIONS, verb="patch", id=asked["id"], body=body))
    assert (answered.document["status"], answered.document["respondedBy"]) == ("Approved", "system")
    with pytest.raises(Refused), world.store.write() as uow:
        kind.act(uow, SYSTEM, Act(kind=Kind.USER_OPERATIONS, verb="reject", id=asked["id"]))
    run = world.run(run_id)
    assert run.holding.state is State.DISPATCHED
    history = world.take(run_id, "r2", dispatch=run.holding.dispatch, take_id="b").history
    event = history[-1].event
    assert isinstance(event, TaskAnswered)
    assert event.answer["status"] == "Approved" and event.try_number == 1


def test_a_cancelled_run_closes_its_questions(world: World) -> None:
    run_id = park_for_approval(world)
    with world.store.write() as uow:
        Executions().act(uow, SYSTEM, Act(kind=Kind.EXECUTIONS, verb="cancel", id=run_id, body={"reason": "no"}))
        found = UserOperations().find(uow, SYSTEM, Find(kind=Kind.USER_OPERATIONS)).documents
    assert [one["status"] for one in found] == ["CANCELED"]
    assert world.run(run_id).status is Status.CANCELED


def nested(world: World) -> tuple[str, str]:
    """A run that waits, for a minute at most, for one that it has started: its id, and the other's."""
    parent = world.hook().execution_id or ""
    world.take(parent)
    world.report(
        parent,
        RunStarted(**AT),
        StageStarted(stage="Build", **AT),
        TaskStarted(stage="Build", task="Check", **AT),
        TaskStarted(stage="Build", task="Scan", **AT),
        TaskWaiting(stage="Build", task="Check", reason="nested", **AT),
        RunParked(reason="waiting", due_at=world.clock() + 60, **AT),
    )
    child_pipeline = pipeline("Child")
    ask = nested_ask(1, parent)
    unknown = ask.model_copy(update={"inputs": {"DOCKER_TAGG": "1"}})
    with world.store.write() as uow:
        with pytest.raises(Refused, match=r"has no input DOCKER_TAGG \(did you mean DOCKER_TAG\?\)"):
            admission.start_nested(uow, child_pipeline, SYSTEM, unknown)
        started = admission.start_nested(uow, child_pipeline, SYSTEM, ask)
        assert admission.start_nested(uow, child_pipeline, SYSTEM, ask) == started
    return parent, started.execution_id


def nested_ask(number: int, parent: str) -> StartNested:
    return StartNested(
        execution_id=f"6f1f2d9e-0000-4000-8000-00000000010{number}",
        project="default",
        pipeline="Child",
        inputs={"DOCKER_TAG": "1"},
        parent=parent,
        stage="Build",
        task="Check",
        requested_by="ann",
    )


def test_runs_within_one_run_are_bounded_in_number_at_whatever_depth(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admission, "MAX_DESCENDANTS", 3)
    top, first = nested(world)
    child_pipeline = pipeline("Child")

    def start(number: int, parent: str) -> str:
        with world.store.write() as uow:
            return admission.start_nested(uow, child_pipeline, SYSTEM, nested_ask(number, parent)).execution_id

    second = start(2, first)
    third = start(3, top)
    for parent in (top, second, third):
        with pytest.raises(Refused, match="3 runs came of one run already"):
            start(4, parent)
    assert start(3, top) == third
    elsewhere = world.hook("d9", "9.9").execution_id or ""
    start(5, elsewhere)


def test_a_nested_runs_end_answers_its_parent(world: World) -> None:
    parent, child = nested(world)
    box = Sealed(key_id="k", box="Ym94")
    world.finish(child, output={"token": "*****"}, sealed={"token": box})
    assert world.run(parent).holding.state is State.DISPATCHED
    answer = world.take(parent, "r2", dispatch=2, take_id="b").history[-1].event
    assert isinstance(answer, TaskAnswered)
    assert answer.answer["executionStatus"] == "COMPLETED"
    assert answer.answer["outputProperties"] == {"token": "*****"}
    assert answer.answer["sealedProperties"] == {"token": box.model_dump()}


@pytest.mark.parametrize(("task", "status"), [("Scan", Status.NOT_STARTED), ("Check", Status.CANCELED)])
def test_a_nested_run_is_cancelled_with_the_task_that_waits_for_it_alone(
    world: World, clock: Clock, task: str, status: Status
) -> None:
    parent, child = nested(world)
    clock.advance(61)
    Timers(world.store, {DUE: world.ledger.due}).fire()
    attempt = world.take(parent, "r2", dispatch=2, take_id="b").attempt
    late = TaskEnded(stage="Build", task=task, status=Status.FAILED, message="It did not come in time.", **AT)
    world.report(parent, late, attempt=attempt, runner="r2")
    assert world.run(child).status is status


def test_an_execution_is_listed_found_by_number_filtered_tagged_rerun_and_deleted(world: World) -> None:
    run_id = world.hook().execution_id or ""
    world.take(run_id)
    world.report(run_id, *whole_run())
    kind = Executions()
    with world.store.write() as uow:
        (one,) = kind.find(
            uow, SYSTEM, Find(kind=Kind.EXECUTIONS, filter="((status eq 'COMPLETED') and (_nested eq 'false'))")
        ).documents
        options = {"pipeline": "pipeline-Deploy web", "index": 1}
        same = kind.get(uow, SYSTEM, Get(kind=Kind.EXECUTIONS, options=options)).document
        named = Get(kind=Kind.EXECUTIONS, project="default", name="Deploy web", options={"index": "1"})
        assert kind.get(uow, SYSTEM, named).document == same
        assert same["stages"]["Build"]["tasks"]["Scan"]["input"] == {"condition": "1 == 1"}
        for stage in same["stages"].values():
            for task in stage["tasks"].values():
                task["input"] = {}
        assert same == one
        tagged = kind.act(uow, SYSTEM, Act(kind=Kind.EXECUTIONS, verb="tag", id=run_id, body={"tags": ["good"]}))
        assert tagged.document["tags"] == ["good"]
        assert kind.find(uow, SYSTEM, Find(kind=Kind.EXECUTIONS, filter="status eq 'FAILED'")).total == 0
    assert one["stageOrder"] == ["Build", "Deploy"]
    assert one["_link"] == f"/codestream/api/executions/{run_id}"
    assert one["notifications"] == []
    assert one["stages"]["Build"]["tasks"]["Scan"]["status"] == "COMPLETED"
    with world.store.write() as uow:
        gone = kind.act(uow, SYSTEM, Act(kind=Kind.EXECUTIONS, verb="delete", id=run_id)).document
        assert gone["id"] == run_id
        assert execution_views.one(uow, run_id) is None
    assert count(world.store, "events") == 0


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("_image eq 'acme/web'", ["1.4.1", "1.4.0"]),
        ("_image eq 'acme/web' and _imageTag eq '1.4.0'", ["1.4.0"]),
        ("_image eq 'acme/api'", []),
        ("_imageName eq 'web'", ["1.4.1", "1.4.0"]),
        ("_imageName eq 'web' and _imageTag eq '1.4.1'", ["1.4.1"]),
    ],
)
def test_executions_are_found_by_the_image_that_was_pushed_through_an_index(
    world: World, asked: str, found: list[str]
) -> None:
    for tag in ("1.4.0", "1.4.1"):
        world.hook(tag, tag)
        world.clock.advance(1)
    statements: list[tuple[str, Any]] = []
    with world.store.read() as uow:
        event.listen(uow.connection, "before_cursor_execute", lambda *said: statements.append((said[2], said[3])))
        page = Executions().find(uow, SYSTEM, Find(kind=Kind.EXECUTIONS, filter=asked))
        assert [one["_imageTag"] for one in page.documents] == found
        if uow.connection.dialect.name == "sqlite":
            text, values = next(one for one in statements if "ORDER BY executions.requested_at" in one[0])
            plan = uow.connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", values).all()
            assert "USING INDEX ix_executions_image_" in str(plan) and "TEMP B-TREE FOR ORDER BY" not in str(plan)


def test_pause_parks_an_untaken_run_and_resume_brings_it_back(world: World) -> None:
    run_id = world.hook().execution_id or ""
    kind = Executions()
    with world.store.write() as uow:
        paused = kind.act(uow, SYSTEM, Act(kind=Kind.EXECUTIONS, verb="pause", id=run_id)).document
    assert paused["status"] == "PAUSED"
    with world.store.write() as uow:
        resumed = kind.act(uow, SYSTEM, Act(kind=Kind.EXECUTIONS, verb="resume", id=run_id)).document
    assert resumed["status"] == "RESUMING"
    assert world.take(run_id, dispatch=world.run(run_id).holding.dispatch).taken


def test_a_log_is_read_from_its_end_and_upwards(world: World) -> None:
    run_id = world.hook().execution_id or ""
    about: dict[str, Any] = {"execution_id": run_id, "attempt": 1, "stage": "Build", "task": "Check", "at": 1.0}
    logs.keep(world.store, [LogChunk(**about, first_line=start, lines=("x", "y")) for start in range(0, 20, 2)])

    def starts(**options: str) -> list[int]:
        with world.store.read() as uow:
            page = Logs().find(uow, SYSTEM, Find(kind=Kind.LOGS, parent=run_id, options={"task": "Check", **options}))
        return [chunk["firstLine"] for chunk in page.documents]

    assert starts(last="5") == [14, 16, 18]
    assert starts(last="3", before="9") == [6, 8]
    assert starts(last="3", before="0") == []
    assert len(starts(last="999999999")) == 10


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


def test_an_event_is_rerun_as_of_today(world: World) -> None:
    first = world.hook("d1", push={"pushed_at": 5.0})
    world.finish(first.execution_id or "")
    again = world.hook("d2", push={"pushed_at": 5.0})
    assert again.verdict == "duplicate"
    kind = Events(world.receiver)
    with world.store.write() as uow:
        made = kind.act(uow, SYSTEM, Act(kind=Kind.EVENTS, verb="rerun", id="d2")).document
    assert (made["verdict"], made["rerunOf"]) == ("started", "d2")
    assert made["executionId"] not in ("", first.execution_id)


def test_a_database_that_is_away_stops_the_consumers_and_refuses_requests(world: World) -> None:
    desk = ResourceDispatcher(world.store, {}, lambda _uow, _caller: SYSTEM)

    def nobody(*_: object) -> object:
        raise AssertionError

    parts: Any = (world.store, world.receiver, world.inbox, world.ledger, desk, nobody, nobody, nobody, nobody)
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


def test_a_run_looked_at_again_is_read_again_only_after_news(world: World) -> None:
    run_id = world.hook().execution_id or ""
    world.take(run_id)
    events = whole_run()
    kind, ask = Executions(), Find(kind=Kind.EXECUTIONS)

    def look() -> tuple[str, int]:
        statements: list[str] = []
        with world.store.read() as uow:
            event.listen(uow.connection, "before_cursor_execute", lambda *said: statements.append(said[2]))
            (one,) = kind.find(uow, SYSTEM, ask).documents
        return one["stages"]["Build"]["status"], sum("FROM events" in text for text in statements)

    world.report(run_id, *events[:2])
    assert [look(), look()] == [("RUNNING", 1), ("RUNNING", 0)]
    world.report(run_id, *events[2:], first=3)
    assert [look(), look()] == [("COMPLETED", 1), ("COMPLETED", 0)]
