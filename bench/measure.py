"""Pairs of measurements, taken in turn so that a busy machine slows both alike, and the table they end in."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

PAIRS = 5


@dataclass(frozen=True)
class Row:
    """One line of the result. `ratio` is value over floor; `ok` compares it with the goal, and is true without one."""

    name: str
    value: float
    unit: str
    floor: float
    ratio: float
    goal: str
    ok: bool
    spread: str = ""


@dataclass(frozen=True)
class Goal:
    """`at_least` for rates, `at_most` for times; both are bounds of the ratio."""

    bound: float
    at_least: bool

    def met(self, ratio: float) -> bool:
        return ratio >= self.bound if self.at_least else ratio <= self.bound

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.bound:g}"


def at_least(bound: float) -> Goal:
    return Goal(bound, True)


def at_most(bound: float) -> Goal:
    return Goal(bound, False)


def row(name: str, unit: str, goal: Goal | None, values: Sequence[float], floors: Sequence[float]) -> Row:
    """The median pair by ratio, with the spread of all ratios. Without a goal the row only informs."""
    ratios = [value / floor if floor else float("inf") for value, floor in zip(values, floors, strict=True)]
    ratio = statistics.median(ratios)
    return Row(
        name,
        statistics.median(values),
        unit,
        statistics.median(floors),
        ratio,
        str(goal) if goal else "",
        goal is None or goal.met(ratio),
        f"{min(ratios):.2f}-{max(ratios):.2f}",
    )


def pairs(ours: Callable[[int], float], floor: Callable[[int], float]) -> tuple[list[float], list[float]]:
    """Both in turn, `PAIRS` times; each is called with the number of the turn."""
    values, floors = [], []
    for turn in range(PAIRS):
        values.append(ours(turn))
        floors.append(floor(turn))
    return values, floors


def percentile(samples: Sequence[float], share: float) -> float:
    """The sample below which `share` of all lie, 0 to 1."""
    ordered = sorted(samples)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def show(rows: Sequence[Row], json_path: Path | None) -> None:
    """Print the table; with a path also write it as JSON."""
    table = Table(box=None)
    for heading in ("", "value", "unit", "floor", "ratio", "spread", "goal", ""):
        table.add_column(heading, justify="right" if heading in ("value", "floor", "ratio") else "left")
    for line in rows:
        verdict = "" if not line.goal else "[green]ok[/]" if line.ok else "[red]missed[/]"
        table.add_row(
            line.name,
            f"{line.value:,.2f}",
            line.unit,
            f"{line.floor:,.2f}",
            f"{line.ratio:.2f}",
            line.spread,
            line.goal,
            verdict,
        )
    Console(width=None if Console().is_terminal else 160).print(table)
    if json_path:
        json_path.write_text(json.dumps([asdict(line) for line in rows], indent=1) + "\n")
