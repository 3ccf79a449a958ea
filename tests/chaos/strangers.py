"""Strangers beside the deaths: a flood of sign-ins, and connections that never finish."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

FLOOD, SLOW = 40, 800
"""Connections of each."""


@contextmanager
def strangers(port: int, seconds: float) -> Iterator[None]:
    """At work while the block lasts, `seconds` at most; whatever the gateway's death closes they open again."""
    commands = (
        ("tests.adversary.senders", "sign-ins", str(port), str(FLOOD), str(seconds)),
        ("tests.adversary.slow_peers", "half-heads", "127.0.0.1", str(port), str(SLOW), str(seconds)),
    )
    with ExitStack() as stack:
        for module, *words in commands:
            command = [sys.executable, "-m", module, *words]
            stranger = stack.enter_context(subprocess.Popen(command, stdout=subprocess.DEVNULL))
            stack.callback(stranger.kill)
        yield
