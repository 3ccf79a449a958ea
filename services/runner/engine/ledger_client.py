"""The ledger's port over the bus."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import Any, TypeVar, cast

from shared.bus import Bus
from shared.contracts import topics
from shared.contracts.catalog import Act, Document
from shared.contracts.earlier import nested_answer, nested_as_act
from shared.contracts.envelope import Caller
from shared.contracts.problems import Code, Refused
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
from shared.process.clock import monotonic

from .ports import ANSWER_WITHIN_S, ASK_AGAIN_AFTER_S

T = TypeVar("T")


ASK_BOTH_AFTER_S = 3.0
_COMMAND_S = 15.0


class BusLedger:
    """Every call is a message; futures resolve on the answer or on the broker's confirm."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._heard_at = float("-inf")
        """When a sign of life was answered last, in monotonic seconds."""

    def take(self, ask: Take) -> Future[TakeAnswer]:
        answer = self._bus.request_nowait(
            topics.RUN_TAKE,
            ask,
            subject=ask.execution_id,
            timeout_s=ANSWER_WITHIN_S,
            doubt_after_s=ASK_AGAIN_AFTER_S,
        )
        return cast("Future[TakeAnswer]", answer)

    def report(self, message: Report) -> Future[ReportAnswer]:
        answer = self._bus.request_nowait(
            topics.RUN_REPORT,
            message,
            subject=message.execution_id,
            timeout_s=ANSWER_WITHIN_S,
            doubt_after_s=ASK_AGAIN_AFTER_S,
        )
        return cast("Future[ReportAnswer]", answer)

    def send_report(self, message: Report) -> Future[None]:
        return self._bus.publish_nowait(topics.RUN_REPORT, message, subject=message.execution_id)

    def held(self, ask: Held) -> Future[HeldAnswer]:
        """A config of 0.1 listens to the older question alone: it is asked too while the newer stays unanswered."""
        answer = self._ask_held(topics.RUN_HELD, ask)
        answer.add_done_callback(self._note_answer)
        if self._is_current:
            return answer
        return _first(answer, self._ask_held(topics.RUN_HELD_V1, ask))

    @property
    def _is_current(self) -> bool:
        """Whether config has just answered a question that 0.1 does not know."""
        return monotonic() - self._heard_at < ASK_BOTH_AFTER_S

    def _ask_held(self, topic: topics.Topic, ask: Held) -> Future[HeldAnswer]:
        return cast("Future[HeldAnswer]", self._bus.request_nowait(topic, ask, subject=ask.runner))

    def _note_answer(self, done: Future[Any]) -> None:
        if done.exception() is None:
            self._heard_at = monotonic()

    def released(self, message: Released) -> Future[None]:
        return self._bus.publish_nowait(topics.RUN_RELEASED, message, subject=message.execution_id)

    def log(self, chunk: LogChunk) -> None:
        self._bus.publish_nowait(topics.LOG_CHUNK, chunk, subject=chunk.execution_id).add_done_callback(_forget)

    def act(self, act: Act, user: str, command_id: str) -> Document:
        caller = Caller(user=user)
        answer = self._bus.request(topics.CATALOG_ACT, act, caller=caller, command_id=command_id, timeout_s=_COMMAND_S)
        return cast("Document", answer)

    def start_nested(self, ask: StartNested, user: str) -> NestedStarted:
        """While config may be 0.1 it is asked in both forms: the id of the nested run makes them one run."""
        caller = Caller(user=user)
        newer = self._bus.request_nowait(
            topics.START_NESTED, ask, subject=ask.parent, caller=caller, timeout_s=_COMMAND_S
        )
        newer.add_done_callback(self._note_answer)
        if self._is_current:
            return cast("NestedStarted", newer.result())
        act, command_id = nested_as_act(ask), f"nested-{ask.execution_id}"
        older = self._bus.request_nowait(
            topics.CATALOG_ACT, act, caller=caller, command_id=command_id, timeout_s=_COMMAND_S
        )
        answer = _first(newer, older).result()
        return nested_answer(answer) if isinstance(answer, Document) else cast("NestedStarted", answer)


def _forget(done: Future[Any]) -> None:
    """Lines may be lost; asking for the exception keeps it out of the log."""
    done.exception()


def _first(newer: Future[T], older: Future[T]) -> Future[T]:
    """The first answer of two, of which a refusal is one; fails when both did."""
    either: Future[T] = Future()
    lock, failed = threading.Lock(), list[BaseException]()

    def settle(done: Future[T]) -> None:
        with lock:
            if either.done():
                return
            error = done.exception()
            if error is None:
                either.set_result(done.result())
                return
            failed.append(error)
            if len(failed) == 2 or _is_refusal(error):
                either.set_exception(error)

    newer.add_done_callback(settle)
    older.add_done_callback(settle)
    return either


def _is_refusal(error: BaseException) -> bool:
    """Whether config has refused what was asked, and not only the form of it."""
    return isinstance(error, Refused) and error.problem.code is not Code.UNSUPPORTED
