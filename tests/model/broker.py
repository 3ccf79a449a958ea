"""A broker that delivers at least once: in order within a queue, but repeats, delays and loses what it likes."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from shared.contracts.runs import Held, HeldAnswer, Released, Report, ReportAnswer, RunExecution, Take, TakeAnswer

Said = Take | Report | Released


@dataclass(frozen=True)
class Address:
    """Where an answer goes: to one life of one runner, for one question."""

    runner: str
    life: int
    question: int


@dataclass(frozen=True)
class Letter:
    """Something on the ledger's queue; without an address nobody waits for an answer."""

    said: Said
    answer_to: Address | None = None


@dataclass(frozen=True)
class Reply:
    """An answer on its way to a runner."""

    to: Address
    answer: TakeAnswer | ReportAnswer | HeldAnswer


@dataclass
class Broker:
    """Queues and what travels between them."""

    runs: deque[RunExecution] = field(default_factory=deque)
    unacked: dict[str, list[RunExecution]] = field(default_factory=dict)
    ledger: deque[Letter] = field(default_factory=deque)
    queries: deque[tuple[Address, Held]] = field(default_factory=deque)
    """Signs of life that the ledger's process has not got yet."""
    arrived: deque[tuple[Address, Held]] = field(default_factory=deque)
    """Those that it has got and not answered."""
    replies: list[Reply] = field(default_factory=list)
    copies: deque[Letter] = field(default_factory=lambda: deque(maxlen=24))
    """Messages that their publisher may yet send again, because it never saw the confirm."""

    def publish(self, letter: Letter) -> None:
        """On the ledger's queue."""
        self.ledger.append(letter)
        self.copies.append(letter)

    def receive(self, runner: str) -> RunExecution:
        """The next run message, unacknowledged."""
        message = self.runs.popleft()
        self.unacked.setdefault(runner, []).append(message)
        return message

    def ack(self, runner: str, message: RunExecution) -> None:
        """The acknowledgement of a connection that has been lost meanwhile is nothing."""
        if message in self.unacked.get(runner, []):
            self.unacked[runner].remove(message)

    def connection_lost(self, runner: str) -> None:
        """What the runner had not acknowledged returns to the head of the queue."""
        self.runs.extendleft(reversed(self.unacked.pop(runner, [])))

    def purge(self) -> None:
        """Queues deleted, disk lost: nothing is left but what processes remember."""
        for queue in (self.runs, self.ledger, self.queries, self.arrived, self.replies, self.unacked):
            queue.clear()
