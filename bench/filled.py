"""`python -P bench/filled.py RUNS`, in the folder and environment of any tree since 0.1.0: fills a system of that tree
with that number of runs, serves it, writes a JSON line about it, and stops when its input ends."""

from __future__ import annotations

import json
import sys

from bench import scale, seed
from bench.stage import a_stage


def main() -> None:
    """Serve until nobody needs it."""
    runs = int(sys.argv[1])
    sizes = seed.Sizes(runs=runs, pipelines=max(100, runs // 100))
    with a_stage() as stage, scale._scaled(stage, "one", sizes, scale._an_ended_run(stage)) as one:
        password = one.layout.password_file.read_text().strip()
        print(json.dumps({"url": one.layout.url, "password": password, "lists": scale.LISTS}), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
