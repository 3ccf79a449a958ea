"""A supervisor ends what hangs, and a process that hangs ends itself."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cli import processes
from cli.processes import Process, Supervisor
from tests.support.patience import PATIENCE_S, until

BEATING = "import pathlib, sys, time\nwhile True:\n    pathlib.Path(sys.argv[1]).write_text('x')\n    time.sleep(0.1)"
HANGING = """
import time
from shared.process.life import Watchdog
dog = Watchdog(2.0)
for _ in range(10):
    dog.alive()
    time.sleep(0.1)
print("beat for a second", flush=True)
(lambda: [None for _ in iter(int, 1)])()
"""


def test_a_process_whose_pulse_stops_is_ended_and_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "HUNG_AFTER_S", 2.5)
    pulse = tmp_path / "pulse"
    supervisor = Supervisor(tmp_path / "logs")
    try:
        supervisor.start(Process("beating", (sys.executable, "-c", BEATING, str(pulse)), pulse=pulse))
        until(pulse.exists)
        first = supervisor.pid_of("beating")
        time.sleep(3)
        assert supervisor.pid_of("beating") == first
        os.kill(first, signal.SIGSTOP)
        until(lambda: supervisor.pid_of("beating") != first)
        assert "no sign of life" in supervisor.tail("beating")
    finally:
        supervisor.stop()


def test_a_process_that_takes_long_to_start_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "HUNG_AFTER_S", 0.2)
    supervisor = Supervisor(tmp_path / "logs")
    try:
        supervisor.start(
            Process("slow", (sys.executable, "-c", "import time; time.sleep(60)"), pulse=tmp_path / "pulse")
        )
        first = supervisor.pid_of("slow")
        time.sleep(2)
        assert supervisor.pid_of("slow") == first
    finally:
        supervisor.stop()


def test_a_process_that_hangs_below_python_ends_itself_and_shows_where() -> None:
    hung = subprocess.run(
        [sys.executable, "-c", HANGING], capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert hung.returncode == 1
    assert hung.stdout == "beat for a second\n"
    assert "Timeout" in hung.stderr
    assert "<lambda>" in hung.stderr


def test_a_large_log_is_moved_aside_while_its_writer_goes_on(tmp_path: Path) -> None:
    log = tmp_path / "config.log"
    with log.open("ab", buffering=0) as writer:
        for number in range(4):
            writer.write(f"{number}".encode() * 100)
            processes.rotate(log, largest=150)
            writer.write(f"{number}".encode() * 100)
            processes.rotate(log, largest=150)
    assert log.read_bytes() == b""
    assert log.with_name("config.log.1").read_bytes() == b"3" * 200
    assert log.with_name("config.log.2").read_bytes() == b"2" * 200
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.log", "config.log.1", "config.log.2"]


def test_a_log_that_is_not_there_is_not_rotated(tmp_path: Path) -> None:
    processes.rotate(tmp_path / "none.log")
    assert list(tmp_path.iterdir()) == []
