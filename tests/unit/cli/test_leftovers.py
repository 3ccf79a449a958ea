"""What a killed owner left running is ended by the next start; a stranger of the same number is left alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from cli import leftovers


def sleeper() -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)


def test_a_process_that_was_noted_is_ended_and_forgotten(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    left = sleeper()
    leftovers.note(tmp_path / "log", left.pid)
    leftovers.end(tmp_path)
    assert left.wait(10) != 0
    assert not list(tmp_path.rglob(leftovers.FILE))
    leftovers.end(tmp_path)


def test_another_process_of_the_same_number_lives_on(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    stranger = sleeper()
    try:
        (tmp_path / "log" / leftovers.FILE).write_text(f"{stranger.pid} 1\n999999999 1\n")
        leftovers.end(tmp_path)
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()
