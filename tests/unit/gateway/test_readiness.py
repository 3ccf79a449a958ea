"""When a gateway asks for requests, and when it does not."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from services.gateway.readiness import readiness
from services.gateway.receiver.spool import Spool
from shared.contracts.pushes import HookReceived


@pytest.mark.parametrize(
    ("connected", "usable", "used", "ready"),
    [
        (True, True, 0.0, True),
        (False, True, 0.0, True),
        (True, False, 0.0, True),
        (False, False, 0.0, False),
        (False, True, 0.89, True),
        (False, True, 0.9, False),
        (True, True, 0.95, False),
    ],
)
def test_it_needs_the_broker_or_a_spool_with_room(connected: bool, usable: bool, used: float, ready: bool) -> None:
    assert readiness(connected=connected, spool=SimpleNamespace(used=used, usable=usable))[0] is ready


def test_without_webhook_calls_only_the_broker_counts() -> None:
    assert readiness(connected=True, spool=None) == (True, {"status": "ready", "broker": "connected"})
    assert not readiness(connected=False, spool=None)[0]


def test_the_spool_knows_how_full_it_is_and_whether_it_can_be_used(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", max_files=4, max_bytes=10**6)
    assert (spool.used, spool.usable) == (0.0, True)
    for number in range(3):
        spool.put(HookReceived(delivery_id=f"d{number}", received_at=1.0 + number, token_hash="0"))
    assert spool.used == 0.75
    for path in spool.waiting():
        path.unlink()
    (tmp_path / "spool" / ".lock").unlink(missing_ok=True)
    (tmp_path / "spool").rmdir()
    assert not spool.usable
