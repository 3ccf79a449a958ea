"""Holders over a ledger in memory, and task types that tests drive by hand."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from services.runner.engine import executor, reports
from services.runner.engine.executor import Holder
from services.runner.task_protocol import Done, Effect, Running, Step, Task, TaskFailed, TaskRequest, Waiting
from services.runner.tasks.condition import Condition
from services.runner.tasks.log import Log
from shared.contracts.base import Json
from shared.contracts.runs import Take
from shared.process.secrets import Opener, Sealer, create_keys
from tests.support.patience import until as until

from .ledger import MemoryLedger


class Probe(Task):
    """Does what its input says, and keeps count of what was done outside."""

    name = "Probe"

    def __init__(self) -> None:
        self.starts: list[str] = []
        self.keys: list[str] = []
        self.observed: list[Json] = []
        self.cancelled: list[Json] = []
        self.gate = threading.Event()
        self.gate.set()
        self.lock = threading.Lock()

    def effect(self, given: Json) -> Effect:
        return Effect(given.get("effect", "once"))

    def start(self, asked: TaskRequest) -> Step:
        with self.lock:
            self.starts.append(asked.task)
            self.keys.append(asked.key)
        self.gate.wait(10)
        plan = json.loads(asked.input["raw"]) if "raw" in asked.input else asked.input
        if plan.get("log"):
            asked.tools.log(str(plan["log"]))
        if plan.get("crash"):
            raise ValueError("boom")
        if asked.try_number <= int(plan.get("fail", 0)):
            raise TaskFailed(str(plan.get("why", "it did not work")), dict(plan.get("broke", {})))
        if plan.get("handle"):
            return Running({"id": plan["handle"]}, "on its way", again_after_s=0.01)
        if plan.get("ask"):
            return Waiting("approval", "waits for you", plan.get("due_at"), {"summary": plan["ask"]})
        return Done(dict(plan.get("output", {})), "done")

    def observe(self, asked: TaskRequest, handle: Json) -> Step:
        self.observed.append(handle)
        if not self.gate.wait(0.001) or asked.input.get("for_ever"):
            return Running(handle, again_after_s=0.01)
        return Done({"id": handle["id"]}, "seen")

    def cancel(self, asked: TaskRequest, handle: Json) -> None:
        self.cancelled.append(handle)

    def answered(self, asked: TaskRequest, ask: Json, answer: Json) -> Step:
        if answer.get("status") != "Approved":
            raise TaskFailed(f"Rejected by {answer.get('by')}")
        return Done({"by": answer.get("by")})


@pytest.fixture
def keys(tmp_path: Path) -> tuple[Sealer, Opener]:
    create_keys(tmp_path)
    return Sealer.load(tmp_path), Opener.load(tmp_path)


@pytest.fixture
def probe() -> Probe:
    return Probe()


class Rig:
    """Starts holders on one ledger."""

    def __init__(self, keys: tuple[Sealer, Opener], probe: Probe) -> None:
        self.sealer, self.opener = keys
        self.probe = probe
        self.holders: list[Holder] = []

    def holder(self, ledger: MemoryLedger, name: str = "r1", **more: Any) -> Holder:
        """A holder that has taken what is dispatched."""
        types: dict[str, Any] = {one.name: one for one in (self.probe, Log(), Condition())}
        holder = Holder(ledger, types, sealer=self.sealer, opener=self.opener, runner=name, slots=4, threads=4, **more)
        holder.start()
        self.holders.append(holder)
        self.take(ledger, holder)
        return holder

    def take(self, ledger: MemoryLedger, holder: Holder) -> None:
        """Take the newest dispatch."""
        dispatch = ledger.holding.dispatch
        ask = Take(execution_id="e1", dispatch=dispatch, runner=holder.runner, take_id=f"t{dispatch}")
        answer = ledger.take(ask).result()
        assert answer.taken, answer.reason
        assert holder.reserve(1)
        holder.hold(answer)


@pytest.fixture
def rig(keys: tuple[Sealer, Opener], probe: Probe, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    """Whose holders renew leases and repeat reports ten times as often as a runner does: waiting shows nothing."""
    monkeypatch.setattr(executor, "HELD_EVERY_S", executor.HELD_EVERY_S / 10)
    monkeypatch.setattr(reports, "AGAIN_AFTER_S", reports.AGAIN_AFTER_S / 10)
    made = Rig(keys, probe)
    yield made
    probe.gate.set()
    for holder in made.holders:
        holder.close(2)


def pipeline(*stages: list[list[tuple[str, dict[str, Any]]]], **more: Any) -> dict[str, Any]:
    """A pipeline of stages; each is a list of groups, each group a list of (name, task)."""
    tree: dict[str, Any] = {"stageOrder": [], "stages": {}, **more}
    for number, groups in enumerate(stages):
        name = f"S{number}"
        tasks = {task: body for group in groups for task, body in group}
        order = [",".join(task for task, _ in group) for group in groups]
        tree["stageOrder"].append(name)
        tree["stages"][name] = {"taskOrder": order, "tasks": tasks}
    return tree


def do(**given: Any) -> dict[str, Any]:
    """A Probe task."""
    fields: dict[str, Any] = {
        key: given.pop(key) for key in ("preCondition", "ignoreFailure", "retries", "timeoutMinutes") if key in given
    }
    return {"type": "Probe", "input": given, **fields}
