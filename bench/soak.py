"""Memory of each process over many executions: it must not grow with what has passed through."""

from __future__ import annotations

import subprocess
import sys

from bench import load
from bench.measure import Row, at_most, row
from bench.stage import Stage

LAPS = 10
SETTLED = 2
"""After this many laps caches are full; growth is counted from here."""
AT_A_TIME = 2_000
BROKER = "the broker"
"""Has no goal: the log of its queues is in memory up to a size (`cli/rabbitmq.py`), and then starts over."""


def soak(stage: Stage, executions: int) -> list[Row]:
    """One row a process: its memory after all executions, beside that after the first fifth."""
    lap = max(executions // LAPS, 1)
    laps = [_after(stage, number, lap) for number in range(LAPS)]
    return [
        row(
            f"memory of {name} after {lap * LAPS:,} executions",
            "MB",
            None if name == BROKER else at_most(1.15),
            [laps[-1][name]],
            [laps[SETTLED - 1][name]],
        )
        for name in laps[0]
    ]


def _after(stage: Stage, number: int, lap: int) -> dict[str, float]:
    """Megabytes by process after one more lap."""
    first = number * lap
    for start in range(first, first + lap, AT_A_TIME):
        _run(stage, range(start, min(start + AT_A_TIME, first + lap)))
    sizes = _megabytes(stage)
    said = ", ".join(f"{name} {size:.0f} MB" for name, size in sizes.items())
    print(f"bench: {first + lap:,} executions: {said}", file=sys.stderr, flush=True)
    return sizes


def _run(stage: Stage, numbers: range) -> None:
    stage.ends.forget()
    poster = load.Poster(stage.no_ops)
    for number in numbers:
        poster.post(load.body(number, f"soak-{number}"))
    poster.close()
    stage.ends.wait(len(numbers), 600)


def _megabytes(stage: Stage) -> dict[str, float]:
    """Resident memory by process; the gateway's workers count together. From `ps`, which every system has."""
    world = stage.world
    listed = subprocess.run(["ps", "-eo", "pid=,ppid=,rss="], capture_output=True, text=True, check=True).stdout
    processes = [tuple(map(int, line.split())) for line in listed.splitlines()]
    pids = {name: world.supervisor.pid_of(name) for name in ("config", "runner-1", "hubsync", "gateway")}
    sizes = {
        name: sum(size for own, parent, size in processes if pid in (own, parent)) / 1024 for name, pid in pids.items()
    }
    if (broker := world.broker.pid) is not None:
        sizes[BROKER] = sum(size for own, parent, size in processes if broker in (own, parent)) / 1024
    return sizes
