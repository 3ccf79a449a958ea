"""Questions to people: who may answer, how many must, until when; ten thousand of them cost nobody anything."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import event, insert, select

from services.config.model.claims import State
from services.config.model.people import SYSTEM, Person
from services.config.model.rights import ProjectRole, ServiceRole
from services.config.resources.executions import Executions
from services.config.resources.user_operations import UserOperations
from services.config.runs.effects import DUE
from services.config.runtime.timers import Timers
from services.config.store import Store
from services.config.tables.ledger import ExecutionRow, UserOperationRow
from services.config.tables.machinery import TimerRow
from shared.contracts.catalog import Act, Find, Get, Kind
from shared.contracts.history import RunParked, TaskAnswered, TaskWaiting
from shared.contracts.problems import Code, Refused
from tests.integration.config.conftest import Clock, Definitions
from tests.integration.config.world import World, whole_run

AT: dict[str, Any] = {"seq": 0, "at": 0.0}
KIND = UserOperations()


@pytest.fixture
def world(store: Store, clock: Clock, definitions: Definitions) -> World:
    return World(store, clock, definitions)


def person(name: str, role: ProjectRole | None = ProjectRole.MEMBER, **more: Any) -> Person:
    return Person(name, project_roles={"default": role} if role else {}, email=f"{name}@example.com", **more)


def asked(world: World, delivery: str = "d1", tag: str = "1.0", **ask: Any) -> tuple[str, str]:
    """A run parked on a question: its id and the question's."""
    run_id = world.hook(delivery, tag).execution_id or ""
    world.take(run_id)
    due_at = world.clock() + 3600
    waits = TaskWaiting(
        **AT, stage="Deploy", task="Apply", reason="approval", due_at=due_at, ask={"summary": "Deploy?", **ask}
    )
    world.report(run_id, *whole_run()[:8], waits, RunParked(**AT, reason="waiting", due_at=due_at))
    return run_id, listed(world, f"status eq 'ACTIVE' and executionId eq '{run_id}'")[0]["id"]


def listed(world: World, filter: str) -> list[dict[str, Any]]:
    with world.store.read() as uow:
        return list(KIND.find(uow, SYSTEM, Find(kind=Kind.USER_OPERATIONS, filter=filter)).documents)


def shown(world: World, number: str, to: Person = SYSTEM) -> dict[str, Any]:
    with world.store.read() as uow:
        return KIND.get(uow, to, Get(kind=Kind.USER_OPERATIONS, id=number)).document


def say(world: World, number: str, who: Person, word: str = "Approved", message: str = "") -> dict[str, Any]:
    body = {"status": word, "responseMessage": message}
    with world.store.write() as uow:
        return KIND.act(uow, who, Act(kind=Kind.USER_OPERATIONS, verb="patch", id=number, body=body)).document


ANYBODY: dict[str, Any] = {}
MAY = [
    ("whom it names", {"approvers": ["bob"]}, person("bob"), True),
    ("whom it names by e-mail address", {"approvers": "eve@example.com, BOB@example.com"}, person("bob"), True),
    ("somebody of a group that it names", {"approverGroups": ["release"]}, person("bob", groups=("Release",)), True),
    ("somebody with a project role that it names", {"approverGroups": ["Member"]}, person("bob"), True),
    ("an administrator of the project", {"approvers": ["eve"]}, person("bob", ProjectRole.ADMINISTRATOR), True),
    ("an administrator of all", {"approvers": ["eve"]}, person("b", service_role=ServiceRole.ADMINISTRATOR), True),
    ("anybody who may run, when it names nobody", ANYBODY, person("bob"), True),
    ("not somebody else", {"approvers": ["eve"]}, person("bob"), False),
    ("not another group", {"approverGroups": ["release"]}, person("bob", groups=("Dev",)), False),
    ("not who may only read, when it names nobody", ANYBODY, person("bob", ProjectRole.VIEWER), False),
]


@pytest.mark.parametrize(("ask", "who", "may"), [case[1:] for case in MAY], ids=[case[0] for case in MAY])
def test_who_may_answer(world: World, ask: dict[str, Any], who: Person, may: bool) -> None:
    run_id, number = asked(world, **ask)
    assert shown(world, number, to=who)["_mayAnswer"] is may
    if may:
        assert say(world, number, who)["status"] == "Approved"
        assert world.run(run_id).holding.state is State.DISPATCHED
        return
    with pytest.raises(Refused) as refused:
        say(world, number, who)
    assert refused.value.problem.code is Code.FORBIDDEN
    assert refused.value.problem.next_step.startswith("Ask")
    assert world.run(run_id).holding.state is State.PARKED


def test_who_is_not_in_the_project_does_not_learn_of_the_question(world: World) -> None:
    _, number = asked(world, approvers=["bob"])
    with pytest.raises(Refused) as refused:
        say(world, number, person("bob", None))
    assert refused.value.problem.code is Code.NOT_FOUND


def test_a_quorum_needs_that_many_different_people_and_one_rejection_ends_it(world: World) -> None:
    run_id, number = asked(world, quorum=2)
    assert say(world, number, person("bob"))["status"] == "ACTIVE"
    assert say(world, number, person("bob"))["status"] == "ACTIVE"
    assert say(world, number, person("eve"))["status"] == "Approved"
    assert world.run(run_id).holding.state is State.DISPATCHED


def test_a_rejection_carries_its_message_to_the_run(world: World) -> None:
    run_id, number = asked(world, quorum=2)
    said = say(world, number, person("bob"), "rejected", "not on a Friday")
    assert (said["status"], said["responseMessage"], said["respondedBy"]) == ("Rejected", "not on a Friday", "bob")
    assert (said["respondedByEmail"], said["responderRoles"]) == ("bob@example.com", ["Member", "User"])
    answer = world.take(run_id, dispatch=2, take_id="t2")
    (told,) = [one.event for one in answer.history if isinstance(one.event, TaskAnswered)]
    assert (told.answer["status"], told.answer["comments"], told.try_number) == ("Rejected", "not on a Friday", 1)
    with pytest.raises(Refused, match="settled before: Rejected"):
        say(world, number, person("eve"))


def test_open_and_settled_questions_are_listed_apart(world: World) -> None:
    run_id, first = asked(world)
    say(world, first, SYSTEM)
    world.finish(run_id)
    _, second = asked(world, "d2", "2.0")
    assert [one["id"] for one in listed(world, "status ne 'ACTIVE'")] == [first]
    assert [one["id"] for one in listed(world, "status eq 'ACTIVE'")] == [second]


def test_after_its_deadline_a_question_takes_no_answer_and_wakes_its_run(world: World) -> None:
    run_id, number = asked(world)
    world.clock.advance(3601)
    with pytest.raises(Refused, match="expired at"):
        say(world, number, SYSTEM)
    Timers(world.store, {DUE: world.ledger.due}).fire()
    assert world.run(run_id).holding.state is State.DISPATCHED
    world.finish(run_id)
    assert shown(world, number)["status"] == "EXPIRED"


def test_a_run_that_ends_closes_its_question(world: World) -> None:
    run_id, number = asked(world)
    with world.store.write() as uow:
        Executions().act(uow, SYSTEM, Act(kind=Kind.EXECUTIONS, verb="cancel", id=run_id))
    assert shown(world, number)["status"] == "CANCELED"


def test_a_newer_question_may_take_the_place_of_the_same_older_one(world: World) -> None:
    older, number = asked(world)
    newer, _ = asked(world, "d2", "2.0", cancelPreviousPendingUserOp=True)
    assert world.run(older).status == "CANCELED"
    assert shown(world, number)["status"] == "CANCELED"
    assert world.run(newer).holding.state is State.PARKED


def test_the_answer_has_every_field_of_code_streams(world: World) -> None:
    _, number = asked(world, approvers=["bob"], approverGroups=["release"], description="to production")
    said = say(world, number, person("bob"), message="go")
    fields = """approverGroups approvers changeLog comments createdAt createdBy description endpoint executionId
        executionIndex expirationInDays expirationInSeconds expiresOnInMicros id index message name orgId
        parentId pipeline pipelineId projectId requestedBy requestedOnInMicros
        respondedBy respondedByEmail respondedOnInMicros responderRoles
        resumeCount sendemail stageKey status summary tags taskExecutionId taskKey updatedAt updatedBy version
        _createTimeInMicros _createdBy _link _projectId _updateTimeInMicros _updatedBy"""
    assert set(fields.split()) <= said.keys()
    assert said["expirationInSeconds"] == 3600
    assert said["changeLog"].endswith("Approved by bob: go")


def test_a_question_is_found_and_answered_by_the_id_of_its_task(world: World) -> None:
    run_id, number = asked(world)
    assert shown(world, number)["taskExecutionId"] == f"{run_id}~1.0"
    assert shown(world, f"{run_id}~1.0")["id"] == shown(world, f"{run_id}~Deploy.Apply")["id"] == number
    assert say(world, f"{run_id}~1.0", person("bob"))["status"] == "Approved"
    for unknown in (f"{run_id}~0.0", f"{uuid4()}~1.0"):
        with pytest.raises(Refused, match="There is no user operation"):
            shown(world, unknown)


def statements(store: Store, what: Callable[[], object]) -> int:
    """How many statements something costs."""
    seen: list[str] = []

    def heard(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        seen.append(statement)

    engines = (store.writer, store._reader)
    for engine in engines:
        event.listen(engine, "before_cursor_execute", heard)
    what()
    for engine in engines:
        event.remove(engine, "before_cursor_execute", heard)
    return len(seen)


def test_ten_thousand_waiting_approvals_are_rows_and_nothing_else(world: World) -> None:
    run_id, _ = asked(world)
    timers = Timers(world.store, {DUE: world.ledger.due})

    def a_quiet_second() -> None:
        world.ledger.watch(connected=True)
        timers.fire()

    cost = statements(world.store, a_quiet_second)
    sent = len(world.sent)
    copies = _copied(world, run_id, 10_000)
    assert len(listed(world, "status eq 'ACTIVE'")) == 25
    assert statements(world.store, a_quiet_second) == cost
    assert len(world.sent) == sent
    with world.store.read() as uow:
        total = KIND.find(uow, SYSTEM, Find(kind=Kind.USER_OPERATIONS, filter="status eq 'ACTIVE'")).total
    assert total >= 10_000

    last_run, last_question = copies[-1]
    assert say(world, last_question, SYSTEM)["status"] == "Approved"
    assert world.dispatched()[-1] == last_run


def _copied(world: World, run_id: str, count: int) -> list[tuple[str, str]]:
    made = [(str(uuid4()), str(uuid4())) for _ in range(count)]
    with world.store.write() as uow:
        run = dict(uow.session.execute(select(ExecutionRow.__table__).where(ExecutionRow.id == run_id)).one()._mapping)
        question = dict(uow.session.execute(select(UserOperationRow.__table__)).one()._mapping)
        timer = dict(uow.session.execute(select(TimerRow.__table__).where(TimerRow.kind == DUE)).one()._mapping)
        del timer["id"]
        runs, questions, due = [], [], []
        for place, (run_copy, question_copy) in enumerate(made, start=100):
            hold = run["hold"].replace(run_id, run_copy)
            runs.append({**run, "id": run_copy, "idx": place, "hold": hold, "lane": f"lane {place}", "delivery": None})
            questions.append({**question, "id": question_copy, "execution_id": run_copy, "execution_index": place})
            due.append({**timer, "subject": run_copy})
        for table, rows in ((ExecutionRow, runs), (UserOperationRow, questions), (TimerRow, due)):
            uow.session.execute(insert(table), rows)
    return made
