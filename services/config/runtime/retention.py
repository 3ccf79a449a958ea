"""Forgetting what is old: a little at a time, so that nobody waits for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from services.config import metrics
from services.config.settings import Settings
from services.config.store import UnitOfWork, answers, pruning
from services.config.store.definitions import people, sources
from shared.process.clock import monotonic

PRUNE = "prune"
"""The timer; its subject is always `all`."""
FIRST_AFTER_S = 60.0
ADDRESS_KEPT_S = 90 * 86_400.0
MOST_ADDRESSES = 10_000
_EVERY_S = 3_600.0
_LEAST_PAUSE_S = 0.2
_PAUSES_PER_WORK = 4
"""While there is more, a fifth of the time at most is spent on it: some thousand rows a second."""
_AT_ONCE = 200
_DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Keeping:
    """Days that each kind of row is kept, 0 being for ever, and how many runs of each pipeline whatever their age."""

    executions: float = 90.0
    events: float = 90.0
    logs: float = 90.0
    dead_letters: float = 90.0
    audit: float = 0.0
    runs: int = 0

    @classmethod
    def of(cls, settings: Settings) -> Keeping:
        """As the settings say."""

        def days(own: float | None) -> float:
            return settings.keep_days if own is None else own

        return cls(
            executions=settings.keep_days,
            events=days(settings.keep_event_days),
            logs=days(settings.keep_log_days),
            dead_letters=days(settings.keep_dead_letter_days),
            audit=settings.keep_audit_days,
            runs=settings.keep_runs,
        )


_Forget = Callable[[UnitOfWork, float, int], int]


def _kinds(keeping: Keeping) -> tuple[tuple[str, float, _Forget], ...]:
    """Each kind with its days, and what forgets a page of it."""

    def executions(uow: UnitOfWork, before: float, limit: int) -> int:
        return pruning.forget_executions(uow, before, limit, keep_runs=keeping.runs)

    return (
        ("executions", keeping.executions, executions),
        ("events", keeping.events, pruning.forget_deliveries),
        ("events", keeping.events, sources.forget_events),
        ("logs", keeping.logs, pruning.forget_logs),
        ("dead letters", keeping.dead_letters, pruning.forget_dead_letters),
        ("audit", keeping.audit, pruning.forget_audit),
    )


def prune(uow: UnitOfWork, keeping: Keeping) -> None:
    """Forget a page of each kind that is too old, and give its space back; comes again soon while there is more."""
    began = monotonic()
    answers.forget_answers(uow)
    people.forget_addresses(uow, uow.now - ADDRESS_KEPT_S, MOST_ADDRESSES)
    more = False
    for kind, days, forget in _kinds(keeping):
        forgotten = forget(uow, uow.now - days * _DAY_S, _AT_ONCE) if days > 0 else 0
        if forgotten:
            more = True
            uow.observe(_counted(kind, forgotten))
    if not more:
        pruning.forget_plans(uow)
        pruning.learn_sizes(uow)
    has_free_pages = pruning.give_space_back(uow)
    pause_s = max(_LEAST_PAUSE_S, _PAUSES_PER_WORK * (monotonic() - began))
    uow.timer(PRUNE, "all", uow.now + (pause_s if more or has_free_pages else _EVERY_S))


def _counted(kind: str, rows: int) -> Callable[[], None]:
    return lambda: metrics.PRUNED.labels(kind).inc(rows)
