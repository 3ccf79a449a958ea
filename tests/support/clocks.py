"""Clocks that tests set, for what takes its clock as an argument, and machines whose clocks differ, on one machine."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path


def skewed(ahead_s: Mapping[str, float]) -> dict[str, str]:
    """The environment in which processes of these instances have clocks that are so far ahead, or behind."""
    return {"PYTHONPATH": str(Path(__file__).with_name("skewed")), "CLOCKS": json.dumps(dict(ahead_s))}


class SetClock:
    """What time it is, until the test moves it on; in seconds."""

    def __init__(self, at: float = 0.0) -> None:
        self.at = at

    def __call__(self) -> float:
        return self.at

    def advance(self, seconds: float) -> None:
        self.at += seconds
