"""What the bus counts, named by OpenTelemetry's conventions for messaging.

`messaging_destination_name` is the topic of what is sent and the queue of what is received: both are rows of a table.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

from prometheus_client import Counter, Histogram

from shared.process.metrics import FAST_S, Stopwatch
from shared.process.tracing import Handling

SYSTEM = "rabbitmq"
_LABELS = ["messaging_system", "messaging_destination_name", "messaging_operation_name", "error_type"]

SENT = Counter(
    "messaging_client_sent_messages",
    "Messages sent: published (the broker confirmed or refused it), broadcast or requested.",
    _LABELS,
)
OPERATION = Histogram(
    "messaging_client_operation_duration_seconds",
    "From sending to the broker's confirm, or to the answer of a request.",
    _LABELS,
    buckets=FAST_S,
)
CONSUMED = Counter("messaging_client_consumed_messages", "Messages that were handled.", _LABELS)
PROCESS = Histogram(
    "messaging_process_duration_seconds",
    "Handling a message, or a batch of them, to its outcome.",
    _LABELS,
    buckets=FAST_S,
)
BATCH = Histogram(
    "portside_batch_size",
    "Messages handled in one transaction.",
    ["queue"],
    buckets=(1, 2, 5, 10, 20, 50, 100, 200),
)


def sent(topic_name: str, operation: str) -> None:
    """A message left without anybody waiting for what becomes of it."""
    SENT.labels(SYSTEM, topic_name, operation, "").inc()


def watch(future: Future[Any], topic_name: str, operation: str) -> None:
    """Count a message, and the time until its future ends."""
    began = Stopwatch()

    def ended(done: Future[Any]) -> None:
        error = None if done.cancelled() else done.exception()
        labels = (SYSTEM, topic_name, operation, "" if error is None else type(error).__name__)
        SENT.labels(*labels).inc()
        OPERATION.labels(*labels).observe(began.seconds)

    future.add_done_callback(ended)


def watch_handling(answer: Future[Any], queue_name: str, began: Stopwatch) -> None:
    """Count a request, and the time until its answer is there."""

    def ended(done: Future[Any]) -> None:
        error = None if done.cancelled() else done.exception()
        _handled(queue_name, began, 1, error)

    answer.add_done_callback(ended)


@contextmanager
def processing(queue_name: str, messages: int = 1) -> Iterator[Handling]:
    """Count and time what a handler does with messages of a queue."""
    began, failure, handling = Stopwatch(), None, Handling(messages)
    try:
        yield handling
    except Exception as error:
        failure = error
        raise
    finally:
        _handled(queue_name, began, handling.messages, failure)


def _handled(queue_name: str, began: Stopwatch, messages: int, error: BaseException | None) -> None:
    labels = (SYSTEM, queue_name, "process", "" if error is None else type(error).__name__)
    CONSUMED.labels(*labels).inc(messages)
    PROCESS.labels(*labels).observe(began.seconds)
