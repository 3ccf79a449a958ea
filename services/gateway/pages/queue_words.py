"""Queues in an operator's words: what waits in each, and from when on that is a trouble. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shared.bus import BrokerState, QueueState

SLOW_AFTER_S = 60.0
"""How old the oldest message may be before somebody should look."""
REQUEST_SLOW_AFTER_S = 10.0
"""The same where somebody waits for the answer."""


@dataclass(frozen=True, slots=True)
class QueueWords:
    """`waiting` is what its messages are; `page` shows what becomes of them."""

    waiting: str
    slow_after_s: float = SLOW_AFTER_S
    page: str = ""


WORDS: dict[str, QueueWords] = {
    "config.hooks": QueueWords("Pushes waiting to be judged", page="/activity"),
    "config.hooks-bulk": QueueWords("Pushes of a burst waiting to be judged", 600.0, "/activity"),
    "runner.runs": QueueWords("Runs waiting for a runner", page="/executions"),
    "config.ledger": QueueWords("Reports of runners and registries waiting to be recorded", page="/executions"),
    "config.logs": QueueWords("Log lines waiting to be stored", page="/executions"),
    "config.signs-of-life.v2": QueueWords("Signs of life of runs", REQUEST_SLOW_AFTER_S),
    "runner.requests": QueueWords("Tags and sources waiting to be looked up", page="/activity"),
    "hubsync.looks": QueueWords("Docker Hub repositories waiting to be polled", page="/webhooks"),
    "hubsync.mirror": QueueWords("Webhooks waiting to be registered", page="/webhooks"),
    "runner.notices": QueueWords("Notifications waiting to be sent"),
    "config.reads": QueueWords("Pages and lists waiting for an answer", REQUEST_SLOW_AFTER_S),
    "config.rpc.v2": QueueWords("Changes and sign-ins waiting for an answer", REQUEST_SLOW_AFTER_S),
    "config.passwords": QueueWords("Passwords waiting to be checked", REQUEST_SLOW_AFTER_S),
    "runner.rpc.v2": QueueWords("Checks of endpoints waiting for an answer", REQUEST_SLOW_AFTER_S, "/endpoints"),
    "hubsync.rpc.v2": QueueWords("Questions to Docker Hub waiting for an answer", REQUEST_SLOW_AFTER_S, "/webhooks"),
    "config.dead": QueueWords("Messages that nobody could take, waiting to be listed below", page="/queues#dead"),
}
"""By name, in the order of a push's way; what is tried again later keeps its note."""


@dataclass(frozen=True, slots=True)
class QueueRow:
    """A queue with its words and, where it needs somebody, its trouble."""

    state: QueueState
    words: QueueWords
    trouble: str = ""


def rows(broker: BrokerState) -> list[QueueRow]:
    """The queues that work passes, in the order of a push's way."""
    by_name = {queue.name: queue for queue in broker.queues if queue.work}
    names = [*(name for name in WORDS if name in by_name), *(name for name in by_name if name not in WORDS)]
    return [_row(by_name[name]) for name in names]


def lasting(looks: Sequence[BrokerState]) -> list[QueueRow]:
    """Those of the newest look that were in trouble at each of them, such as the last two."""
    troubled = [{row.state.name for row in rows(look) if row.trouble} for look in looks]
    names = set.intersection(*troubled) if troubled else set()
    return [row for row in rows(looks[-1]) if row.state.name in names] if names else []


def _row(queue: QueueState) -> QueueRow:
    words = WORDS.get(queue.name) or QueueWords(queue.note)
    return QueueRow(queue, words, _trouble(queue, words))


def _trouble(queue: QueueState, words: QueueWords) -> str:
    service = queue.name.partition(".")[0]
    if queue.consumers == 0:
        return f"Nobody takes these. Start {service}, or see Health for why it does not connect."
    if queue.ready and queue.oldest_s is not None and queue.oldest_s > words.slow_after_s:
        return f"The oldest waits longer than {words.slow_after_s:.0f} s. See Health, and {service}'s log."
    return ""
