"""A disk that is nearly full is a trouble before it is full."""

from __future__ import annotations

import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from shared.process import disk
from shared.process.health import Health
from tests.support.world import wait_for

Usage = namedtuple("Usage", "total used free")
GIB = 1024**3


@pytest.mark.parametrize(
    ("total", "free", "is_low"),
    [
        (10 * GIB, GIB, False),
        (10 * GIB, GIB // 3, True),
        (1000 * GIB, 2 * GIB, False),
        (1000 * GIB, GIB - 1, True),
        (GIB // 50, GIB // 900, False),
    ],
)
def test_less_than_a_twentieth_and_less_than_a_gibibyte_is_low(
    monkeypatch: pytest.MonkeyPatch, total: int, free: int, is_low: bool
) -> None:
    monkeypatch.setattr(disk, "disk_usage", lambda _: Usage(total, total - free, free))
    assert bool(disk.low_disk(Path("/data"))) is is_low


def test_health_reports_a_low_disk_and_clears_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(disk, "disk_usage", lambda _: Usage(100 * GIB, 100 * GIB - 1, 1))
    monkeypatch.setattr("shared.process.health.EVERY_S", 0.05)
    health = Health("runner", tmp_path, instance="r1").start()
    try:
        (trouble,) = health.troubles
        assert trouble.startswith(f"The disk of {tmp_path} is nearly full: 0 of 102400 MiB are free.")
        monkeypatch.setattr(disk, "disk_usage", shutil.disk_usage)
        wait_for(lambda: health.troubles == (), "the report after")
    finally:
        health.close()
