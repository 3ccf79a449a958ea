"""`make fuzz MINUTES=`: prints a line for each edge; exits with 1 where one failed, with its document."""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import time

from .run import Count, Counts, fuzz_for

LEAST_PAST = 1 / 3
ENOUGH = 200
"""Documents of an edge, from which its share past the reader is no accident."""


def _summed(shares: list[Counts]) -> Counts:
    counts: Counts = {}
    for share in shares:
        for name, count in share.items():
            counts.setdefault(name, Count()).add(count)
    return counts


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    seed = int(time.time()) if options.seed is None else options.seed
    began = time.monotonic()
    with multiprocessing.get_context("spawn").Pool(options.processes) as pool:
        seeds = [(seed + place, options.minutes) for place in range(options.processes)]
        counts = _summed(pool.starmap(fuzz_for, seeds))
    took_s = time.monotonic() - began
    for name, count in counts.items():
        print(f"{name:30} {count.sent:8} sent {count.past:8} past the reader {len(count.failures):4} failed")
    total, past = sum(count.sent for count in counts.values()), sum(count.past for count in counts.values())
    print(f"seed {seed}: {total:,} documents, {past / total:.0%} past the reader, {total / took_s:,.0f} a second")
    for name, count in counts.items():
        for document, why in count.failures[:3]:
            print(f"\n{name}: {document[:500]!r}\n{why}", file=sys.stderr)
    failed = [name for name, count in counts.items() if count.failures]
    blunt = [name for name, count in counts.items() if count.sent >= ENOUGH and count.past < count.sent * LEAST_PAST]
    if blunt:
        print(f"Less than a third past the reader: {', '.join(blunt)}.", file=sys.stderr)
    return int(bool(failed or blunt))


if __name__ == "__main__":
    sys.exit(main())
