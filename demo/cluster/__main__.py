"""`python -m demo.cluster --port 8001`: a cluster of its own until Ctrl-C."""

from __future__ import annotations

import argparse
import os
import signal
import threading
from pathlib import Path

from .server import DEFAULT_TOKEN, FakeCluster


def main() -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(prog="python -m demo.cluster", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one; the first line printed names it")
    parser.add_argument("--token", default=os.environ.get("FAKE_CLUSTER_TOKEN", DEFAULT_TOKEN), help="bearer token")
    parser.add_argument("--state", type=Path, help="file that keeps the objects between starts")
    parser.add_argument("--pace", type=float, default=1.0, help="seconds that a good roll-out takes")
    parser.add_argument("--namespace", action="append", default=[], help="a namespace to have from the start")
    options = parser.parse_args()
    cluster = FakeCluster(
        host=options.host,
        port=options.port,
        token=options.token,
        pace_s=options.pace,
        state=options.state,
        namespaces=tuple(options.namespace),
    )
    done = threading.Event()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signal_number, lambda *_: done.set())
    print(f"fake cluster at {cluster.url}", flush=True)
    done.wait()
    cluster.close()


main()
