"""One task at a time through the engine, with the ledger in memory."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from services.config.model.claims import Intent, State
from services.runner.engine.executor import Holder
from services.runner.task_protocol import TaskType
from shared.contracts.catalog import Act, Document
from shared.contracts.runs import ResolvedEndpoint, Take
from shared.process.secrets import Opener, Sealer
from tests.unit.runner.ledger import MemoryLedger


class OneTask:
    """Runs tasks of one type, each as a run of its own."""

    def __init__(self, kind: TaskType, keys: tuple[Sealer, Opener]) -> None:
        self.kind = kind
        self.sealer, self.opener = keys
        self.endpoints: dict[str, ResolvedEndpoint] = {}
        self.starts = 0
        self.answer_act: Callable[[Act], Document] | None = None
        """Answers what a task asks of config."""

    def endpoint(self, name: str, kind: str, secrets: dict[str, str] | None = None, **properties: Any) -> None:
        """Give the runs an endpoint."""
        sealed = {key: self.sealer.seal(value) for key, value in (secrets or {}).items()}
        self.endpoints[name] = ResolvedEndpoint(name=name, type=kind, properties=properties, secrets=sealed)

    def begin(self, given: dict[str, Any], roles: dict[str, str], **about: Any) -> tuple[MemoryLedger, Holder]:
        """Start a run and hand it over."""
        self.starts += 1
        task = {"type": self.kind.name, "endpoints": roles, "input": given}
        tree = {"stageOrder": ["S"], "stages": {"S": {"taskOrder": ["T"], "tasks": {"T": task}}}}
        about = {"execution_id": f"e{self.starts}-{uuid4().hex[:8]}", "index": self.starts, **about}
        workspace = about.pop("workspace", None)
        if workspace is not None:
            tree["workspace"] = workspace
        ledger = MemoryLedger(tree, endpoints=self.endpoints, about=about, start=self.starts)
        if self.answer_act is not None:
            ledger.answer_act = self.answer_act
        holder = Holder(ledger, {self.kind.name: self.kind}, sealer=self.sealer, opener=self.opener, runner="r1")
        holder.start()
        self.take(ledger, holder)
        return ledger, holder

    def take(self, ledger: MemoryLedger, holder: Holder) -> None:
        """Hand a ledger's newest dispatch to a holder."""
        dispatch = ledger.holding.dispatch
        ask = Take(
            execution_id=ledger.holding.execution_id, dispatch=dispatch, runner=holder.runner, take_id=f"t{dispatch}"
        )
        assert holder.reserve(1)
        holder.hold(ledger.take(ask).result())

    def run(self, given: dict[str, Any], roles: dict[str, str], *, timeout_s: float = 60, **about: Any) -> MemoryLedger:
        """Run to its end: the ledger that has it on record."""
        ledger, holder = self.begin(given, roles, **about)
        try:
            self.until_over(ledger, timeout_s)
        finally:
            holder.close(3)
        return ledger

    def until_over(self, ledger: MemoryLedger, timeout_s: float = 60) -> None:
        """Wait for the run's end."""
        until = time.monotonic() + timeout_s
        while ledger.holding.state is not State.ENDED:
            assert time.monotonic() < until, f"not over: {ledger.state.message}\n" + "\n".join(ledger.lines)
            time.sleep(0.02)

    def cancel(self, ledger: MemoryLedger, holder: Holder) -> None:
        """Cancel a run as a person does."""
        ledger.intend(Intent.CANCEL)
        holder.look_now(ledger.holding.execution_id)


def output(ledger: MemoryLedger) -> dict[str, Any]:
    """What the task brought."""
    view: dict[str, Any] = ledger.state.task("S", "T").output.view
    return view
