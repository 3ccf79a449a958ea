"""Why a run waits for a slot: as it was when it was queued, and as it is now."""

from __future__ import annotations

from dataclasses import dataclass

from services.config.store import Reading, execution_views, slots
from services.config.store.execution_views import ExecutionView
from services.config.store.executions import Run

from . import protocol


@dataclass(frozen=True, slots=True)
class Obstacle:
    """`sentence` holds for as long as the run waits, `then` only when it was queued."""

    sentence: str
    then: str


def at_queueing(uow: Reading, run: Run) -> Obstacle:
    """What a run that was queued now waits for."""
    if (
        run.concurrency_group
        and (index := execution_views.busy_in_group(uow, run.concurrency_group, run.id)) is not None
    ):
        return Obstacle(f"Waits for another run of {run.pipeline}.", f"behind #{index}")
    if slots.active_in(uow, run.pipeline_id) >= run.concurrency:
        limit = f"{run.pipeline} runs {run.concurrency} at a time"
        return Obstacle(f"Waits for a slot: {limit}.", f"since {limit}")
    return Obstacle(f"Waits for earlier runs of {run.pipeline}.", f"behind earlier runs of {run.pipeline}")


def message(uow: Reading, view: ExecutionView) -> str:
    """A run's message; of one that waits for another it names the run that is at work now."""
    if view.state == protocol.State.QUEUED.value and view.concurrency_group:
        index = execution_views.busy_in_group(uow, view.concurrency_group, view.id)
        if index is not None:
            return f"Waits until #{index} of {view.pipeline} is over."
    return view.status_message
