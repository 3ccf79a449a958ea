"""`make bench`: starts a private broker and a Portside of its own, measures, and stops everything."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from bench import beside, scale
from bench.hooks import hooks, viewers
from bench.keeping import keeping
from bench.measure import Row, show
from bench.runs import drain, executions, first_task, http_calls
from bench.soak import soak
from bench.stage import Stage, a_stage
from bench.start import command_start

GROUPS: dict[str, Callable[[Stage], list[Row]]] = {
    "first-task": first_task,
    "executions": executions,
    "http": http_calls,
    "drain": drain,
    "hooks": hooks,
    "viewers": viewers,
}
ALONE: dict[str, Callable[[], list[Row]]] = {"command-start": command_start, "keeping": keeping}
"""What starts what it needs itself."""
AT_SCALE: dict[str, Callable[[scale.Scaled, scale.Scaled], list[Row]]] = {
    "lists": scale.lists,
    "matching": scale.matching,
    "pages": scale.pages,
}


def main() -> None:
    """Measure every group of rows, or those that are named."""
    known = [*ALONE, *GROUPS, *AT_SCALE]
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("--json", type=Path, help="also write the rows there, as a list")
    parser.add_argument("--rows", default="", help=f"by commas, of: {', '.join(known)}")
    parser.add_argument("--soak", type=int, metavar="N", help="instead, each process's memory over N executions")
    parser.add_argument("--beside", type=Path, metavar="CLONE", help="instead, each list beside that tree's")
    arguments = parser.parse_args()
    names = [name.strip() for name in arguments.rows.split(",") if name.strip()]
    if not names and not arguments.soak and not arguments.beside:
        names = known
    if unknown := [name for name in names if name not in known]:
        parser.error(f"no rows are called {', '.join(unknown)}; there are {', '.join(known)}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    rows: list[Row] = []
    for name in (name for name in names if name in ALONE):
        rows += _told(name, ALONE[name])
    if arguments.beside:
        rows += _told("lists beside another tree", lambda: beside.lists(arguments.beside.absolute()))
    if arguments.soak or not set(names) <= ALONE.keys():
        rows += _of_a_system(names, arguments.soak)
    show(rows, arguments.json)


def _of_a_system(names: list[str], soak_over: int) -> list[Row]:
    """The rows that a Portside of its own is started for."""
    rows: list[Row] = []
    with a_stage() as stage:
        for name in (name for name in names if name in GROUPS):
            rows += _told(name, lambda name=name: GROUPS[name](stage))  # type: ignore[misc]
        if at_scale := [name for name in names if name in AT_SCALE]:
            with scale.both(stage) as two:
                for name in at_scale:
                    rows += _told(name, lambda name=name: AT_SCALE[name](*two))  # type: ignore[misc]
        if soak_over:
            rows += _told("soak", lambda: soak(stage, soak_over))
    return rows


def _told(name: str, measure: Callable[[], list[Row]]) -> list[Row]:
    """Measure one group, and say how long that took."""
    started = time.monotonic()
    rows = measure()
    print(f"bench: {name} measured in {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
    return rows


if __name__ == "__main__":
    main()
