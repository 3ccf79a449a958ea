"""Sample data, which `make up` fills in: asked for and reported by files in a folder that both share."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from shared.contracts.problems import Code, refuse
from shared.grammar.json_parser import parse_json
from shared.grammar.malformed import Malformed

CHOICES = {
    "push": "everything, up to a first push",
    "webhook": "endpoints, pipeline and webhook",
    "pipeline": "endpoints and pipeline",
    "endpoints": "the endpoints alone",
}
"""How much is filled in, and what a form says of it."""
_LARGEST = 65_536


@dataclass(frozen=True, slots=True)
class SampleState:
    """What became of a request: `starting`, `ready` or `failed` with a message; empty before the first."""

    state: str = ""
    message: str = ""


def request(folder: str, until: str) -> None:
    """Ask for sample data up to that step. Raises `Refused` where nobody takes such requests."""
    if not folder:
        raise refuse(
            Code.NOT_FOUND,
            "This system was not started with `make up`, so it cannot start a demo Hub and cluster.",
            next_step="With compose: docker compose --profile demo up",
        )
    if until not in CHOICES:
        raise refuse(Code.INVALID, f"Sample data is filled in up to one of: {', '.join(CHOICES)}.", subject="until")
    path = Path(folder) / "request.json"
    partial = path.with_suffix(f".{os.getpid()}")
    partial.write_text(f'{{"until": "{until}"}}', encoding="utf-8")
    partial.replace(path)


def state(folder: str) -> SampleState:
    """What was reported last."""
    if not folder:
        return SampleState()
    try:
        with (Path(folder) / "state.json").open("rb") as file:
            report = parse_json(file.read(_LARGEST))
    except (FileNotFoundError, Malformed):
        report = {}
    if (Path(folder) / "request.json").exists():
        return SampleState("starting")
    return SampleState(str(report.get("state", "")), str(report.get("message", "")))
