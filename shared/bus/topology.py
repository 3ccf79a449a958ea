"""The broker's exchanges, queues and bindings, derived from the table of topics.

Changed arguments mean a new queue name: the broker refuses to declare a queue again with others.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from shared.contracts.topics import MOVED, QUEUES, TOPICS, MessageKind, Mode, Queue, Topic

EVENTS = "portside.events"
COMMANDS = "portside.commands"
DEAD = "portside.dead"
DEAD_QUEUE = "config.dead"

EXCHANGES: dict[str, str] = {EVENTS: "topic", COMMANDS: "direct", DEAD: "fanout"}

LADDER: tuple[tuple[str, float], ...] = (("1s", 1.0), ("10s", 10.0), ("1min", 60.0), ("10min", 600.0))
"""The rungs of the retry ladder: name and seconds."""

DELIVERY_LIMIT = 1_000_000
"""The broker counts what a killed process merely had waiting, so its own limit must never decide."""
RPC_MAX_LENGTH = 10_000
RPC_LONGEST_S = 60
"""Nobody waits longer for an answer. Each request has its own, shorter deadline; this bounds those that lack one."""
NEWS_MAX_LENGTH = 10_000

Arguments = dict[str, Any]


@dataclass(frozen=True, slots=True)
class QueueSpec:
    """One queue as it is declared: durable, never exclusive, never deleted by itself."""

    name: str
    arguments: Arguments
    bindings: tuple[tuple[str, str], ...] = ()
    """(exchange, routing key) pairs."""
    note: str = field(default="", compare=False)


def exchange_of(topic: Topic) -> str:
    """Where a topic is published."""
    return EVENTS if topic.kind is MessageKind.EVENT else COMMANDS


def is_mandatory(topic: Topic) -> bool:
    """Whether a message must reach a queue: so for every topic that has a durable one."""
    return any(queue.mode is not Mode.BROADCAST for queue in topic.queues)


def retry_queue(queue: str, rung: int) -> str:
    """The delay queue of one rung; it returns its messages to that queue alone."""
    return f"{queue}.retry.{LADDER[rung][0]}"


def alone_queue(queue: str) -> str:
    """Where a pool's suspects wait to be handled one at a time; see `crash_counts`."""
    return f"{queue}.alone"


def rung_for(failures: int, after_s: float | None) -> int:
    """Which rung comes next: the first that is long enough for `after_s`, else one up for each failure so far."""
    top = len(LADDER) - 1
    if after_s is None:
        return min(failures, top)
    return next((rung for rung, (_, seconds) in enumerate(LADDER) if seconds >= after_s), top)


def bindings_of(queue: Queue) -> tuple[tuple[str, str], ...]:
    """(exchange, routing key) of every topic that arrives in a queue."""
    return tuple((exchange_of(topic), topic.routing_key) for topic in TOPICS if queue in topic.queues)


def moved_bindings_of(queue: Queue) -> tuple[tuple[str, str], ...]:
    """(exchange, routing key) of every topic that processes of an earlier release bind to a queue."""
    return tuple((exchange_of(topic), topic.routing_key) for topic in MOVED.get(queue, ()))


def _quorum(dead_exchange: str, **more: Any) -> Arguments:
    return {
        "x-queue-type": "quorum",
        "x-delivery-limit": DELIVERY_LIMIT,
        "x-dead-letter-exchange": dead_exchange,
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
    } | more


def _work_queue(queue: Queue) -> QueueSpec:
    arguments = _quorum(DEAD, **{"x-dead-letter-routing-key": queue.name})
    if queue.mode is Mode.SINGLE:
        arguments["x-single-active-consumer"] = True
    if queue.max_bytes is not None:
        arguments["x-max-length-bytes"] = queue.max_bytes
    return QueueSpec(queue.name, arguments, bindings_of(queue), f"{queue.mode}, consumed by {queue.service}")


def _alone_queue(queue: Queue) -> QueueSpec:
    name = alone_queue(queue.name)
    arguments = _quorum(DEAD, **{"x-dead-letter-routing-key": queue.name})
    return QueueSpec(name, arguments, note=f"messages of `{queue.name}` that came back unfinished, one at a time")


def _delay_queues(queue: Queue) -> tuple[QueueSpec, ...]:
    return tuple(
        QueueSpec(
            retry_queue(queue.name, rung),
            _quorum("", **{"x-dead-letter-routing-key": queue.name, "x-message-ttl": int(seconds * 1000)}),
            note=f"waits {name}, then back to `{queue.name}`",
        )
        for rung, (name, seconds) in enumerate(LADDER)
    )


def _rpc_queue(queue: Queue) -> QueueSpec:
    arguments = {
        "x-queue-type": "quorum",
        "x-delivery-limit": DELIVERY_LIMIT,
        "x-message-ttl": RPC_LONGEST_S * 1000,
        "x-max-length": RPC_MAX_LENGTH,
        "x-overflow": "reject-publish",
    }
    return QueueSpec(queue.name, arguments, bindings_of(queue), f"requests to {queue.service}, with a deadline")


def queues() -> tuple[QueueSpec, ...]:
    """All durable queues; each listener makes its own broadcast queue."""
    dead = QueueSpec(
        DEAD_QUEUE,
        {
            "x-queue-type": "quorum",
            "x-delivery-limit": DELIVERY_LIMIT,
            "x-overflow": "reject-publish",
            "x-single-active-consumer": True,
        },
        ((DEAD, ""),),
        "dead letters, consumed into a table by config",
    )
    specs = [dead]
    for queue in QUEUES:
        if queue.mode in (Mode.POOL, Mode.SINGLE):
            specs.append(_work_queue(queue))
        if queue.mode is Mode.POOL:
            specs.append(_alone_queue(queue))
            specs.extend(_delay_queues(queue))
        if queue.mode is Mode.RPC:
            specs.append(_rpc_queue(queue))
    return tuple(specs)


def destinations(exchange: str, routing_key: str) -> tuple[QueueSpec, ...]:
    """The durable queues that a message published like this reaches."""
    if not exchange:
        return tuple(spec for spec in queues() if spec.name == routing_key)
    keys = ("",) if exchange == DEAD else (routing_key,)
    return tuple(spec for spec in queues() if any((exchange, key) in spec.bindings for key in keys))


def has_room(spec: QueueSpec, messages: int, message_bytes: float) -> bool:
    """Whether a queue of this many messages of about this size is clearly below its limits.

    The broker tells how many messages are in a queue and not how large they are, so half of the bytes count as full.
    """
    most, most_bytes = spec.arguments.get("x-max-length"), spec.arguments.get("x-max-length-bytes")
    if most is not None and messages >= most:
        return False
    return most_bytes is None or messages * message_bytes < most_bytes / 2


NEWS_ARGUMENTS: Arguments = {"x-queue-type": "classic", "x-max-length": NEWS_MAX_LENGTH}
"""Of the exclusive queue of each listener: the oldest news are lost first."""
