"""The command behind `make chaos`."""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from .run import chaos
from .table import show


def main() -> int:
    """Returns 1 when anything was lost, doubled, out of order or wrong."""
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000), help="brings the same order of deaths")
    parser.add_argument("--every", type=float, default=2.0, help="seconds between two pushes of a repository")
    parser.add_argument("--cluster", type=int, default=1, metavar="NODES", help="brokers; with several also PostgreSQL")
    parser.add_argument("--json", type=Path, help="write the account there too")
    parser.add_argument("--home", type=Path, help="keep everything here, logs too; else a folder that goes when clean")
    parser.add_argument("--strangers", action="store_true", help="a flood of sign-ins and slow clients beside it")
    options = parser.parse_args()
    home = options.home or Path(tempfile.mkdtemp(prefix="portside-chaos-"))
    console = Console(highlight=False, markup=False)
    console.print(f"chaos for {options.minutes:g} min, seed {options.seed}, state and logs in {home}")
    account = chaos(
        home,
        seconds=60 * options.minutes,
        seed=options.seed,
        every_s=options.every,
        nodes=options.cluster,
        attacked=options.strangers,
        tell=console.print,
    )
    show(console, account)
    if options.json:
        options.json.write_text(json.dumps({"seed": options.seed, **account.to_json()}, indent=1) + "\n")
    return 0 if account.clean else 1


sys.exit(main())
