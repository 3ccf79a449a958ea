"""Topic by topic: which use case answers, and how a database that is away is said to the bus."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from services.config.inbox import Inbox
from shared.bus import Ack, Incoming, Outcome, Server, StopConsuming
from shared.contracts import topics
from shared.contracts.base import Message
from shared.contracts.catalog import Act, Document, Find, SignIn
from shared.contracts.mirror import Wanted, WantedAsk
from shared.contracts.problems import Code, Refused, refuse
from shared.contracts.pushes import Allowlist, AllowlistAsk, HookReceived
from shared.contracts.runs import Held, HeldAnswer
from shared.contracts.topics import Topic

from .accounts.password_checks import PasswordChecks
from .accounts.sign_in import Authenticator
from .pushes.deliveries import Deliveries
from .resources import logs
from .resources.dispatch import ResourceDispatcher
from .resources.nested_runs import NestedRuns
from .runs.batch import RunBatch
from .runs.ledger import Ledger
from .store import READ_LIMIT_S, DatabaseUnavailable, Reading, Store, TooSlow, Work

AGAIN_AFTER_S = 2.0

T = TypeVar("T")


class Answers(Protocol):
    """What other services ask of the catalog."""

    def allowlist(self, uow: Reading, ask: AllowlistAsk) -> Allowlist:
        """All good tokens, or one."""
        ...

    def wanted(self, uow: Reading, ask: WantedAsk) -> Wanted:
        """The hooks that should exist at the registry."""
        ...


@dataclass(frozen=True)
class Handlers:
    """Everything that arrives at config."""

    store: Store
    receiver: Deliveries
    inbox: Inbox
    ledger: Ledger
    desk: ResourceDispatcher
    nested_runs: NestedRuns
    answers: Answers
    sign_ins: Authenticator
    sign_in_pool: Executor
    passwords: PasswordChecks

    def hooks(self, batch: Sequence[Incoming]) -> Sequence[Outcome]:
        """Work on `config.hooks`, and beside it on `config.hooks-bulk`: neither waits for what is in the other."""
        return _or_stop(self._hooks, batch)

    def _hooks(self, batch: Sequence[Incoming]) -> Sequence[Outcome]:
        outcomes: list[Outcome] = []
        with self.store.write(Work.HOOKS) as uow, RunBatch(uow) as movement:
            for incoming in uow.within_turn(batch):
                if isinstance(incoming.message, HookReceived):
                    self.receiver.receive(movement, incoming.message)
                outcomes.append(Ack())
        return outcomes

    def ledger_batch(self, batch: Sequence[Incoming]) -> Sequence[Outcome]:
        """Work on `config.ledger`."""
        return _or_stop(self.inbox.handle_batch, batch)

    def logs(self, batch: Sequence[Incoming]) -> Sequence[Outcome]:
        """Work on `config.logs`."""
        return _or_stop(lambda some: logs.keep_batch(self.store, some), batch)

    def reads(self) -> Mapping[Topic, Server]:
        """What `config.reads` answers: only from the database, so that any config may."""
        table: dict[Topic, Callable[[Any, Incoming], Message]] = {
            topics.ALLOWLIST_ASK: lambda ask, _: self._read(self.answers.allowlist, ask),
            topics.CATALOG_FIND: lambda ask, incoming: self.desk.find(ask, incoming.envelope.caller),
            topics.CATALOG_GET: lambda ask, incoming: self.desk.get(ask, incoming.envelope.caller),
        }
        return {topic: _or_unavailable(handler) for topic, handler in table.items()}

    def password_checks(self) -> Mapping[Topic, Server]:
        """What `config.passwords` answers."""
        table: dict[Topic, Callable[[Any, Incoming], Message]] = {
            topics.CHECK_PASSWORD: lambda ask, _: self.passwords.check(ask),
            topics.HASH_PASSWORD: lambda ask, _: self.passwords.hash(ask),
        }
        return {topic: _or_unavailable(handler) for topic, handler in table.items()}

    def rpc(self) -> Mapping[Topic, Server]:
        """What `config.rpc.v2` answers, and until 0.3 what was asked there before."""
        table: dict[Topic, Callable[[Any, Incoming], Message | Future[Message]]] = {
            topics.MIRROR_WANTED: lambda ask, _: self._read(self.answers.wanted, ask),
            topics.RUN_HELD_V1: lambda ask, _: self._held_v1(ask),
            topics.CATALOG_ACT: self._act,
            topics.START_NESTED: lambda ask, incoming: self.nested_runs.start(ask, incoming.envelope.caller),
            topics.ADMIT_SIGN_IN: lambda ask, _: self.sign_ins.admit(ask),
            topics.SIGN_IN: lambda ask, _: self._sign_in(ask),
        }
        return {**self.reads(), **{topic: _or_unavailable(handler) for topic, handler in table.items()}}

    def _act(self, ask: Act, incoming: Incoming) -> Document:
        envelope = incoming.envelope
        # Nobody but a runner may say that a run belongs to another run.
        if envelope.service == topics.Service.RUNNER and (nested := self.nested_runs.act(ask, envelope.caller)):
            return nested
        return self.desk.act(ask, envelope.caller, envelope.commandid)

    def signs_of_life(self) -> Mapping[Topic, Server]:
        """What `config.signs-of-life.v2` answers; that they have come is said to `heard` before."""
        return {topics.RUN_HELD: _or_unavailable(lambda ask, _: self.ledger.held(ask))}

    def heard(self, incoming: Incoming) -> None:
        """A runner lives. On the I/O thread."""
        if isinstance(incoming.message, Held):
            self.ledger.heard(incoming.message)

    def _held_v1(self, ask: Held) -> HeldAnswer:
        self.ledger.heard(ask)
        return self.ledger.held(ask)

    def _sign_in(self, ask: SignIn) -> Message | Future[Message]:
        """A password waits for its check elsewhere: it must not hold a thread that answers others."""
        attempt = self.sign_ins.begin(ask)
        if not attempt.is_slow:
            return self.sign_ins.finish(attempt)
        return self.sign_in_pool.submit(lambda: _translated(ask, lambda: self.sign_ins.finish(attempt)))

    def _read(self, question: Callable[[Reading, Any], T], ask: Any) -> T:
        with self.store.read() as uow:
            return question(uow, ask)


def _or_stop(work: Callable[[Sequence[Incoming]], Sequence[Outcome]], batch: Sequence[Incoming]) -> Sequence[Outcome]:
    try:
        return work(batch)
    except DatabaseUnavailable as error:
        raise StopConsuming(str(error), AGAIN_AFTER_S) from error


def too_slow(ask: Message) -> Refused:
    """What timed out, and how to ask for less."""
    find = ask if isinstance(ask, Find) else None
    subject = f"The list of {find.kind.value}" if find else "The answer"
    narrower = [
        "filter by fewer fields, or by whole values (eq) in place of parts of texts" if find and find.filter else "",
        "sort as it is sorted by itself" if find and find.orderby else "",
        f"skip less than {find.skip} rows and filter by time instead" if find and find.skip else "",
    ]
    ways = [way for way in narrower if way] or ["add a filter, such as a project or a time"]
    return refuse(
        Code.TIMEOUT,
        f"{subject} timed out after {READ_LIMIT_S:g} s",
        next_step=f"Ask for less: {'; '.join(ways)}.",
    )


def _or_unavailable(handler: Callable[[Any, Incoming], T]) -> Callable[[Incoming], T]:
    return lambda incoming: _translated(incoming.message, lambda: handler(incoming.message, incoming))


def _translated(ask: Message, answer: Callable[[], T]) -> T:
    try:
        return answer()
    except TooSlow as error:
        raise too_slow(ask) from error
    except DatabaseUnavailable as error:
        raise refuse(
            Code.UNAVAILABLE,
            f"The database cannot be used now: {error}",
            next_step="Try again in a moment; if it stays so, look at the database and its disk.",
        ) from error
