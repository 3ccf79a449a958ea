"""Config without a broker: messages go in by hand, and what was promised is read back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from services.config.catalog.following.looking import SourceFollowing
from services.config.inbox import Inbox
from services.config.model.people import SYSTEM
from services.config.model.push_events import PushEvent
from services.config.pushes.deliveries import Deliveries
from services.config.pushes.facts import ORDER
from services.config.pushes.polling import Pace, TagPolling
from services.config.resources.executions import Executions
from services.config.runs.batch import RunBatch
from services.config.runs.heartbeats import Leases
from services.config.runs.ledger import Ledger
from services.config.store import Store, deliveries, executions
from services.config.store.executions import Run
from services.config.store.timers import is_set
from services.config.store.unit_of_work import Promised
from shared.contracts.base import Message
from shared.contracts.catalog import Get, Kind
from shared.contracts.history import RunEnded, RunStarted, StageEnded, StageStarted, Status, TaskEnded, TaskStarted
from shared.contracts.pushes import HookReceived, Push
from shared.contracts.runs import Report, RunExecution, Take, TakeAnswer
from shared.contracts.topics import BY_TYPE, Topic
from tests.integration.config.conftest import Clock, Definitions
from tests.integration.config.recorder import Recorder


@dataclass
class World:
    store: Store
    clock: Clock
    definitions: Definitions
    sent: list[Promised] = field(init=False)
    said: list[tuple[Topic, Message, str]] = field(init=False)

    def __post_init__(self) -> None:
        self.receiver = Deliveries(self.definitions)
        self.leases = Leases(lease_s=10.0)
        self.ledger = Ledger(
            self.store,
            self.definitions,
            self.leases,
            pipeline_named=self.definitions.pipeline,
            public_url=lambda _: "https://portside.example.com",
        )
        looks = TagPolling(self.receiver, lambda _: Pace())
        self.inbox = Inbox(self.store, self.ledger, self.receiver, looks, self.definitions.report, SourceFollowing({}))
        self.executions = Executions()
        recorder = Recorder(self.store)
        self.sent, self.said = recorder.promised, recorder.broadcasts

    def hook(self, delivery_id: str = "d1", tag: str | None = "1.4.1", **change: Any) -> PushEvent:
        """A hook comes in; returns its first event."""
        about: dict[str, Any] = {"provider": "dockerhub", "registry_host": "docker.io", "repository": "acme/web"}
        about |= change.pop("push", {})
        hook = HookReceived(
            **{
                "delivery_id": delivery_id,
                "received_at": self.clock(),
                "token_hash": "token",
                "pushes": (Push(tag=tag, pusher="ann", **about),),
                **change,
            }
        )
        with self.store.write() as uow, RunBatch(uow) as movement:
            self.receiver.receive(movement, hook)
        return self.delivery(delivery_id)

    def quiet(self) -> None:
        """The quiet period of what is gathered passes."""
        with self.store.write() as uow:
            self.receiver.on_quiet(uow, "webhook-1/acme/web")

    def ordered(self) -> bool:
        """The time passes in which late pushes are gathered; False where none wait."""
        subject = "webhook-1/acme/web"
        with self.store.write() as uow:
            waits = is_set(uow, ORDER, subject)
            if waits:
                uow.cancel_timer(ORDER, subject)
                self.receiver.on_ordered(uow, subject)
        return waits

    def delivery(self, number: str) -> PushEvent:
        with self.store.read() as uow:
            found = deliveries.find_one(uow, number)
        assert found is not None
        return found

    def run(self, execution_id: str | None) -> Run:
        assert execution_id is not None
        with self.store.read() as uow:
            return executions.load_runs(uow, [execution_id])[execution_id]

    def shown(self, execution_id: str) -> dict[str, Any]:
        """The API's document of a run."""
        with self.store.read() as uow:
            return self.executions.get(uow, SYSTEM, Get(kind=Kind.EXECUTIONS, id=execution_id)).document

    def messages(self, kind: type[Message]) -> list[Any]:
        """What was promised to the broker so far, of one kind."""
        models = [(BY_TYPE[one.type].model, one.body) for one in self.sent]
        return [model.model_validate_json(body) for model, body in models if model is kind]

    def dispatched(self) -> list[str]:
        return [one.execution_id for one in self.messages(RunExecution)]

    def take(self, execution_id: str, runner: str = "r1", dispatch: int = 1, take_id: str = "t1") -> TakeAnswer:
        ask = Take(execution_id=execution_id, dispatch=dispatch, runner=runner, take_id=take_id)
        (answer,) = self.inbox.work([ask])
        assert isinstance(answer, TakeAnswer)
        return answer

    def report(self, execution_id: str, *events: Any, attempt: int = 1, runner: str = "r1", first: int = 1) -> Any:
        numbered = tuple(
            one.model_copy(update={"seq": place, "at": self.clock()}) for place, one in enumerate(events, first)
        )
        (answer,) = self.inbox.work(
            [Report(execution_id=execution_id, attempt=attempt, runner=runner, events=numbered)]
        )
        return answer

    def finish(self, execution_id: str, status: Status = Status.COMPLETED, message: str = "", **more: Any) -> None:
        """Take the run and end it."""
        dispatch = self.run(execution_id).holding.dispatch
        answer = self.take(execution_id, dispatch=dispatch, take_id=f"t{dispatch}")
        assert answer.taken, answer.reason
        ended = RunEnded(seq=0, at=0, status=status, message=message, **more)
        self.report(execution_id, ended, attempt=answer.attempt)


def whole_run() -> list[Any]:
    """The events of a run of the three tasks that ends well."""
    at: dict[str, Any] = {"seq": 0, "at": 0.0}
    done = Status.COMPLETED
    return [
        RunStarted(**at),
        StageStarted(stage="Build", **at),
        TaskStarted(stage="Build", task="Check", **at),
        TaskStarted(stage="Build", task="Scan", **at),
        TaskEnded(stage="Build", task="Check", status=done, **at),
        TaskEnded(stage="Build", task="Scan", status=done, **at),
        StageEnded(stage="Build", status=done, **at),
        StageStarted(stage="Deploy", **at),
        TaskStarted(stage="Deploy", task="Apply", **at),
        TaskEnded(stage="Deploy", task="Apply", status=done, **at),
        StageEnded(stage="Deploy", status=done, **at),
        RunEnded(status=done, **at),
    ]
