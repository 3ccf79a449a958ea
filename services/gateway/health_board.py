"""How all processes are, from what each says of itself; who falls silent is unwell."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.contracts.health import ProcessHealth
from shared.contracts.times import epoch
from shared.contracts.topics import Service
from shared.process.clock import monotonic as process_monotonic
from shared.process.clock import now

from .ports import expect

if TYPE_CHECKING:
    from shared.bus import Incoming

SILENT_AFTER_S = 10.0
FORGOTTEN_AFTER_S = 600.0
SKEW_SHOWN_S = 5.0
"""A report may be this late on its way; beyond it the clocks of two machines differ."""


@dataclass(frozen=True, slots=True)
class Line:
    """One process, or a service that has none."""

    service: str
    instance: str
    host: str
    since: float
    well: bool
    troubles: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Report:
    """One process's latest report; `first` and `last` are when it came, in monotonic seconds."""

    first: float
    last: float
    health: ProcessHealth
    ahead_s: float
    """By how much its clock is ahead of this process's."""

    def replaced_by(self, other: _Report) -> bool:
        """Did the other begin in its place, on its machine, after it had fallen silent?"""
        same = (other.health.service, other.health.host) == (self.health.service, self.health.host)
        return same and other.first > self.last


class HealthBoard:
    """What this process has heard. Reports come every two seconds, so a new gateway knows all at once."""

    def __init__(self, monotonic: Callable[[], float] = process_monotonic) -> None:
        self._reports: dict[tuple[str, str], _Report] = {}
        self._lock = threading.Lock()
        self._monotonic = monotonic
        self._began = monotonic()

    def on_health(self, incoming: Incoming) -> None:
        """A process says how it is."""
        health = expect(incoming.message, ProcessHealth)
        key = (health.service, health.instance)
        ahead_s = epoch(incoming.envelope.time) - now()
        with self._lock:
            if health.ended:
                self._reports.pop(key, None)
            else:
                at = self._monotonic()
                previous = self._reports.get(key)
                self._reports[key] = _Report(previous.first if previous else at, at, health, ahead_s)

    def lines(self) -> tuple[Line, ...]:
        """Every process, and every service that nobody runs, by service."""
        at = self._monotonic()
        with self._lock:
            for key in [key for key, report in self._reports.items() if at - report.last > FORGOTTEN_AFTER_S]:
                del self._reports[key]
            every = sorted(self._reports.values(), key=lambda report: (report.health.service, report.health.instance))
        current = [
            report for report in every if at - report.last <= SILENT_AFTER_S or not any(map(report.replaced_by, every))
        ]
        lines = [_line(report, at - report.last) for report in current]
        present = {line.service for line in lines if line.well or line.troubles}
        listened = at - self._began > SILENT_AFTER_S
        absent = [_absent(service.value) for service in Service if listened and service.value not in present]
        return tuple(sorted([*lines, *absent], key=lambda line: list(Service).index(Service(line.service))))


def _line(report: _Report, silent_s: float) -> Line:
    health = report.health
    troubles, notes = health.troubles, health.notes
    if silent_s > SILENT_AFTER_S:
        troubles = (
            f"No report for {silent_s:.0f} s: the process died, hangs or lost its broker connection. "
            "Check its log or restart it.",
            *troubles,
        )
    if abs(report.ahead_s) > SKEW_SHOWN_S:
        direction = "ahead of" if report.ahead_s > 0 else "behind"
        notes = (
            f"Its clock is {abs(report.ahead_s):.0f} s {direction} this gateway's. Runs lose nothing by it; let NTP "
            "set the clocks of both machines.",
            *notes,
        )
    return Line(health.service, health.instance, health.host, health.since, not troubles, troubles, notes)


def _absent(service: str) -> Line:
    trouble = f"No {service} process is reporting. Start one: docker compose up -d {service}, or make up."
    return Line(service, "", "", 0.0, False, (trouble,), ())
