"""A process that one message kills: `victim.py <broker> <queue>` prints a line for each batch, and ends when idle."""

from __future__ import annotations

import os
import queue
import sys
from collections.abc import Sequence

from shared.bus import Ack, Bus, Incoming, Outcome
from shared.contracts import topics
from shared.contracts.topics import Service
from shared.process.logging import configure

IDLE_S = 2.5
FIRST_WITHIN_S = 6.0

handled: queue.SimpleQueue[str] = queue.SimpleQueue()


def handle(incoming: Incoming) -> Outcome:
    return handle_batch([incoming])[0]


def handle_batch(batch: Sequence[Incoming]) -> Sequence[Outcome]:
    subjects = [incoming.envelope.subject for incoming in batch]
    if "killer" in subjects:
        os._exit(9)
    print(*subjects, flush=True)
    handled.put(subjects[0])
    return [Ack() for _ in batch]


def main(url: str, queue_name: str) -> None:
    configure("victim")
    service = Service(queue_name.partition(".")[0])
    with Bus(url, service=service, instance="victim") as bus:
        if queue_name == topics.RUNS.name:
            bus.consume_pool(topics.RUNS, {topics.RUN_EXECUTION: handle}, threads=1, prefetch=10)
        else:
            bus.consume_single(topics.LEDGER, handle_batch)
        wait_s = FIRST_WITHIN_S
        while True:
            try:
                handled.get(timeout=wait_s)
            except queue.Empty:
                return
            wait_s = IDLE_S


if __name__ == "__main__":
    main(*sys.argv[1:])
