"""What renders charts fills neither memory nor disk of the runner, and ends before the runner where memory is short."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from services.runner.tasks.k8s import without_network

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the limits are Linux's")


def bounded(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-IS", without_network.__file__, sys.executable, "-c", code]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)


def test_a_file_may_have_sixty_four_mebibytes(tmp_path: Path) -> None:
    code = "file = open('large', 'wb')\nfor _ in range(100): file.write(bytes(1024 * 1024))"
    ended = bounded(code, tmp_path)
    assert ended.returncode and "File too large" in ended.stderr
    assert (tmp_path / "large").stat().st_size == without_network.MAX_FILE_BYTES


def test_memory_is_bounded(tmp_path: Path) -> None:
    ended = bounded(f"bytearray({without_network.MAX_MEMORY_BYTES})", tmp_path)
    assert ended.returncode and "MemoryError" in ended.stderr
    assert bounded("bytearray(1024 ** 2 * 64)", tmp_path).returncode == 0


def test_the_kernel_ends_it_before_the_runner(tmp_path: Path) -> None:
    assert bounded("print(open('/proc/self/oom_score_adj').read())", tmp_path).stdout.strip() == "1000"
