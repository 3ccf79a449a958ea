"""A process from its start to its end."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from tests.support.patience import PATIENCE_S

_SERVICE = """
import sys
from shared.process import life, logging
logging.configure("thing")
class Service:
    def close(self):
        print("closed", flush=True)
        if "badly" in sys.argv: raise RuntimeError("no")
def build():
    if "fatal" in sys.argv: raise life.Fatal("no keys; run init")
    if "broken" in sys.argv: raise RuntimeError("surprise")
    if "stops" in sys.argv: life.stop("had enough", 5)
    print("built", flush=True)
    return Service()
raise SystemExit(life.run("thing", build))
"""


@pytest.mark.parametrize(
    ("argument", "signal_number", "code", "printed"),
    [
        ("", signal.SIGTERM, 0, "built\nclosed\n"),
        ("", signal.SIGINT, 0, "built\nclosed\n"),
        ("badly", signal.SIGTERM, 3, "built\nclosed\n"),
        ("stops", None, 5, "built\nclosed\n"),
        ("fatal", None, 1, ""),
        ("broken", None, 1, ""),
    ],
)
def test_a_process_ends_in_order_and_its_exit_code_says_how(
    argument: str, signal_number: signal.Signals | None, code: int, printed: str
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _SERVICE, argument], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        if signal_number:
            process.send_signal(signal_number)
        # Not `communicate`: it would miss what `readline` has read ahead.
        rest = process.stdout.read()
        process.wait(PATIENCE_S)
    assert (process.returncode, first + rest) == (code, printed)
