"""Gauges that the active config sets every few seconds: what is under way, waits, or lies aside."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from prometheus_client import Gauge

from services.config import metrics
from services.config.model.claims import State
from services.config.store import Store, figures
from shared.process import clock

from .outbox import Relay

_SIZE_EVERY_S = 60.0
"""PostgreSQL adds up its files to say how large it is."""
_SHOWN = {State.HELD.value: "executing"}


class Sampler:
    """Sets config's gauges. While `relay` is None this process is a standby, and they are left out or 0."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._measured_at = float("-inf")
        self.relay: Relay | None = None

    def sample(self) -> None:
        """Read what is to be shown, in one transaction."""
        relay = self.relay
        metrics.ACTIVE.set(relay is not None)
        if relay is None:
            for gauge in (metrics.RUNS, metrics.DEAD_LETTERS, metrics.MIRROR):
                gauge.clear()
            metrics.OUTBOX.set(0)
            metrics.APPROVALS.set(0)
            return
        metrics.OUTBOX.set(relay.waiting)
        with self._store.read() as uow:
            runs: Counter[tuple[str, ...]] = Counter()
            for project, pipeline, state, count in figures.runs_under_way(uow):
                runs[project, pipeline, _SHOWN.get(state, "pending")] += count
            _replace(metrics.RUNS, runs)
            metrics.APPROVALS.set(figures.approvals_waiting(uow))
            _replace(metrics.DEAD_LETTERS, {(queue,): count for queue, count in figures.dead_letters(uow).items()})
            _replace(metrics.MIRROR, {(state,): count for state, count in figures.webhooks_by_state(uow).items()})
            if clock.monotonic() - self._measured_at >= _SIZE_EVERY_S:
                self._measured_at = clock.monotonic()
                metrics.DATABASE_BYTES.set(figures.size(uow))


def _replace(gauge: Gauge, values: Mapping[tuple[str, ...], int]) -> None:
    """Show these and no others: what is no longer under way has no series."""
    gauge.clear()
    for labels, value in values.items():
        gauge.labels(*labels).set(value)
