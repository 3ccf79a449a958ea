"""The states that histories describe, folded now or remembered from an earlier look."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from services.config.store import Reading, events, executions
from services.config.store.execution_views import ExecutionView
from shared.grammar.plan import Plan
from shared.grammar.progress import fold
from shared.grammar.states import RunState

from .plans import read_plan

KEEP = 256
"""Runs whose states are remembered for lists: some pages of them. Without values a state takes some kilobytes."""


@dataclass(frozen=True, slots=True)
class Folded:
    """What a history describes."""

    state: RunState
    unreadable: str = ""
    """Which of its events cannot be read, and so are left out."""


def folded(uow: Reading, execution_id: str, plan: Plan) -> Folded:
    """The state of one run with its values."""
    history = events.whole(uow, [execution_id])[execution_id]
    return Folded(fold(plan, history.events), history.unreadable)


def state_of(uow: Reading, execution_id: str, plan: Plan) -> RunState:
    """The same without what cannot be read."""
    return folded(uow, execution_id, plan).state


class States:
    """Folds what has changed since the last look: a page that moves shows two dozen runs, of which one has news.

    Without inputs and outputs. For committed transactions alone: what is rolled back would be remembered under a
    revision that comes again. Safe for threads.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[int, Folded]] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, uow: Reading, views: Sequence[ExecutionView]) -> dict[str, Folded]:
        """By id."""
        with self._lock:
            kept = {view.id: self._kept.get(view.id) for view in views}
        states = {view.id: was[1] for view in views if (was := kept[view.id]) is not None and was[0] == view.revision}
        changed = [view for view in views if view.id not in states]
        if changed:
            plans = executions.plan_texts(uow, {view.plan_hash for view in changed})
            histories = events.without_values(uow, [view.id for view in changed])
            for view in changed:
                plan, _, _ = read_plan(*plans[view.plan_hash])
                history = histories.get(view.id, events.History())
                states[view.id] = Folded(fold(plan, history.events), history.unreadable)
        with self._lock:
            for view in views:
                self._kept[view.id] = view.revision, states[view.id]
                self._kept.move_to_end(view.id)
            while len(self._kept) > KEEP:
                self._kept.popitem(last=False)
        return states
