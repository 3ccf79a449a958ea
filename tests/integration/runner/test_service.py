"""A whole runner over a real broker; config's side is the real protocol in memory."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import pytest

from services.config.model.claims import Intent, State
from services.runner.service import Runner
from services.runner.settings import RunnerSettings
from shared.bus import Ack, Answer, Bus, Incoming, Outcome
from shared.contracts import topics
from shared.contracts.catalog import Document
from shared.contracts.history import Status
from shared.contracts.pushes import Found, RegistryAccess, TagResolve, TagResolved
from shared.contracts.runs import Held, IntentChanged, LogChunk, NestedStarted, Released, Report, RunExecution, Take
from shared.process import life
from shared.process.secrets import create_keys
from tests.support.patience import PATIENCE_S, until
from tests.unit.runner.ledger import MemoryLedger


class Config:
    """What config does with a runner's messages, for one run."""

    def __init__(self, url: str, ledger: MemoryLedger, *, of_0_1: bool = False) -> None:
        self.ledger = ledger
        self.held_asked: list[str] = []
        self.resolved: list[TagResolved] = []
        self.bus = Bus(url, service=topics.Service.CONFIG, instance="test")
        self.bus.open()
        self.bus.consume_single(topics.LEDGER, self._ledger)
        self.bus.consume_single(topics.LOGS, self._logs)
        self.nested: list[str] = []
        answers = {topics.RUN_HELD_V1: self._held, topics.CATALOG_ACT: self._act}
        if not of_0_1:
            answers[topics.START_NESTED] = self._start_nested
        self.bus.serve(topics.CONFIG_RPC, answers, threads=1)
        if not of_0_1:
            self.bus.serve(topics.SIGNS_OF_LIFE, {topics.RUN_HELD: self._held}, threads=1)
        assert self.bus.wait_connected(PATIENCE_S)

    def dispatch(self) -> None:
        message = RunExecution(execution_id="e1", dispatch=self.ledger.holding.dispatch)
        self.bus.publish(topics.RUN_EXECUTION, message, subject="e1")

    def _ledger(self, batch: Sequence[Incoming]) -> list[Outcome]:
        return [self._one(one) for one in batch]

    def _one(self, one: Incoming) -> Outcome:
        said = one.message
        if isinstance(said, Take):
            return Answer(self.ledger.take(said).result())
        if isinstance(said, Report):
            answer = self.ledger.report(said).result()
            return Answer(answer) if one.wants_reply else Ack()
        if isinstance(said, Released):
            self.ledger.released(said)
        if isinstance(said, TagResolved):
            self.resolved.append(said)
        return Ack()

    def _logs(self, batch: Sequence[Incoming]) -> list[Outcome]:
        for one in batch:
            self.ledger.log(cast("LogChunk", one.message))
        return [Ack() for _ in batch]

    def _held(self, one: Incoming) -> Any:
        self.held_asked.append(one.topic.type)
        return self.ledger.held(cast("Held", one.message)).result()

    def _act(self, one: Incoming) -> Document:
        self.nested.append(one.topic.type)
        return Document(document={"executionId": "child", "executionIndex": 4})

    def _start_nested(self, one: Incoming) -> NestedStarted:
        self.nested.append(one.topic.type)
        return NestedStarted(execution_id="child", execution_index=4)


LOG = {"type": "Log", "input": {"message": "hello ${requestBy}"}}
WAIT = {"type": "POLL", "input": {"url": "http://203.0.113.1:9/", "pollIntervalSeconds": 60, "ignoreFailure": True}}


def tree(**tasks: dict[str, Any]) -> dict[str, Any]:
    return {"stageOrder": ["S"], "stages": {"S": {"taskOrder": list(tasks), "tasks": tasks}}}


@pytest.fixture
def start(vhost_url: str, home: Path) -> Iterator[Callable[..., tuple[Config, Runner]]]:
    create_keys(home)
    made: list[Any] = []

    def begin(pipeline: dict[str, Any], **more: Any) -> tuple[Config, Runner]:
        config = Config(vhost_url, MemoryLedger(pipeline), **more)
        made.append(config.bus)
        runner = Runner(
            RunnerSettings(amqp_url=vhost_url, portside_home=home, instance="r1", outgoing_local=True)
        ).open()
        made.append(runner)
        return config, runner

    yield begin
    for one in reversed(made):
        one.close()


Start = Callable[..., tuple[Config, Runner]]


def test_a_run_is_taken_carried_out_and_reported_over_the_broker(start: Start) -> None:
    config, _ = start(tree(A=LOG, B=LOG))
    config.dispatch()
    until(lambda: config.ledger.holding.state is State.ENDED)
    assert config.ledger.state.status is Status.COMPLETED
    until(lambda: len(config.ledger.lines) == 2)
    assert config.ledger.lines == ["hello ada", "hello ada"]


def test_a_message_that_comes_twice_starts_nothing_twice(start: Start) -> None:
    config, _ = start(tree(A=LOG))
    config.dispatch()
    config.dispatch()
    until(lambda: config.ledger.holding.state is State.ENDED)
    time.sleep(0.3)
    assert config.ledger.holding.attempt == 1
    assert [task for task, _ in config.ledger.started()] == ["A"]


def test_a_cancel_is_heard_within_a_moment(start: Start) -> None:
    config, _ = start(tree(A=LOG, B=WAIT))
    config.dispatch()
    until(lambda: any(task == "B" for task, _ in config.ledger.started()))
    config.ledger.intend(Intent.CANCEL)
    config.bus.broadcast(topics.RUN_INTENT, IntentChanged(execution_id="e1"), subject="e1")
    until(lambda: config.ledger.holding.state is State.ENDED)
    assert config.ledger.state.status is Status.CANCELED


@pytest.mark.parametrize("of_0_1", [False, True])
def test_a_config_of_the_last_release_hears_that_a_runner_lives_and_a_newer_one_is_asked_once(
    start: Start, of_0_1: bool
) -> None:
    config, _ = start(tree(A=WAIT), of_0_1=of_0_1)
    config.dispatch()
    until(lambda: len(config.held_asked) >= 4)
    config.ledger.intend(Intent.CANCEL)
    until(lambda: config.ledger.holding.state is State.ENDED)
    newest = "run.held.v1" if of_0_1 else "run.held.v2"
    assert set(config.held_asked[2:]) == {newest}


@pytest.mark.parametrize(("of_0_1", "form"), [(False, "run.start-nested.v1"), (True, "catalog.act.v1")])
def test_a_nested_run_is_asked_for_in_a_form_that_config_reads(start: Start, of_0_1: bool, form: str) -> None:
    config, _ = start(tree(A={"type": "Pipeline", "input": {"pipeline": "Scan"}}), of_0_1=of_0_1)
    config.dispatch()
    until(lambda: config.ledger.holding.state is State.PARKED)
    until(lambda: form in config.nested)


def test_an_orderly_stop_releases_what_is_held(start: Start) -> None:
    config, runner = start(tree(A=WAIT))
    config.dispatch()
    until(lambda: any(one.event.type == "task.handle" for one in config.ledger.history))
    runner.close()
    until(lambda: config.ledger.holding.state is State.DISPATCHED)
    assert config.ledger.holding.deaths == 0


def test_a_tag_is_resolved_or_told_why_not(start: Start) -> None:
    config, _ = start(tree(A=LOG))
    access = RegistryAccess(registry_host="127.0.0.1:1", plain_http=True)
    asked = TagResolve(delivery_id="d1", repository="acme/web", tag="1", access=access)
    config.bus.publish(topics.TAG_RESOLVE, asked, subject="d1")
    until(lambda: bool(config.resolved))
    (answer,) = config.resolved
    assert (answer.delivery_id, answer.outcome) == ("d1", Found.UNAVAILABLE)
    assert "connection refused" in answer.detail


HANGS = """
import threading
from services.runner.task_protocol import Effect, Task

class Hangs(Task):
    name = "Hangs"
    schema = {"label": "Hangs", "properties": {}}
    interrupt_after_s = 0.0

    def effect(self, given):
        return Effect.ONCE

    def start(self, asked):
        threading.Event().wait()  # As a system call does that no closed socket reaches.
"""
HURRIED = """
from services.runner.engine import task_calls, workers
workers.LOST_AFTER_S, task_calls.CANCEL_PATIENCE_S = 0.5, 2.0
from services.runner.__main__ import main
raise SystemExit(main())
"""


def test_a_process_whose_task_threads_do_not_come_back_says_so_and_ends(
    vhost_url: str, home: Path, tmp_path: Path
) -> None:
    create_keys(home)
    (tmp_path / "hangs.py").write_text(HANGS)
    about = tmp_path / "hangs-1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: hangs\nVersion: 1\n")
    (about / "entry_points.txt").write_text("[portside.tasks]\nHangs = hangs:Hangs\n")
    config = Config(vhost_url, MemoryLedger(tree(A={"type": "Hangs", "timeoutMinutes": 0.01})))
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(tmp_path), str(Path.cwd())]),
        "AMQP_URL": vhost_url,
        "PORTSIDE_HOME": str(home),
        "RUNNER_THREADS": "1",
    }
    with subprocess.Popen(
        [sys.executable, "-c", HURRIED], env=environment, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            config.dispatch()
            _, errors = process.communicate(timeout=PATIENCE_S)
        finally:
            process.kill()
            config.bus.close()
    assert process.returncode == life.GAVE_UP, errors
    assert "1 of 1 task threads do not come back" in errors
    assert config.ledger.ended() == {"A": "FAILED"}
    assert config.ledger.holding.state is State.DISPATCHED, "the run itself is released"
