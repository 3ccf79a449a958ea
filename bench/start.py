"""How long the command `portside` takes to start, beside a bare interpreter."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from functools import partial

from bench.measure import Row, at_most, pairs, row

STARTS = 9
GOAL = at_most(7.5)
"""150 ms where `python -c pass` takes 20."""
COMMAND = (sys.executable, "-m", "cli")
NOWHERE = {"PORTSIDE_URL": "http://127.0.0.1:9", "PORTSIDE_TOKEN": "none", "no_proxy": "127.0.0.1"}


def command_start() -> list[Row]:
    """Its version, a command's help, and a call that no server answers, which has loaded the HTTP client."""
    lines = (
        ("portside --version", ("--version",), GOAL),
        ("portside executions list --help", ("executions", "list", "--help"), GOAL),
        ("portside whoami, where nothing answers", ("whoami",), None),
    )
    floor = partial(_start_ms, (sys.executable, "-c", "pass"))
    return [
        row(f"{name}, beside python -c pass", "ms", goal, *pairs(partial(_start_ms, (*COMMAND, *words)), floor))
        for name, words, goal in lines
    ]


def _start_ms(words: tuple[str, ...], _turn: int) -> float:
    """Median wall time from start to end."""
    taken = []
    for _ in range(STARTS):
        started = time.perf_counter()
        subprocess.run(words, env={**os.environ, **NOWHERE}, capture_output=True, check=False)
        taken.append((time.perf_counter() - started) * 1000)
    return statistics.median(taken)
