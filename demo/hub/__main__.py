"""`python -m demo.hub --port 8000`: a Docker Hub of its own until Ctrl-C."""

from __future__ import annotations

import argparse
import os
import signal
import threading

from .server import DEFAULT_ACCOUNT, DEFAULT_PASSWORD, DEFAULT_REPOSITORY, FakeHub


def main() -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(prog="python -m demo.hub", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one; the first line printed names it")
    parser.add_argument("--account", default=os.environ.get("FAKE_HUB_ACCOUNT", DEFAULT_ACCOUNT))
    parser.add_argument("--password", default=os.environ.get("FAKE_HUB_PASSWORD", DEFAULT_PASSWORD))
    parser.add_argument("--repository", action="append", default=[], help="acme/web; may be given again")
    options = parser.parse_args()
    hub = FakeHub(host=options.host, port=options.port, account=options.account, password=options.password)
    for name in options.repository or [DEFAULT_REPOSITORY]:
        hub.world.add_repository(name, admins=[options.account])
    done = threading.Event()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signal_number, lambda *_: done.set())
    print(f"fake Docker Hub at {hub.url}", flush=True)
    done.wait()
    hub.close()


main()
