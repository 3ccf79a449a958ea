"""Moving runs on within one transaction: the shell around `protocol`.

A `RunBatch` loads the runs that a batch touches, applies the protocol's steps to them in memory, and writes everything
at once: rows, events, timers, messages, and the admission of those for whom a place became free.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from services.config.model.histories import brief
from services.config.store import UnitOfWork, executions, operations, slots
from services.config.store import events as store_events
from services.config.store.executions import Facts, Run
from shared.contracts.history import Event, Recorded
from shared.contracts.runs import ExecutionChanged
from shared.contracts.topics import EXECUTION_CHANGED

from . import concurrency, effects, notifications, projection, protocol

_LOOK_AHEAD = 20
_MAX_BROADCAST_BYTES = 1024 * 1024
"""Of the events in one broadcast; who needs the values of more asks for the execution."""


class RunBatch:
    """The runs that one transaction moves. Use as a context: what moved is written when the block ends well."""

    def __init__(self, uow: UnitOfWork) -> None:
        self.uow = uow
        self._runs: dict[str, Run] = {}
        self._before: dict[str, Run] = {}
        self._dirty: set[str] = set()
        self._new: dict[str, Facts] = {}
        self._over: list[str] = []
        self._last: dict[str, Callable[[UnitOfWork], None]] = {}
        self._rows: list[tuple[str, int, Recorded]] = []
        self._said: dict[str, list[Event]] = {}
        self._asking: set[str] = set()

    def __enter__(self) -> RunBatch:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.finish()

    def preload(self, ids: Iterable[str]) -> None:
        """Load many runs in one go."""
        missing = [execution_id for execution_id in ids if execution_id not in self._runs]
        if missing:
            self._runs |= executions.load_runs(self.uow, missing)

    def run(self, execution_id: str) -> Run | None:
        """The run as this transaction sees it."""
        self.preload([execution_id])
        return self._runs.get(execution_id)

    def create(self, run: Run, facts: Facts) -> Run:
        """Add a run, with a place if there is one for it now."""
        self._write()
        self._runs[run.id] = self._before[run.id] = run
        self._new[run.id] = facts
        self._said.setdefault(run.id, [])
        if run.pipeline_id in self._asking or slots.pipelines_waiting(self.uow, [run.pipeline_id]):
            self._asking.add(run.pipeline_id)
            self.settle()
        else:
            # Nobody waits, so nobody is overtaken; the row is written once, with its place.
            busy = slots.active_in_group(self.uow, run.concurrency_group) if run.concurrency_group else []
            if not busy and slots.active_in(self.uow, run.pipeline_id) < run.concurrency:
                self.admit(run)
        return self._runs[run.id]

    def hold(self, run: Run, holding: protocol.RunClaim) -> Run:
        """A change of the holding alone, as a take makes."""
        return self._keep(run, holding, ())

    def apply(self, run: Run, step: protocol.Transition) -> Run:
        """Carry out what the protocol decided."""
        run = self._keep(run, step.holding, step.accepted)
        effects.apply_effects(self, run, step)
        return self._runs[run.id]

    def _keep(self, run: Run, holding: protocol.RunClaim, accepted: tuple[Recorded, ...]) -> Run:
        before = self._before.setdefault(run.id, run)
        now = self.uow.now
        moved = (holding.state, holding.dispatch, holding.attempt) != (
            run.holding.state,
            run.holding.dispatch,
            run.holding.attempt,
        )
        glance = projection.RunSummary(run.folded, run.status_message, run.started_at, run.ended_at)
        for place, record in enumerate(accepted, start=run.events + 1):
            self._rows.append((run.id, place, record))
            glance = projection.summarize(glance, record.event, now)
        status = protocol.shown(holding, glance.status)
        news = bool(accepted) or (status, glance.message) != (before.status, before.status_message)
        after = replace(
            run,
            holding=holding,
            since=now if moved else run.since,
            folded=glance.status,
            status=status,
            status_message=glance.message,
            started_at=glance.started_at,
            ended_at=glance.ended_at,
            events=run.events + len(accepted),
            revision=before.revision + 1 if news else run.revision,
        )
        if news:
            self._said.setdefault(run.id, []).extend(record.event for record in accepted)
        self._runs[run.id] = after
        if after != before:
            self._dirty.add(run.id)
        return after

    def say(self, run: Run, message: str) -> Run:
        """Why a run waits, for people."""
        status = protocol.shown(run.holding, run.folded)
        if (message, status) == (run.status_message, run.status):
            return run
        before = self._before.setdefault(run.id, run)
        after = replace(run, status=status, status_message=message, revision=before.revision + 1)
        self._runs[run.id] = after
        self._dirty.add(run.id)
        self._said.setdefault(run.id, [])
        return after

    def sent(self, run: Run) -> None:
        """A message sent again counts from now too: `overdue` judges by when it was last sent."""
        self._runs[run.id] = replace(self._runs[run.id], since=self.uow.now)
        self._dirty.add(run.id)

    def want_place(self, run: Run) -> None:
        """A place of the run's pipeline may be free, or somebody new waits for one."""
        self._asking.add(run.pipeline_id)

    def ended(self, run: Run) -> None:
        """Its questions no longer need an answer."""
        self._over.append(run.id)

    def said_of(self, run: Run) -> Sequence[Event]:
        """What the run has said in this movement."""
        return self._said.get(run.id, ())

    def at_last(self, key: str, act: Callable[[UnitOfWork], None]) -> None:
        """Do once when the movement finishes; a later act of the same key takes the place of an earlier."""
        self._last[key] = act

    def settle(self) -> None:
        """Write all that moved, and admit whom there is a place for."""
        self._write()
        while self._asking:
            waiting = slots.pipelines_waiting(self.uow, self._asking)
            self._asking.clear()
            for pipeline_id in waiting:
                self._admit(pipeline_id)
            self._write()

    def finish(self) -> None:
        """Settle, and tell everybody after the commit."""
        self.settle()
        operations.close_of_executions(self.uow, self._over)
        self._over.clear()
        for act in self._last.values():
            act(self.uow)
        self._last.clear()
        for execution_id, events in self._said.items():
            notifications.notify(self.uow, self._runs[execution_id], events)
            self._tell(self._runs[execution_id], events)
        self._said.clear()
        self._before.clear()

    def _write(self) -> None:
        executions.add_runs(self.uow, [(self._runs[execution_id], facts) for execution_id, facts in self._new.items()])
        executions.save_runs(
            self.uow, [self._runs[execution_id] for execution_id in self._dirty if execution_id not in self._new]
        )
        self._new.clear()
        store_events.append(self.uow, self._rows)
        self._dirty.clear()
        self._rows = []

    def _admit(self, pipeline_id: str) -> None:
        active = slots.active_in(self.uow, pipeline_id)
        busy = slots.busy_groups(self.uow, pipeline_id)
        skip = 0
        while page := slots.queued_in(self.uow, pipeline_id, limit=_LOOK_AHEAD, skip=skip):
            chosen = concurrency.choose(page, active, busy.keys())
            self.preload(chosen)
            for execution_id in chosen:
                self.admit(self._runs[execution_id])
            active += len(chosen)
            busy |= {place.group: place.id for place in page if place.group and place.id in chosen}
            skip += len(page)
            if len(page) < _LOOK_AHEAD or all(active >= place.concurrency for place in page):
                return

    def admit(self, run: Run) -> Run:
        """Give a queued run its place."""
        start = run.holding.start or executions.next_number(self.uow, "starts")
        run = self.say(run, "")
        return self.apply(run, protocol.admit(run.holding, start))

    def _tell(self, run: Run, events: list[Event]) -> None:
        changed = ExecutionChanged(
            execution_id=run.id,
            revision=run.revision,
            project=run.project,
            pipeline=run.pipeline,
            index=run.index,
            status=run.status.value,
            status_message=run.status_message,
            events=tuple(map(brief, events) if _is_large(events) else events),
            nested=run.nested,
        )
        self.uow.broadcast(EXECUTION_CHANGED, changed, run.id)

    def cancel_children(self, parent: str, place: tuple[str, str] | None = None) -> None:
        """The parents, or tasks of them, that waited for these runs no longer wait."""
        for child in executions.children(self.uow, parent):
            run = self.run(child)
            if run is None or place not in (None, (run.parent_stage, run.parent_task)):
                continue
            if run.holding.state is not protocol.State.ENDED:
                self.apply(run, protocol.intend(run.holding, protocol.Intent.CANCEL, self.uow.now))
                self.cancel_children(child)


def _is_large(events: Sequence[Event]) -> bool:
    return sum(len(event.model_dump_json()) for event in events) > _MAX_BROADCAST_BYTES
