"""The broker is away until the spool is full, and pushes go on: 202 is an event with a verdict, 503 is none."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from tests.support.patience import PATIENCE_S
from tests.support.world import World, a_world, wait_for

AT_MOST = 16
PUSHED_WHILE_AWAY = 40
GOES_ON_S = 6.0


def test_each_202_has_its_event_and_each_503_none_and_none_is_overtaken(tmp_path: Path) -> None:
    with a_world(tmp_path / "home", more={"SPOOL_MAX_FILES": str(AT_MOST)}) as world:
        world.broker.stop()
        codes = {f"away-{number}": _code(world, f"away-{number}") for number in range(PUSHED_WHILE_AWAY)}
        world.broker.start()
        back_at = time.monotonic()
        number, took = 0, list[float]()
        # From the first push that is taken again: when the gateway finds the broker back is the machine's affair.
        while not took or time.monotonic() - took[0] < GOES_ON_S:
            assert took or time.monotonic() - back_at < PATIENCE_S, "nothing was taken after the broker was back"
            codes[f"back-{number}"] = _code(world, f"back-{number}")
            took += [time.monotonic()] if codes[f"back-{number}"] == 202 else []
            number += 1
            time.sleep(0.05)
        accepted = {tag for tag, code in codes.items() if code == 202}
        assert set(codes.values()) == {202, 503}
        assert any(tag.startswith("away") for tag in accepted)
        assert any(tag.startswith("back") for tag in accepted)
        events = wait_for(lambda: _judged(world, accepted), "an event with a verdict for each push that got 202")
        assert sorted(event["tag"] for event in events) == sorted(accepted)
        assert [event["tag"] for event in events if event["verdict"] == "held as older"] == []


def _code(world: World, tag: str) -> int:
    (delivery,) = world.push(tag)["deliveries"]
    return int(delivery["status"])


def _judged(world: World, accepted: set[str]) -> list[dict[str, Any]] | None:
    events = world.documents("/registry-events?$top=500")
    judged = all(event["state"] == "judged" for event in events)
    return events if judged and {event["tag"] for event in events} >= accepted else None
