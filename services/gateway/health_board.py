"""How all processes are, from what each says of itself; who falls silent is unwell."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.contracts.health import ProcessHealth
from shared.contracts.topics import Service
from shared.process.clock import monotonic

from .ports import expect

if TYPE_CHECKING:
    from shared.bus import Incoming

SILENT_AFTER_S = 10.0
FORGOTTEN_AFTER_S = 600.0


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
class _Heard:
    """One process's latest word; `first` and `last` are when it was heard, in monotonic seconds."""

    first: float
    last: float
    said: ProcessHealth

    def replaced_by(self, other: _Heard) -> bool:
        """Did the other begin in its place, on its machine, after it had fallen silent?"""
        same = (other.said.service, other.said.host) == (self.said.service, self.said.host)
        return same and other.first > self.last


class HealthBoard:
    """What this process has heard. Reports come every two seconds, so a new gateway knows all at once."""

    def __init__(self) -> None:
        self._heard: dict[tuple[str, str], _Heard] = {}
        self._lock = threading.Lock()
        self._began = monotonic()

    def on_health(self, incoming: Incoming) -> None:
        """A process says how it is."""
        said = expect(incoming.message, ProcessHealth)
        key = (said.service, said.instance)
        with self._lock:
            if said.ended:
                self._heard.pop(key, None)
            else:
                at = monotonic()
                known = self._heard.get(key)
                self._heard[key] = _Heard(known.first if known else at, at, said)

    def lines(self) -> tuple[Line, ...]:
        """Every process, and every service that nobody runs, by service."""
        at = monotonic()
        with self._lock:
            for key in [key for key, one in self._heard.items() if at - one.last > FORGOTTEN_AFTER_S]:
                del self._heard[key]
            every = sorted(self._heard.values(), key=lambda one: (one.said.service, one.said.instance))
        heard = [one for one in every if at - one.last <= SILENT_AFTER_S or not any(map(one.replaced_by, every))]
        found = [_line(one.said, at - one.last) for one in heard]
        present = {line.service for line in found if line.well or line.troubles}
        listened = at - self._began > SILENT_AFTER_S
        absent = [_absent(service.value) for service in Service if listened and service.value not in present]
        return tuple(sorted([*found, *absent], key=lambda line: list(Service).index(Service(line.service))))


def _line(said: ProcessHealth, silent_s: float) -> Line:
    troubles = said.troubles
    if silent_s > SILENT_AFTER_S:
        troubles = (
            f"Silent for {silent_s:.0f} s: it died, hangs or has lost the broker. Look at its log, or start it again.",
            *troubles,
        )
    return Line(said.service, said.instance, said.host, said.since, not troubles, troubles, said.notes)


def _absent(service: str) -> Line:
    trouble = f"No {service} process was heard of. Start one: docker compose up -d {service}, or make up."
    return Line(service, "", "", 0.0, False, (trouble,), ())
