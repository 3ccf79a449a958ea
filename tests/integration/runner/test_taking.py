"""A run is taken through a real broker whose connections break between the take and its answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import Any, cast
from urllib.parse import quote

import pytest

from cli.rabbitmq import PrivateNode
from services.config.runs import protocol
from services.runner import handlers
from services.runner.engine.executor import Holder
from services.runner.engine.ledger_client import BusLedger
from shared.bus import Answer, Bus, Incoming, Outcome
from shared.contracts import topics
from shared.contracts.runs import RunExecution, Take, TakeAnswer
from shared.contracts.topics import Service
from tests.support.patience import PATIENCE_S, until


class Places:
    """The holder as a take meets it."""

    stopping = False

    def __init__(self, runner: str) -> None:
        self.runner = runner
        self.held: list[TakeAnswer] = []

    def reserve(self, _timeout_s: float) -> bool:
        return True

    def give_back(self) -> None:
        """There is always room."""

    def hold(self, answer: TakeAnswer) -> None:
        self.held.append(answer)


class CuttingLedger:
    """Records takes, and breaks the connections of whoever makes the first one before its answer can leave."""

    def __init__(self, broker: PrivateNode, vhost: str) -> None:
        self._broker, self._vhost = broker, vhost
        self.holding = protocol.RunClaim("x1", state=protocol.State.DISPATCHED, dispatch=1)
        self.refused: list[str] = []

    def handle(self, batch: Sequence[Incoming]) -> Sequence[Outcome]:
        return [self._answer(incoming) for incoming in batch]

    def _answer(self, incoming: Incoming) -> Outcome:
        ask = cast("Take", incoming.message)
        first = self.holding.attempt == 0
        self.holding, decision = protocol.take(self.holding, ask)
        if first:
            self._cut(ask.runner)
        if not decision.taken:
            self.refused.append(ask.runner)
        return Answer(TakeAnswer(taken=decision.taken, attempt=decision.attempt, reason=decision.reason))

    def _cut(self, runner: str) -> None:
        def names() -> list[str]:
            listed = cast("list[Any]", self._broker.manage("GET", f"/api/vhosts/{self._vhost}/connections"))
            return [
                quote(connection["name"], safe="")
                for connection in listed
                if f"/runner/{runner} " in str(connection.get("client_properties"))
            ]

        for name in until(lambda: names() if len(names()) == 2 else []):
            self._broker.manage("DELETE", f"/api/connections/{name}")


@pytest.fixture
def runners(vhost_url: str) -> Iterator[list[Places]]:
    """Two that take from the same queue."""
    with ExitStack() as opened:
        found = []
        for name in ("r1", "r2"):
            bus = opened.enter_context(Bus(vhost_url, service=Service.RUNNER, instance=name))
            assert bus.wait_connected(PATIENCE_S), bus.trouble
            places = Places(name)
            take_run = handlers.take_run(cast("Holder", places), BusLedger(bus))
            bus.consume_pool(topics.RUNS, {topics.RUN_EXECUTION: take_run}, threads=2, prefetch=2)
            found.append(places)
        yield found


def test_a_run_whose_take_was_recorded_while_the_connection_broke_is_held_all_the_same(
    vhost_url: str, broker: PrivateNode, runners: list[Places]
) -> None:
    """Its message goes back to the queue, and another runner is refused: only who asked can still hold the run."""
    ledger = CuttingLedger(broker, vhost_url.rpartition("/")[2])
    with Bus(vhost_url, service=Service.CONFIG, instance="c1") as config:
        assert config.wait_connected(PATIENCE_S), config.trouble
        config.consume_single(topics.LEDGER, ledger.handle)
        config.publish(topics.RUN_EXECUTION, RunExecution(execution_id="x1", dispatch=1), subject="x1")
        until(lambda: sum(len(places.held) for places in runners) >= 1)
    (places,) = [places for places in runners if places.held]
    assert {answer.attempt for answer in places.held} == {1} and places.runner == ledger.holding.runner
    assert ledger.holding.deaths == 0 and places.runner not in ledger.refused
