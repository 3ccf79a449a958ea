"""A chain of three Celery tasks: the floor of the engine, without any durable history."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import requests
from celery import Celery, chain

app = Celery("chain", broker=os.environ.get("AMQP_URL", "memory://"), backend="rpc://")
app.conf.update(task_ignore_result=False, worker_prefetch_multiplier=16, worker_enable_remote_control=False)

_session = requests.Session()


@app.task(ignore_result=True)
def nothing() -> None:
    """One of the first two."""


@app.task
def last() -> int:
    """The third, whose result says that the chain has ended."""
    return 1


@app.task(ignore_result=True)
def call(method: str, url: str) -> None:
    """One HTTP call, over a connection that is kept as ours is."""
    _session.request(method, url, timeout=20).raise_for_status()


@app.task
def last_call(method: str, url: str) -> int:
    """The third call."""
    call(method, url)
    return 1


def no_ops() -> Any:
    return chain(nothing.si(), nothing.si(), last.si())


def calls(method: str, url: str) -> Any:
    return chain(call.si(method, url), call.si(method, url), last_call.si(method, url))


class Workers:
    """Two worker processes with one slot each, which is the fastest that Celery has for short tasks."""

    def __init__(self, amqp_url: str) -> None:
        app.conf.broker_url = amqp_url
        command = [sys.executable, "-m", "celery", "-A", "bench.chain", "worker", "--pool", "solo"]
        command += ["--without-gossip", "--without-mingle", "--loglevel", "ERROR"]
        self._running = [
            subprocess.Popen(
                [*command, "--hostname", f"bench{n}@localhost"],
                env={**os.environ, "AMQP_URL": amqp_url},
                start_new_session=True,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            for n in range(2)
        ]
        _wait([no_ops().apply_async() for _ in range(20)])

    def from_full_queue_per_s(self, make: Callable[[], Any], count: int) -> float:
        """Chains ended a second when `count` of them wait from the start."""
        self._signal(signal.SIGSTOP)
        try:
            waiting = [make().apply_async() for _ in range(count)]
        finally:
            started = time.monotonic()
            self._signal(signal.SIGCONT)
        _wait(waiting)
        return count / (time.monotonic() - started)

    def idle_ms(self, make: Callable[[], Any], count: int) -> list[float]:
        """Milliseconds from sending a chain to its end, one chain at a time."""
        times = []
        for _ in range(count):
            started = time.perf_counter()
            _wait([make().apply_async()])
            times.append((time.perf_counter() - started) * 1000)
        return times

    def close(self) -> None:
        for worker in self._running:
            worker.terminate()
        for worker in self._running:
            worker.wait(20)

    def _signal(self, number: int) -> None:
        for worker in self._running:
            os.killpg(worker.pid, number)


def _wait(results: Sequence[Any]) -> None:
    for result in results:
        result.get(timeout=120, disable_sync_subtasks=False)
