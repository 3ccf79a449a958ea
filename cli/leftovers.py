"""What a killed owner left running: noted as it begins, ended by the next start in the same folder.

Two brokers on one disk would spoil it, and two systems in one folder are none that anybody asked for.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from shared.process import clock

FILE = "children"
END_LIMIT_S = 15.0


def note(folder: Path, pid: int) -> None:
    """Remember a process that leads a session of its own."""
    with (folder / FILE).open("a") as file:
        file.write(f"{pid} {born(pid)}\n")


def end(home: Path) -> None:
    """End what was noted in the folders of `home` and lives on, with all it started. Only for who is alone there."""
    notes = list(home.glob(f"*/{FILE}"))
    noted = [line.partition(" ")[::2] for file in notes for line in file.read_text().splitlines()]
    remaining = [(int(pid), when) for pid, when in noted if when and born(int(pid)) == when]
    _signal(remaining, signal.SIGTERM)
    deadline = clock.monotonic() + END_LIMIT_S
    while (remaining := [(pid, when) for pid, when in remaining if born(pid) == when]) and clock.monotonic() < deadline:
        time.sleep(0.1)
    _signal(remaining, signal.SIGKILL)
    for file in notes:
        file.unlink()


def born(pid: int) -> str:
    """When a process began, which tells it from a later one of the same number; empty when there is none."""
    if not Path("/proc/self/stat").exists():
        answer = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
        return answer.stdout.strip()
    with suppress(OSError):
        # The name stands in parentheses and may hold any; then come the state and, nineteen further on, the start.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return "" if fields[0] == "Z" else fields[19]
    return ""


def _signal(those: list[tuple[int, str]], signal_number: signal.Signals) -> None:
    for pid, _ in those:
        with suppress(ProcessLookupError):
            os.killpg(pid, signal_number)
