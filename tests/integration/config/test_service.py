"""Config with its real broker, bus and database: what other services see of it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from services.config.accounts.bootstrap import ensure_first
from services.config.accounts.password_checks import PasswordChecks
from services.config.accounts.passwords import hash_password
from services.config.migrations import migrate
from services.config.resources.dispatch import ResourceDispatcher
from services.config.service import Config
from services.config.settings import Settings
from services.config.store import Store
from shared.bus import Ack, Bus, Incoming, Outcome
from shared.contracts.catalog import Act, Document, Find, Get, Kind, Page, SignedIn, SignIn
from shared.contracts.earlier import nested_as_act
from shared.contracts.envelope import Caller
from shared.contracts.problems import Code, Refused
from shared.contracts.pushes import HookReceived, Push
from shared.contracts.runs import (
    Directive,
    Held,
    HeldAnswer,
    HeldRun,
    NestedStarted,
    Report,
    ReportAnswer,
    RunExecution,
    StartNested,
    Take,
    TakeAnswer,
)
from shared.contracts.topics import (
    CATALOG_ACT,
    CATALOG_FIND,
    CATALOG_GET,
    HOOK_RECEIVED,
    RUN_EXECUTION,
    RUN_HELD,
    RUN_REPORT,
    RUN_TAKE,
    RUNS,
    SIGN_IN,
    START_NESTED,
    Service,
)
from shared.process.ids import new_id
from shared.process.secrets import create_keys, token_hash
from tests.integration.config.world import whole_run
from tests.support import postgres
from tests.support.digests import digest_of
from tests.support.patience import PATIENCE_S, until

ADMIN = Caller(user="admin")
PASSWORD = "a horse that eats batteries"
PIPELINE = {
    "name": "Deploy web",
    "project": "default",
    "kind": "PIPELINE",
    "options": ["DOCKER_TRIGGER"],
    "input": {"DOCKER_TAG": ""},
    "stageOrder": ["Build", "Deploy"],
    "stages": {
        "Build": {
            "taskOrder": ["Check,Scan"],
            "tasks": {
                "Check": {"type": "Condition", "input": {"condition": '"${input.DOCKER_TAG}" != ""'}},
                "Scan": {"type": "Condition", "input": {"condition": "1 == 1"}},
            },
        },
        "Deploy": {
            "taskOrder": ["Apply"],
            "tasks": {"Apply": {"type": "Condition", "input": {"condition": "1 == 1"}}},
        },
    },
}


@pytest.fixture
def settings(vhost_url: str, home: Path) -> Settings:
    create_keys(home)
    made = Settings(amqp_url=vhost_url, portside_home=home, public_url="https://portside.example.com", instance="c1")
    store = Store(made.database_url)
    migrate(store)
    with store.write() as uow:
        ensure_first(uow, None)
    store.close()
    return made


@pytest.fixture
def config(settings: Settings) -> Iterator[Config]:
    made = Config(settings).open()
    yield made
    made.close()


@pytest.fixture
def gateway(vhost_url: str) -> Iterator[Bus]:
    with Bus(vhost_url, service=Service.GATEWAY, instance="g1") as bus:
        assert bus.wait_connected(PATIENCE_S)
        yield bus


@pytest.fixture
def runner(vhost_url: str) -> Iterator[Bus]:
    with Bus(vhost_url, service=Service.RUNNER, instance="r1") as bus:
        assert bus.wait_connected(PATIENCE_S)
        yield bus


def act(bus: Bus, verb: str, kind: Kind, **more: object) -> dict[str, object]:
    ask = Act(kind=kind, verb=verb, **more)
    answer = bus.request(CATALOG_ACT, ask, caller=ADMIN, timeout_s=PATIENCE_S)
    assert isinstance(answer, Document)
    return answer.document


def deploy_web(bus: Bus) -> dict[str, object]:
    """The pipeline, enabled."""
    made = act(bus, "create", Kind.PIPELINES, body=PIPELINE)
    return act(bus, "patch", Kind.PIPELINES, id=made["id"], body={"state": "ENABLED"})


def run_ids(runner: Bus) -> list[RunExecution]:
    """Collects the runs that want a runner."""
    seen: list[RunExecution] = []

    def keep(incoming: Incoming) -> Outcome:
        assert isinstance(incoming.message, RunExecution)
        seen.append(incoming.message)
        return Ack()

    runner.consume_pool(RUNS, {RUN_EXECUTION: keep}, threads=1, prefetch=10)
    return seen


def test_a_hook_becomes_a_run_that_a_runner_takes_and_ends(config: Config, gateway: Bus, runner: Bus) -> None:
    until(lambda: config.active.working)
    deploy_web(gateway)
    token = "a-token-of-the-webhook"
    hub = {"serverType": "DockerHub", "repoURL": "acme/web", "username": "acme", "password": "*****"}
    act(
        gateway,
        "create",
        Kind.ENDPOINTS,
        body={"name": "hub", "project": "default", "type": "docker", "properties": hub},
        sealed={"properties.password": config.catalog.context.seal("dckr_pat_secret")},
    )
    act(
        gateway,
        "create",
        Kind.WEBHOOKS,
        body={
            "name": "web pushes",
            "project": "default",
            "endpoint": "hub",
            "pipeline": "Deploy web",
            "repoName": "acme/web",
            "enabled": True,
            "secretToken": "*****",
        },
        sealed={"secretToken": config.catalog.context.seal(token)},
        hashes={"secretToken": token_hash(token)},
    )
    wanted = run_ids(runner)
    about = {"provider": "dockerhub", "registry_host": "docker.io", "repository": "acme/web", "pusher": "ann"}
    push = Push(tag="1.4.1", digest=f"sha256:{'a' * 64}", **about)
    hook = HookReceived(delivery_id="d1", received_at=time.time(), token_hash=token_hash(token), pushes=(push,))
    gateway.publish(HOOK_RECEIVED, hook, subject="d1")
    gateway.publish(HOOK_RECEIVED, hook, subject="d1")

    def judged() -> dict[str, object] | None:
        found = gateway.request(CATALOG_FIND, Find(kind=Kind.EVENTS), caller=ADMIN)
        assert isinstance(found, Page)
        return found.documents[0] if found.documents else None

    event = until(judged)
    assert event["verdict"] == "started", event
    run = until(lambda: wanted)[0]
    ask = Take(execution_id=run.execution_id, dispatch=run.dispatch, runner="r1", take_id="t1")
    taken = runner.request(RUN_TAKE, ask, subject=run.execution_id)
    assert isinstance(taken, TakeAnswer)
    assert taken.taken
    assert taken.inputs["DOCKER_TAG"] == "1.4.1"
    held = runner.request(RUN_HELD, Held(runner="r1", holds=(HeldRun(execution_id=run.execution_id, attempt=1),)))
    assert isinstance(held, HeldAnswer)
    assert held.verdicts == {run.execution_id: Directive.GO}

    events = tuple(one.model_copy(update={"seq": place, "at": 1.0}) for place, one in enumerate(whole_run(), 1))
    report = Report(execution_id=run.execution_id, attempt=1, runner="r1", events=events)
    answer = runner.request(RUN_REPORT, report, subject=run.execution_id)
    assert isinstance(answer, ReportAnswer)
    assert answer.accepted_seq == len(events)

    seen = gateway.request(CATALOG_GET, Get(kind=Kind.EXECUTIONS, id=run.execution_id), caller=ADMIN)
    assert isinstance(seen, Document)
    assert seen.document["status"] == "COMPLETED"
    assert seen.document["stages"]["Build"]["taskOrder"] == ["Check,Scan"]
    assert seen.document["stages"]["Deploy"]["tasks"]["Apply"]["id"] == f"{run.execution_id}~1.0"
    activity = gateway.request(CATALOG_FIND, Find(kind=Kind.EVENTS), caller=ADMIN)
    assert isinstance(activity, Page)
    (event,) = activity.documents
    assert (event["verdict"], event["executionStatus"]) == ("started", "COMPLETED")
    assert len(wanted) == 1


def test_a_runner_alone_starts_a_run_within_a_run_and_once_in_either_form(
    config: Config, gateway: Bus, runner: Bus
) -> None:
    until(lambda: config.active.working)
    pipeline = deploy_web(gateway)
    outer = act(gateway, "execute", Kind.PIPELINES, id=pipeline["id"])["executionId"]
    ask = StartNested(
        execution_id=new_id(), project="default", pipeline="Deploy web", parent=str(outer), stage="Build", task="Scan"
    )
    started = runner.request(START_NESTED, ask, caller=ADMIN)
    assert started == NestedStarted(execution_id=ask.execution_id, execution_index=2)
    act(gateway, "patch", Kind.PIPELINES, id=pipeline["id"], body={"state": "DISABLED"})
    assert runner.request(START_NESTED, ask, caller=ADMIN) == started
    of_0_1 = runner.request(CATALOG_ACT, nested_as_act(ask), caller=ADMIN)
    assert isinstance(of_0_1, Document) and of_0_1.document["executionIndex"] == 2
    act(gateway, "patch", Kind.PIPELINES, id=pipeline["id"], body={"state": "ENABLED"})

    with pytest.raises(Refused, match="comes from runner, and this one came from portside/gateway/g1"):
        gateway.request(START_NESTED, ask, caller=ADMIN)
    body = nested_as_act(ask).body | {"executionId": new_id()}
    alone = act(gateway, "execute", Kind.PIPELINES, id=pipeline["id"], body=body)
    seen = gateway.request(CATALOG_GET, Get(kind=Kind.EXECUTIONS, id=str(alone["executionId"])), caller=ADMIN)
    assert isinstance(seen, Document)
    assert (seen.document["_nested"], seen.document["_parent"]) == (False, None)
    nested = gateway.request(CATALOG_GET, Get(kind=Kind.EXECUTIONS, id=ask.execution_id), caller=ADMIN)
    assert isinstance(nested, Document)
    assert (nested.document["_nested"], nested.document["_parent"]) == (True, outer)


def test_a_command_repeated_with_its_id_is_carried_out_once(config: Config, gateway: Bus) -> None:
    until(lambda: config.active.working)
    pipeline = deploy_web(gateway)
    start = Act(kind=Kind.PIPELINES, verb="execute", id=str(pipeline["id"]), body={"input": {}})
    answers = [
        gateway.request(CATALOG_ACT, start, caller=ADMIN, command_id="once", timeout_s=PATIENCE_S).model_dump()
        for _ in range(3)
    ]
    assert answers[0] == answers[1] == answers[2]
    runs = gateway.request(CATALOG_FIND, Find(kind=Kind.EXECUTIONS), caller=ADMIN)
    assert isinstance(runs, Page)
    assert runs.total == 1


def test_a_run_that_nobody_holds_is_cancelled_at_once_and_its_number_finds_it(config: Config, gateway: Bus) -> None:
    until(lambda: config.active.working)
    pipeline = deploy_web(gateway)
    started = act(gateway, "execute", Kind.PIPELINES, id=pipeline["id"], body={})
    canceled = act(gateway, "cancel", Kind.EXECUTIONS, id=started["executionId"], body={"reason": "wrong tag"})
    assert (canceled["status"], canceled["reason"]) == ("CANCELED", "wrong tag")
    options = {"pipeline": pipeline["id"], "index": 1}
    found = gateway.request(CATALOG_GET, Get(kind=Kind.EXECUTIONS, options=options), caller=ADMIN)
    assert isinstance(found, Document)
    assert found.document["id"] == started["executionId"]
    with pytest.raises(Refused) as refused:
        act(gateway, "cancel", Kind.EXECUTIONS, id=started["executionId"])
    assert refused.value.problem.code is Code.CONFLICT


def test_a_standby_takes_over_and_sends_what_was_left(settings: Settings, gateway: Bus, runner: Bus) -> None:
    first = Config(settings).open()
    until(lambda: first.active.working)
    second = Config(settings.model_copy(update={"instance": "c2"})).open()
    try:
        pipeline = deploy_web(gateway)
        assert not second.active.working
        first.close()
        until(lambda: second.active.working)
        wanted = run_ids(runner)
        started = act(gateway, "execute", Kind.PIPELINES, id=pipeline["id"], body={})
        run = until(lambda: wanted)[0]
        assert run.execution_id == started["executionId"]
    finally:
        second.close()


@pytest.mark.postgres
def test_on_postgresql_a_standby_answers_lists_and_hashes_passwords_in_place_of_the_active_one(
    settings: Settings, gateway: Bus, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = settings.model_copy(update={"database_url": postgres.empty_database(postgres_url)})
    store = Store(shared.database_url)
    migrate(store)
    with store.write() as uow:
        ensure_first(uow, hash_password(digest_of(PASSWORD)))
    store.close()
    answered_by = set[tuple[str, str]]()

    def record(holder: type, name: str) -> None:
        own = getattr(holder, name)

        def recorded(self: Any, *arguments: Any) -> Any:
            answered_by.add((name, self.store.holder))
            return own(self, *arguments)

        monkeypatch.setattr(holder, name, recorded)

    for holder, name in ((ResourceDispatcher, "find"), (ResourceDispatcher, "act"), (PasswordChecks, "check")):
        record(holder, name)
    sign_in = SignIn(username="admin", password_digest=digest_of(PASSWORD), source_address="192.0.2.7")

    def ask_all() -> set[tuple[str, str]]:
        answered_by.clear()
        for _ in range(5):
            assert isinstance(gateway.request(CATALOG_FIND, Find(kind=Kind.PIPELINES), caller=ADMIN), Page)
        assert isinstance(gateway.request(SIGN_IN, sign_in, timeout_s=PATIENCE_S), SignedIn)
        act(gateway, "create", Kind.PROJECTS, body={"name": f"p{new_id()[-8:]}"})
        return answered_by

    first = Config(shared).open()
    until(lambda: first.active.working)
    second = Config(shared.model_copy(update={"instance": "c2"})).open()
    try:
        until(lambda: ("find", second.store.holder) in ask_all())
        active, standby = first.store.holder, second.store.holder
        assert ask_all() == {("find", standby), ("check", standby), ("act", active)}
        first.close()
        until(lambda: second.active.working)
        assert {holder for _, holder in ask_all()} == {standby}
    finally:
        second.close()


def test_one_command_id_for_two_commands_is_two_commands(config: Config, gateway: Bus) -> None:
    until(lambda: config.active.working)
    names = ("one", "two")
    asks = [Act(kind=Kind.PROJECTS, verb="create", body={"name": name}) for name in names]
    answers = [gateway.request(CATALOG_ACT, ask, caller=ADMIN, command_id="same", timeout_s=PATIENCE_S) for ask in asks]
    assert tuple(answer.document["name"] for answer in answers if isinstance(answer, Document)) == names


def test_a_repeated_command_says_by_its_hashes_which_token_was_kept(config: Config, gateway: Bus) -> None:
    until(lambda: config.active.working)
    asks = [
        Act(kind=Kind.TOKENS, verb="create", body={"name": "build"}, hashes={"token": mark * 64}) for mark in ("a", "b")
    ]
    answers = [
        gateway.request(CATALOG_ACT, ask, caller=ADMIN, command_id="token", timeout_s=PATIENCE_S) for ask in asks
    ]
    assert [answer.hashes for answer in answers if isinstance(answer, Document)] == [{"token": "a" * 64}] * 2
