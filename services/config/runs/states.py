"""The states that histories describe, folded now or remembered from an earlier look."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence

from services.config.store import Reading, executions
from services.config.store.execution_views import Seen
from shared.grammar.plan import Plan
from shared.grammar.progress import fold
from shared.grammar.states import RunState

from .plans import read_plan

KEEP = 256
"""Runs whose states are remembered: some pages of lists. A state takes tens of kilobytes, most of it outputs."""


def state_of(uow: Reading, execution_id: str, plan: Plan) -> RunState:
    """The state of one run."""
    return fold(plan, executions.histories(uow, [execution_id]).get(execution_id, ()))


class States:
    """Folds what has changed since the last look: a page that moves shows two dozen runs, of which one has news.

    For committed transactions alone: what is rolled back would be remembered under a revision that comes again.
    Safe for threads.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[int, RunState]] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, uow: Reading, seen: Sequence[Seen]) -> dict[str, RunState]:
        """By id."""
        with self._lock:
            kept = {one.id: self._kept.get(one.id) for one in seen}
        found = {one.id: was[1] for one in seen if (was := kept[one.id]) is not None and was[0] == one.revision}
        changed = [one for one in seen if one.id not in found]
        if changed:
            plans = executions.plan_texts(uow, {one.plan_hash for one in changed})
            histories = executions.histories(uow, [one.id for one in changed])
            for one in changed:
                plan, _, _ = read_plan(*plans[one.plan_hash])
                found[one.id] = fold(plan, histories.get(one.id, ()))
        with self._lock:
            for one in seen:
                self._kept[one.id] = one.revision, found[one.id]
                self._kept.move_to_end(one.id)
            while len(self._kept) > KEEP:
                self._kept.popitem(last=False)
        return found
