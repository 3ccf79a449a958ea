"""Forgetting what is old: a little at a time, so that nobody waits for it."""

from __future__ import annotations

from services.config.store import UnitOfWork, answers, pruning
from services.config.store.definitions import people, sources

PRUNE = "prune"
"""The timer; its subject is always `all`."""
FIRST_AFTER_S = 60.0
ADDRESS_KEPT_S = 90 * 86_400.0
MOST_ADDRESSES = 10_000
_EVERY_S = 3_600.0
_SOON_S = 2.0
_AT_ONCE = 200


def prune(uow: UnitOfWork, *, keep_days: float) -> None:
    """Forget a page of what is older than that; comes again soon while there is more."""
    answers.forget_answers(uow)
    people.forget_addresses(uow, uow.now - ADDRESS_KEPT_S, MOST_ADDRESSES)
    more = False
    if keep_days > 0:
        before = uow.now - keep_days * 86_400
        forgotten = [
            forget(uow, before, _AT_ONCE)
            for forget in (pruning.forget_executions, pruning.forget_deliveries, sources.forget_events)
        ]
        more = any(forgotten)
    if not more:
        pruning.forget_plans(uow)
        pruning.learn_sizes(uow)
    uow.timer(PRUNE, "all", uow.now + (_SOON_S if more else _EVERY_S))
