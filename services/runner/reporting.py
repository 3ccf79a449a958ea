"""Events of one run on their way to the ledger: in order, together, durable before the next effect."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from shared.contracts.history import Event, TaskStarted
from shared.contracts.runs import Grant, Report, ReportAnswer
from shared.process.logging import get_logger

from .ports import Host

FLUSH_AFTER_S = 0.05
AGAIN_AFTER_S = 0.5
_MAX_EVENTS = 500

log = get_logger()


@dataclass(frozen=True, slots=True)
class Ask:
    """A request for leave, with the `task.started` that leave is given for."""

    started: TaskStarted
    repeat: bool
    then: Callable[[ReportAnswer], None]


class Reporter:
    """One report is under way at a time, so that the ledger sees events in order; what fails is said again as is."""

    def __init__(self, host: Host, execution_id: str, attempt: int, heard: Callable[[ReportAnswer], None]) -> None:
        self._host = host
        self._execution_id = execution_id
        self._attempt = attempt
        self._heard = heard
        self._waiting: deque[Event | Ask] = deque()
        self._under_way = False
        self._flush_due = False
        self._closed = False
        self._when_empty: Callable[[], None] | None = None
        self._seq = 0

    def next_seq(self) -> int:
        """The number of the next event; every number is sent, none is given up."""
        self._seq += 1
        return self._seq

    def add(self, event: Event) -> None:
        """Report this soon."""
        self._waiting.append(event)
        if not self._flush_due:
            self._flush_due = True
            self._host.later(FLUSH_AFTER_S, self._flush_now)

    def ask(self, ask: Ask) -> None:
        """Ask for leave now; what was added before is durable when the answer comes."""
        self._waiting.append(ask)
        self.flush()

    def flush(self) -> None:
        """Send what waits, unless something is under way; then it follows."""
        if self._under_way or self._closed:
            return
        if not self._waiting:
            if self._when_empty is not None:
                then, self._when_empty = self._when_empty, None
                then()
            return
        events, ask = self._next_batch()
        self._under_way = True
        self._send(events, ask)

    def finish(self, then: Callable[[], None]) -> None:
        """Send all, then call `then`."""
        self._when_empty = then
        self.flush()

    def close(self) -> None:
        """Say nothing any more."""
        self._closed = True

    def _flush_now(self) -> None:
        self._flush_due = False
        self.flush()

    def _next_batch(self) -> tuple[list[Event], Ask | None]:
        events: list[Event] = []
        while self._waiting and len(events) < _MAX_EVENTS:
            one = self._waiting.popleft()
            if isinstance(one, Ask):
                events.append(one.started)
                return events, one
            events.append(one)
        return events, None

    def _send(self, events: list[Event], ask: Ask | None) -> None:
        grant = None
        if ask is not None:
            begun = ask.started
            grant = Grant(stage=begun.stage, task=begun.task, try_number=begun.try_number, repeat=ask.repeat)
        said = Report(
            execution_id=self._execution_id,
            attempt=self._attempt,
            runner=self._host.runner,
            events=tuple(events),
            grant=grant,
        )
        ledger = self._host.ledger
        future: Future[Any] = ledger.tell(said) if ask is None else ledger.report(said)
        future.add_done_callback(lambda done: self._host.post(lambda: self._sent(done, events, ask)))

    def _sent(self, done: Future[Any], events: list[Event], ask: Ask | None) -> None:
        if self._closed:
            return
        error = done.exception()
        if error is not None:
            log.warning("report not delivered", execution=self._execution_id, reason=str(error), again_s=AGAIN_AFTER_S)
            self._host.later(AGAIN_AFTER_S, lambda: None if self._closed else self._send(events, ask))
            return
        self._under_way = False
        answer = done.result()
        if ask is not None:
            self._heard(answer)
            if not self._closed:
                ask.then(answer)
        self.flush()
