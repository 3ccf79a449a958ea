"""Everything dies at random while hooks come in at a steady rate: `make chaos`, for twenty seconds."""

from __future__ import annotations

from pathlib import Path

from tests.chaos.run import chaos


def test_every_hook_is_accounted_for_though_everything_dies(tmp_path: Path) -> None:
    said: list[str] = []
    account = chaos(tmp_path, seconds=20, seed=11, every_s=2.0, tell=said.append)
    assert account.clean, "\n".join([*account.problems, *said])
    assert account.executed > 0
    assert sum(account.kills.values()) > 1
