"""What arrives, and what becomes of it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from time import sleep
from typing import TypeVar, cast

from shared.bus import Ack, Incoming, NotAsked, NotConfirmed, Outcome, RequestTimeout, Retry, Unavailable
from shared.contracts.base import Message
from shared.contracts.catalog import Inspect, Inspected, ValidateAsk, Validated
from shared.contracts.notices import Notice, NoticeTried
from shared.contracts.problems import Refused
from shared.contracts.runs import IntentChanged, RunExecution, Take, TakeAnswer
from shared.process.backoff import doubled, spread
from shared.process.clock import monotonic
from shared.process.ids import new_id
from shared.process.logging import get_logger

from .engine.executor import Holder
from .engine.ports import ANSWER_WITHIN_S, ASK_AGAIN_AFTER_S, ASK_AGAIN_CEILING_S, LedgerPort

WAIT_FOR_PLACE_S = 2.0
FULL_AGAIN_S = 1.0
LOST_TAKE_AGAIN_S = 0.5
"""After a connection was lost with the answer: the lease may have begun, and the next connection is soon there."""
STOPPING_SEEN_AFTER_S = 0.5

log = get_logger()

Q = TypeVar("Q", bound=Message)
A = TypeVar("A", bound=Message)


def take_run(holder: Holder, ledger: LedgerPort) -> Callable[[Incoming], Outcome]:
    """A run wants a runner: take it, hold it, and acknowledge as soon as the take's answer is there."""

    def handle(incoming: Incoming) -> Outcome:
        dispatched = cast("RunExecution", incoming.message)
        if not holder.reserve(WAIT_FOR_PLACE_S):
            # Back to the queue, where a runner with a free place may be waiting.
            return Retry(FULL_AGAIN_S, "no free place")
        kept = False
        try:
            # The message's own id: brought again after a lost acknowledgement, it is the same take.
            ask = Take(
                execution_id=dispatched.execution_id,
                dispatch=dispatched.dispatch,
                runner=holder.runner,
                take_id=incoming.envelope.id or new_id(),
            )
            answer = _answer_of_take(holder, ledger, ask)
            if answer.taken:
                holder.hold(answer)
                kept = True
            else:
                log.info("run.not-taken", execution=dispatched.execution_id, reason=answer.reason)
            return Ack()
        except (RequestTimeout, Unavailable, NotConfirmed) as error:
            return Retry(FULL_AGAIN_S, f"config did not answer the take: {error}")
        except Refused as error:
            return Retry(None, f"config refused the take: {error.problem.message}")
        finally:
            if not kept:
                holder.give_back()

    return handle


def _answer_of_take(holder: Holder, ledger: LedgerPort, ask: Take) -> TakeAnswer:
    """Wait for as long as the ledger may still record the take, and ask again meanwhile, in case an answer was lost.

    A ledger that is behind, or whose answer was lost with a connection, gives the run to this runner all the same. If
    nobody waited for its answer by then, nobody would hold the run, and the end of its lease would count as a death.
    """
    waiting: set[Future[TakeAnswer]] = set()
    may_be_recorded, times = False, 0
    again_at, give_up_at = float("-inf"), monotonic() + ANSWER_WITHIN_S
    while not holder.stopping and (at := monotonic()) < give_up_at:
        if at >= again_at:
            waiting.add(ledger.take(ask))
            times += 1
            again_at = at + spread(doubled(ASK_AGAIN_AFTER_S, times, ASK_AGAIN_CEILING_S))
        done, waiting = _next_answers(waiting, min(STOPPING_SEEN_AFTER_S, again_at - at))
        if answered := [answer for answer in done if not _is_lost(answer)]:
            return min(answered, key=lambda answer: answer.exception() is not None).result()
        for lost in done:
            may_be_recorded |= not isinstance(lost.exception(), NotAsked)
            if not (may_be_recorded or waiting):
                return lost.result()
            times, again_at = 0, min(again_at, monotonic() + LOST_TAKE_AGAIN_S)
    raise RequestTimeout("the runner stops" if holder.stopping else f"no answer within {ANSWER_WITHIN_S:g} s")


def _next_answers(
    waiting: set[Future[TakeAnswer]], timeout_s: float
) -> tuple[set[Future[TakeAnswer]], set[Future[TakeAnswer]]]:
    """Which of them have come within the time, and which have not."""
    if not waiting:
        sleep(timeout_s)
    done, still_waiting = wait(waiting, timeout_s, FIRST_COMPLETED)
    return done, still_waiting


def _is_lost(answer: Future[TakeAnswer]) -> bool:
    """Whether the question, or the answer to it, was lost with a connection."""
    return isinstance(answer.exception(), Unavailable)


def hear_intent(holder: Holder) -> Callable[[Incoming], None]:
    """Somebody wants something of a run: ask at once instead of within a second."""

    def handle(incoming: Incoming) -> None:
        holder.look_now(cast("IntentChanged", incoming.message).execution_id)

    return handle


def answer(ask: Callable[[Q], A], publish: Callable[[A, str], None]) -> Callable[[Incoming], Outcome]:
    """A question about a registry: its answer is confirmed before the question is acknowledged."""

    def handle(incoming: Incoming) -> Outcome:
        try:
            publish(ask(cast("Q", incoming.message)), incoming.envelope.id)
        except NotConfirmed as error:
            return Retry(1.0, str(error))
        return Ack()

    return handle


def send_notice(
    tell: Callable[[Notice, int], NoticeTried], publish: Callable[[NoticeTried, str], None]
) -> Callable[[Incoming], Outcome]:
    """Send a notice: each try is reported before the notice is put away or goes round the ladder."""

    def handle(incoming: Incoming) -> Outcome:
        notice = cast("Notice", incoming.message)
        tried = tell(notice, incoming.failures + 1)
        try:
            publish(tried, incoming.envelope.id)
        except NotConfirmed as error:
            return Retry(1.0, str(error))
        return Ack() if tried.final else Retry(None, tried.message)

    return handle


def validate(answer: Callable[[ValidateAsk], Validated]) -> Callable[[Incoming], Message]:
    """Try an endpoint for real."""
    return lambda incoming: answer(cast("ValidateAsk", incoming.message))


def inspect_outside(answer: Callable[[Inspect], Inspected]) -> Callable[[Incoming], Message]:
    """Look at something outside for a page."""
    return lambda incoming: answer(cast("Inspect", incoming.message))
