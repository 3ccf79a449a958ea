"""From a hook to the first task, and runs a second: beside bare hops and beside Celery."""

from __future__ import annotations

import time
from typing import Any

from bench import chain, floors, load
from bench.measure import PAIRS, Goal, Row, at_least, at_most, pairs, percentile, row
from bench.stage import Stage
from bench.watch import Watch, waiting_in
from services.runner.service import TAKERS
from tests.support.world import wait_for

Json = dict[str, Any]
IDLE_PUSHES = 20
FULL_QUEUE = 400
CALLS = 150
DRAINED = 500


def first_task(stage: Stage) -> list[Row]:
    """Hook to first task start, and to the end of the run, on an idle system."""
    hops, poster = floors.FourHops(stage.amqp_url), load.Poster(stage.no_ops)
    starts: list[list[float]] = []
    ends: list[list[float]] = []
    bare: list[list[float]] = []
    chains: list[list[float]] = []
    try:
        for turn in range(PAIRS):
            start, end = _idle_pushes(stage, poster, turn)
            starts.append(start)
            ends.append(end)
            bare.append(hops.times_ms(IDLE_PUSHES * 5))
            chains.append(stage.celery.idle_ms(chain.no_ops, IDLE_PUSHES))
    finally:
        hops.close()
        poster.close()
    rows = [
        row(
            f"hook to first task start, p{share * 100:.0f}, beside four bare hops",
            "ms",
            at_most(bound),
            [percentile(times, share) for times in starts],
            [percentile(times, share) for times in bare],
        )
        for share, bound in ((0.5, 3.0), (0.99, 5.0))
    ]
    halves = [[percentile(times, 0.5) for times in one] for one in (ends, chains)]
    return [*rows, row("hook to the end of an idle run, p50, beside an idle Celery chain", "ms", None, *halves)]


def _idle_pushes(stage: Stage, poster: load.Poster, turn: int) -> tuple[list[float], list[float]]:
    """Milliseconds from the hook to the first task's start and to the run's end, one push at a time."""
    sent: list[float] = []
    ends: list[float] = []
    stage.ends.forget()
    for number in range(IDLE_PUSHES):
        began, sent_at = time.monotonic(), time.time()
        poster.post(load.body(number, f"idle-{turn}-{number}"))
        ran = stage.ends.wait(number + 1, 30)
        ends.append((stage.ends.last_at - began) * 1000)
        sent.append(sent_at)
        time.sleep(0.05)
    runs = [stage.world.client.get(f"/executions/{execution_id}") for execution_id in ran]
    return [(_first_start(run) - at) * 1000 for run, at in zip(runs, sent, strict=True)], ends


def executions(stage: Stage) -> list[Row]:
    """Executions of three no-op tasks a second from a full queue, beside Celery chains from a full queue."""
    values = pairs(
        lambda turn: _from_full_queue_per_s(stage, stage.no_ops, FULL_QUEUE, turn),
        lambda turn: stage.celery.from_full_queue_per_s(chain.no_ops, FULL_QUEUE),
    )
    return [row("executions of three no-ops, beside Celery chains", "a second", at_least(1.0), *values)]


def http_calls(stage: Stage) -> list[Row]:
    """The same where each task makes one HTTP call to loopback; only the one that changes something asks leave."""
    return [_calls(stage, "get", at_least(1.0)), _calls(stage, "post", None)]


def _calls(stage: Stage, method: str, goal: Goal | None) -> Row:
    url = stage.calls(method)
    values = pairs(
        lambda turn: _from_full_queue_per_s(stage, url, CALLS, turn),
        lambda turn: stage.celery.from_full_queue_per_s(lambda: chain.calls(method, stage.echo_url), CALLS),
    )
    return row(f"executions of three HTTP {method.upper()}s, beside Celery chains", "a second", goal, *values)


def _from_full_queue_per_s(stage: Stage, url: str, count: int, turn: int) -> float:
    with stage.frozen("runner-1"):
        _post(url, count, f"full-{turn}")
        # A stopped runner may have as many run messages in hand as it takes at a time.
        wait_for(lambda: waiting_in(stage.amqp_url, "runner.runs") >= count - TAKERS, "the pushes to be admitted")
        time.sleep(0.5)
        stage.ends.forget()
        started = time.monotonic()
    stage.ends.wait(count)
    return count / (stage.ends.last_at - started)


def drain(stage: Stage) -> list[Row]:
    """How fast config turns waiting hooks into verdicts and runs, beside the rate at which they were accepted."""
    judged = Watch(stage.amqp_url, "delivery.changed")
    accepted: list[float] = []
    url = stage.no_ops

    def drained(turn: int) -> float:
        with stage.frozen("runner-1"):
            with stage.frozen("config"):
                began = time.monotonic()
                _post(url, DRAINED, f"drain-{turn}")
                accepted.append(DRAINED / (time.monotonic() - began))
                judged.forget()
                started = time.monotonic()
            judged.wait(DRAINED)
            rate = DRAINED / (judged.last_at - started)
            stage.ends.forget()
        stage.ends.wait(DRAINED)
        return rate

    try:
        values = pairs(drained, lambda turn: accepted[turn])
    finally:
        judged.close()
    return [row("hooks drained by config, beside one connection's hooks accepted", "a second", None, *values)]


def _post(url: str, count: int, prefix: str) -> None:
    poster = load.Poster(url)
    for number in range(count):
        poster.post(load.body(number, f"{prefix}-{number}"))
    poster.close()


def _first_start(run: Json) -> float:
    started = run["stages"]["Only"]["tasks"]["One"]["_startTime"]
    return float(started) / 1_000_000
