"""The relay sends what was promised, and timers fire once, on every database."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass, field

from services.config.runtime.outbox import Relay
from services.config.runtime.timers import Timers
from services.config.store import Store
from shared.bus import NotConfirmed
from shared.contracts.base import Message
from shared.contracts.runs import RunExecution
from shared.contracts.topics import RUN_EXECUTION, Topic
from tests.integration.config.conftest import Clock, count
from tests.support.patience import until


@dataclass
class Sender:
    """A broker that confirms what it is told to."""

    refused: set[str] = field(default_factory=set)
    sent: list[str] = field(default_factory=list)
    ids: list[str | None] = field(default_factory=list)

    def publish_nowait(
        self,
        topic: Topic,
        message: Message,
        *,
        subject: str,
        correlation_id: str | None = None,
        message_id: str | None = None,
    ) -> Future[None]:
        future: Future[None] = Future()
        assert isinstance(message, RunExecution)
        if subject in self.refused:
            future.set_exception(NotConfirmed("not now"))
        else:
            self.sent.append(f"{subject}{message.dispatch}")
            self.ids.append(message_id)
            future.set_result(None)
        return future


def promise(store: Store, *pairs: tuple[str, int]) -> None:
    with store.write() as uow:
        for subject, dispatch in pairs:
            uow.outbox(RUN_EXECUTION, RunExecution(execution_id=subject, dispatch=dispatch), subject)


def test_the_relay_sends_what_was_left_and_what_is_promised_then_removes_it(store: Store) -> None:
    promise(store, ("a", 1), ("b", 1))
    sender = Sender()
    relay = Relay(store, sender)
    relay.open()
    promise(store, ("a", 2))
    until(lambda: count(store, "outbox") == 0)
    relay.close()
    assert sorted(sender.sent) == ["a1", "a2", "b1"]
    assert len(set(sender.ids)) == 3


def test_a_stuck_message_holds_up_only_its_own_subject(store: Store) -> None:
    sender = Sender(refused={"a"})
    relay = Relay(store, sender)
    relay.open()
    promise(store, ("a", 1), ("a", 2), ("b", 1), ("b", 2))
    until(lambda: sender.sent == ["b1", "b2"])
    sender.refused.clear()
    until(lambda: sender.sent == ["b1", "b2", "a1", "a2"])
    until(lambda: count(store, "outbox") == 0)
    relay.close()


def test_timers_fire_once_when_due_and_a_failing_one_holds_up_no_other(store: Store, clock: Clock) -> None:
    fired: list[str] = []

    def fail(_uow: object, subject: str) -> None:
        fired.append(f"failed {subject}")
        raise ValueError(subject)

    timers = Timers(store, {"good": lambda _uow, subject: fired.append(subject), "bad": fail})
    with store.write() as uow:
        uow.timer("bad", "x", clock.at + 1)
        uow.timer("good", "a", clock.at + 2)
        uow.timer("good", "a", clock.at + 3)
        uow.timer("good", "later", clock.at + 100)
    timers.fire()
    assert fired == []
    clock.advance(5)
    timers.fire()
    assert fired == ["failed x", "a"]
    timers.fire()
    assert fired == ["failed x", "a"]
    assert count(store, "timers") == 2
