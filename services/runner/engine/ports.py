"""What the engine needs of the ledger and of the process around it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Protocol

from services.runner.task_protocol import TaskType
from shared.contracts.catalog import Act, Document
from shared.contracts.runs import (
    Held,
    HeldAnswer,
    LogChunk,
    NestedStarted,
    Released,
    Report,
    ReportAnswer,
    StartNested,
    Take,
    TakeAnswer,
)
from shared.outbound.cancel_scope import CancelScope
from shared.process.secrets import Opener, Sealer

ASK_AGAIN_AFTER_S = 5.0
"""So long a take or a report may wait before its question or its answer may be lost; twice as long the next time."""
ASK_AGAIN_CEILING_S = 15.0
"""Below the lease, even spread: a take whose answer was lost is answered again before it ends."""
ANSWER_WITHIN_S = 300.0
"""So long its answer still counts: a ledger may be that far behind."""


class LedgerPort(Protocol):
    """The way to config. Futures fail when it cannot be reached; then nothing is done outside until it can."""

    def take(self, ask: Take) -> Future[TakeAnswer]:
        """May this runner have that dispatch? Answered within `ANSWER_WITHIN_S`, or never."""

    def report(self, message: Report) -> Future[ReportAnswer]:
        """Report, and hear what the ledger makes of it, within `ANSWER_WITHIN_S` or never."""

    def send_report(self, message: Report) -> Future[None]:
        """Report; done when the broker has it safe."""

    def held(self, ask: Held) -> Future[HeldAnswer]:
        """Sign of life, and the truth about intents."""

    def released(self, message: Released) -> Future[None]:
        """Let go in order."""

    def log(self, chunk: LogChunk) -> None:
        """Send lines; they may be lost."""

    def act(self, act: Act, user: str, command_id: str) -> Document:
        """Ask config for a change on a user's behalf; blocks."""

    def start_nested(self, ask: StartNested, user: str) -> NestedStarted:
        """Start a run within a run on a user's behalf; blocks. Asking again is harmless."""


class Host(Protocol):
    """What a run uses of its holder. All but `post` is called in the holder's own thread."""

    ledger: LedgerPort
    types: dict[str, TaskType]
    sealer: Sealer
    opener: Opener
    runner: str

    def post(self, happened: Callable[[], None]) -> None:
        """Do this in the holder's thread; callable from any."""

    def later(self, delay_s: float, then: Callable[[], None]) -> Callable[[], None]:
        """Do this after a while; answers how to call it off."""

    def work(self, project: str, call: Callable[[CancelScope], Any], then: Callable[[Any], None]) -> None:
        """Do `call` in a worker thread that the project may have, then `then` here with its answer or its exception,
        or with `Withdrawn` where the process ends before."""

    def drop(self, execution_id: str, attempt: int) -> None:
        """The run no longer needs a place."""

    def now(self) -> float:
        """Seconds since the epoch."""

    def monotonic(self) -> float:
        """Seconds that also pass while the process is stopped, and never jump."""
