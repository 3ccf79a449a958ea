"""`make fuzz MINUTES=`: prints a line for each edge; exits with 1 where one failed, with its document."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.support.in_process import InProcess

from .run import run


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=None)
    asked = parser.parse_args()
    seed = int(time.time()) if asked.seed is None else asked.seed
    until = time.monotonic() + asked.minutes * 60
    with tempfile.TemporaryDirectory() as folder:
        inside = InProcess(Path(folder))
        counts = run(inside, lambda _: time.monotonic() < until, seed)
        inside.close()
    print(f"seed {seed}")
    for name, count in counts.items():
        print(f"{name:22} {count.sent:8} sent {count.past:8} past the reader {len(count.failures):4} failed")
    for name, count in counts.items():
        for document, why in count.failures[:3]:
            print(f"\n{name}: {document[:500]!r}\n{why}", file=sys.stderr)
    return int(any(count.failures for count in counts.values()))


if __name__ == "__main__":
    sys.exit(main())
