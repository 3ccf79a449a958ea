"""`make bench`: starts a private broker and a Portside of its own, measures, and stops everything."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from bench.hooks import hooks
from bench.measure import Row, show
from bench.runs import drain, executions, first_task, http_calls
from bench.stage import Stage, a_stage

GROUPS: dict[str, Callable[[Stage], list[Row]]] = {
    "first-task": first_task,
    "executions": executions,
    "http": http_calls,
    "drain": drain,
    "hooks": hooks,
}


def main() -> None:
    """Measure every group of rows, or those that are named."""
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("--json", type=Path, help="also write the rows there, as a list")
    parser.add_argument("--rows", default="", help=f"by commas, of: {', '.join(GROUPS)}")
    arguments = parser.parse_args()
    names = [name.strip() for name in arguments.rows.split(",") if name.strip()] or list(GROUPS)
    if unknown := [name for name in names if name not in GROUPS]:
        parser.error(f"no rows are called {', '.join(unknown)}; there are {', '.join(GROUPS)}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    rows: list[Row] = []
    with a_stage() as stage:
        for name in names:
            rows += GROUPS[name](stage)
    show(rows, arguments.json)


if __name__ == "__main__":
    main()
