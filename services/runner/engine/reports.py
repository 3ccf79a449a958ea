"""Events of one run on their way to the ledger: in order, together, durable before the next effect.

An event is kept until an answer covers it (docs/adr/0001, a holder's duties). Most need no answer, which costs
one message: the broker has them safe, but a queue can be deleted before the ledger reads it. So the request for leave
and the last report are asked, and so is, when nothing was answered for a while, how far the ledger got. Answers come in
the order of reports: what was sent and is not covered by one was lost, and is said again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import islice
from typing import Any, Generic, TypeVar

from shared.contracts.history import Event, TaskStarted
from shared.contracts.runs import Directive, Grant, Report, ReportAnswer
from shared.process.backoff import doubled, spread
from shared.process.logging import get_logger

from .ports import ASK_AGAIN_AFTER_S, ASK_AGAIN_CEILING_S, Host

FLUSH_AFTER_S = 0.05
AGAIN_AFTER_S = 0.5
"""After the broker did not take a report; twice as long each further time in a row."""
AGAIN_CEILING_S = 5.0
UNSURE_FOR_S = 2.0
"""How long events may stay uncovered before the ledger is asked how far it got."""
_MAX_EVENTS = 500
_MAX_BYTES = 4 * 1024 * 1024
"""Of the events in one report: with its envelope it stays well below what a message may have."""

E = TypeVar("E", bound=Event)

log = get_logger()


@dataclass(frozen=True, slots=True)
class Measured(Generic[E]):
    """An event, packed once to learn its size."""

    event: E
    size: int
    """Bytes of it as JSON."""
    excess: str
    """Which bound it breaks; empty when it is within all."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A request for leave, with the `task.started` that leave is given for."""

    started: Measured[TaskStarted]
    repeat: bool
    then: Callable[[ReportAnswer], None]


@dataclass(frozen=True, slots=True)
class _Kept:
    """An event that no answer has covered yet, perhaps with the request for leave that it belongs to."""

    event: Event
    ask: Ask | None
    size: int
    """Bytes of it as JSON."""


@dataclass(slots=True)
class _Question:
    """A report whose answer is waited for. It is asked again after longer and longer waits; the first answer counts,
    to any of its copies, so that a ledger that is behind is not made to fall further behind."""

    message: Report
    events: int
    ask: Ask | None
    copies: int = 0
    unanswered: int = 0
    call_off: Callable[[], None] = lambda: None


class Reporter:
    """One report is under way at a time, so that the ledger sees events in order."""

    def __init__(self, host: Host, execution_id: str, attempt: int, heard: Callable[[ReportAnswer], None]) -> None:
        self._host = host
        self._execution_id = execution_id
        self._attempt = attempt
        self._heard = heard
        self._kept: deque[_Kept] = deque()
        """What no answer has covered yet; of these, the first `_told` were sent."""
        self._told = 0
        self._unsure_since = 0.0
        """When the first of these was sent."""
        self._under_way = False
        self._question: _Question | None = None
        self._failures = 0
        """How often in a row the broker did not take a report."""
        self._flush_due = False
        self._closed = False
        self._when_covered: Callable[[], None] | None = None
        self._when_told: Callable[[], None] | None = None
        self._seq = 0

    def next_seq(self) -> int:
        """The number of the next event; every number is sent, none is given up."""
        self._seq += 1
        return self._seq

    def add(self, measured: Measured[Any]) -> None:
        """Report this soon."""
        self._kept.append(_Kept(measured.event, None, measured.size))
        if not self._flush_due:
            self._flush_due = True
            self._host.later(FLUSH_AFTER_S, self._flush_now)

    def ask(self, ask: Ask) -> None:
        """Ask for leave now; what was added before is durable when the answer comes."""
        self._kept.append(_Kept(ask.started.event, ask, ask.started.size))
        self.flush()

    def flush(self) -> None:
        """Send what waits, unless something is under way; then it follows."""
        if self._under_way or self._closed:
            return
        events, ask = self._next_batch()
        if events:
            self._send(events, ask, answered=ask is not None or self._when_covered is not None)
        elif self._is_unsure():
            self._send([], None, answered=True)
        else:
            self._all_sent()

    def finish(self, then: Callable[[], None]) -> None:
        """Send all, and call `then` when an answer covers it."""
        self._when_covered = then
        self.flush()

    def pass_on(self, then: Callable[[], None]) -> None:
        """Send all, and call `then` when the broker has it: the process ends and cannot wait for answers."""
        self._when_told = then
        if self._question is not None and self._question.ask is None:
            self._take_back(self._question)
        self.flush()

    def close(self) -> None:
        """Send nothing more."""
        self._closed = True

    def _flush_now(self) -> None:
        self._flush_due = False
        self.flush()

    def _all_sent(self) -> None:
        if self._when_told is not None:
            then, self._when_told = self._when_told, None
            then()
        if self._when_covered is not None and not self._kept:
            then, self._when_covered = self._when_covered, None
            then()

    def _is_unsure(self) -> bool:
        """Whether to ask how far the ledger got."""
        if not self._told or self._when_told is not None:
            return False
        return self._when_covered is not None or self._host.monotonic() - self._unsure_since > UNSURE_FOR_S

    def _next_batch(self) -> tuple[list[Event], Ask | None]:
        events: list[Event] = []
        total = 0
        for kept in islice(self._kept, self._told, self._told + _MAX_EVENTS):
            total += kept.size
            if events and total > _MAX_BYTES:
                break
            events.append(kept.event)
            if kept.ask is not None:
                return events, kept.ask
        return events, None

    def _send(self, events: list[Event], ask: Ask | None, *, answered: bool) -> None:
        grant = None
        if ask is not None:
            begun = ask.started.event
            grant = Grant(stage=begun.stage, task=begun.task, try_number=begun.try_number, repeat=ask.repeat)
        message = Report(
            execution_id=self._execution_id,
            attempt=self._attempt,
            runner=self._host.runner,
            events=tuple(events),
            grant=grant,
        )
        if not self._told:
            self._unsure_since = self._host.monotonic()
        self._told += len(events)
        self._under_way = True
        if answered:
            self._question = _Question(message, len(events), ask)
            self._put(self._question)
        else:
            future = self._host.ledger.send_report(message)
            future.add_done_callback(lambda done: self._host.post(lambda: self._sent(done, len(events), ask)))

    def _put(self, question: _Question) -> None:
        """Ask, for the first time or again."""
        if self._closed or self._question is not question:
            return
        question.copies += 1
        question.unanswered += 1
        again_after_s = spread(doubled(ASK_AGAIN_AFTER_S, question.copies, ASK_AGAIN_CEILING_S))
        question.call_off = self._host.later(again_after_s, lambda: self._put(question))
        answer = self._host.ledger.report(question.message)
        answer.add_done_callback(lambda done: self._host.post(lambda: self._answered(done, question)))

    def _answered(self, done: Future[ReportAnswer], question: _Question) -> None:
        if self._question is not question:
            return
        question.unanswered -= 1
        if done.exception() is not None and question.unanswered:
            return
        question.call_off()
        self._question = None
        self._sent(done, question.events, question.ask)

    def _take_back(self, question: _Question) -> None:
        """Wait for no answer: its events are sent without."""
        question.call_off()
        self._question = None
        self._told -= question.events
        self._under_way = False

    def _sent(self, done: Future[Any], count: int, ask: Ask | None) -> None:
        if self._closed:
            return
        if error := done.exception():
            self._failures += 1
            again_s = spread(doubled(AGAIN_AFTER_S, self._failures, AGAIN_CEILING_S))
            log.warning("report.not-delivered", execution=self._execution_id, reason=str(error), again_s=again_s)
            self._told -= count
            self._host.later(again_s, self._go_on)
            return
        self._failures = 0
        self._under_way = False
        answer: ReportAnswer | None = done.result()
        if answer is None:
            self._host.later(UNSURE_FOR_S + FLUSH_AFTER_S, self.flush)
        else:
            self._hear(answer, ask)
        self.flush()

    def _go_on(self) -> None:
        self._under_way = False
        self.flush()

    def _hear(self, answer: ReportAnswer, ask: Ask | None) -> None:
        """Forget what is durable; of the rest, what was sent is sent again."""
        covered = list[_Kept]()
        while self._told and self._kept[0].event.seq <= answer.accepted_seq:
            covered.append(self._kept.popleft())
            self._told -= 1
        if self._told and answer.verdict is not Directive.FENCED:
            log.info("report.lost", execution=self._execution_id, accepted_seq=answer.accepted_seq, again=self._told)
            self._under_way = True
            self._host.later(AGAIN_AFTER_S, self._go_on)
        self._told = 0
        self._heard(answer)
        if ask is not None and covered and covered[-1].ask is ask and not self._closed:
            ask.then(answer)
