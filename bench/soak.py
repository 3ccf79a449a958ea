"""Memory of each process over many executions: it must not grow with what has passed through."""

from __future__ import annotations

import subprocess
import sys

from bench import load
from bench.measure import Row, at_most, row
from bench.stage import Stage

EXECUTIONS = 100_000
AT_A_TIME = 2_000
SETTLED = 20_000
"""By then caches are full; growth is counted from here."""


def soak(stage: Stage) -> list[Row]:
    """One row a process: its memory after all executions, beside that after the first 20,000."""
    memory: dict[str, list[float]] = {}
    poster = load.Poster(stage.no_ops)
    stage.ends.forget()
    for number in range(EXECUTIONS):
        poster.post(load.body(number, f"soak-{number}"))
        if (number + 1) % AT_A_TIME == 0:
            stage.ends.wait(AT_A_TIME, 600)
            stage.ends.forget()
        if (number + 1) % 10_000 == 0:
            for name, size in _megabytes(stage).items():
                memory.setdefault(name, []).append(size)
            sizes = ", ".join(f"{name} {sizes[-1]:.0f} MB" for name, sizes in memory.items())
            print(f"bench: {number + 1:,} executions: {sizes}", file=sys.stderr, flush=True)
    poster.close()
    settled = SETTLED // 10_000 - 1
    return [
        row(f"memory of {name} after {EXECUTIONS:,} executions", "MB", at_most(1.15), [sizes[-1]], [sizes[settled]])
        for name, sizes in memory.items()
    ]


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
        sizes["the broker"] = sum(size for own, parent, size in processes if broker in (own, parent)) / 1024
    return sizes
