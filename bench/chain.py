"""Three no-op tasks in a Celery chain: the floor of the engine, without any durable history."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence

from celery import Celery, chain

app = Celery("chain", broker=os.environ.get("AMQP_URL", "memory://"), backend="rpc://")
app.conf.update(task_ignore_result=False, worker_prefetch_multiplier=16, worker_enable_remote_control=False)


@app.task(ignore_result=True)
def nothing(_: object = None) -> None:
    """One of the first two."""


@app.task
def last(_: object = None) -> int:
    """The third, whose result says that the chain has ended."""
    return 1


def start(amqp_url: str) -> list[subprocess.Popen[bytes]]:
    """Two worker processes with one slot each."""
    command = [sys.executable, "-m", "celery", "-A", "bench.chain", "worker", "--pool", "solo", "--loglevel", "ERROR"]
    environment = {**os.environ, "AMQP_URL": amqp_url}
    return [
        subprocess.Popen([*command, "--hostname", f"bench{n}@localhost"], env=environment, start_new_session=True)
        for n in range(2)
    ]


def _one() -> chain:
    return chain(nothing.si(), nothing.si(), last.si())


def chains_per_s(count: int) -> float:
    """Send `count` chains at once and wait for the end of all."""
    started = time.monotonic()
    results = [_one().apply_async() for _ in range(count)]
    for result in results:
        result.get(timeout=120, disable_sync_subtasks=False)
    return count / (time.monotonic() - started)


def stop(workers: Sequence[subprocess.Popen[bytes]]) -> None:
    for worker in workers:
        worker.terminate()
    for worker in workers:
        worker.wait(20)
