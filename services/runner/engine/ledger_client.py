"""The ledger's port over the bus."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any, cast

from shared.bus import Bus
from shared.contracts import topics
from shared.contracts.catalog import Act, Document
from shared.contracts.envelope import Caller
from shared.contracts.runs import Held, HeldAnswer, LogChunk, Released, Report, ReportAnswer, Take, TakeAnswer


class BusLedger:
    """Every call is a message; futures resolve on the answer or on the broker's confirm."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    def take(self, ask: Take) -> Future[TakeAnswer]:
        return cast("Future[TakeAnswer]", self._bus.request_nowait(topics.RUN_TAKE, ask, subject=ask.execution_id))

    def report(self, said: Report) -> Future[ReportAnswer]:
        return cast(
            "Future[ReportAnswer]", self._bus.request_nowait(topics.RUN_REPORT, said, subject=said.execution_id)
        )

    def tell(self, said: Report) -> Future[None]:
        return self._bus.publish_nowait(topics.RUN_REPORT, said, subject=said.execution_id)

    def held(self, ask: Held) -> Future[HeldAnswer]:
        return cast("Future[HeldAnswer]", self._bus.request_nowait(topics.RUN_HELD, ask, subject=ask.runner))

    def released(self, said: Released) -> Future[None]:
        return self._bus.publish_nowait(topics.RUN_RELEASED, said, subject=said.execution_id)

    def log(self, chunk: LogChunk) -> None:
        self._bus.publish_nowait(topics.LOG_CHUNK, chunk, subject=chunk.execution_id).add_done_callback(_forget)

    def act(self, act: Act, user: str, command_id: str) -> Document:
        caller = Caller(user=user)
        answer = self._bus.request(topics.CATALOG_ACT, act, caller=caller, command_id=command_id, timeout_s=15)
        return cast("Document", answer)


def _forget(done: Future[Any]) -> None:
    """Lines may be lost; asking for the exception keeps it out of the log."""
    done.exception()
