"""What the ledger's events count as in metrics; observed once they are durable."""

from __future__ import annotations

from services.config import metrics
from services.config.store import UnitOfWork, figures
from services.config.store.executions import Run
from shared.contracts.history import Status, TaskEnded

_MOST_WAITING = 10_000
_RESULTS = {Status.COMPLETED: "success", Status.FAILED: "failure", Status.CANCELED: "cancellation"}

_awaiting_first_task: dict[str, float] = {}
"""By id of a run that a push started: when the push was received. Only of this process: a takeover loses a sample."""


def started(uow: UnitOfWork, run: Run) -> None:
    """A runner has the run for the first time."""
    waited_s = max(0.0, uow.now - run.requested_at)

    def count() -> None:
        metrics.RUN_QUEUE.observe(waited_s)
        if run.delivery is not None and len(_awaiting_first_task) < _MOST_WAITING:
            _awaiting_first_task[run.id] = run.order_at

    uow.observe(count)


def task_started(uow: UnitOfWork, run: Run) -> None:
    """Of the first task of a run that a push started, count how long after the push."""
    now = uow.now

    def count() -> None:
        received_at = _awaiting_first_task.pop(run.id, None)
        if received_at is not None:
            metrics.FIRST_TASK.observe(max(0.0, now - received_at))

    uow.observe(count)


def task_ended(uow: UnitOfWork, run: Run, event: TaskEnded) -> None:
    """Of a task that rolled out what was pushed, count how long after the push."""
    if event.deployed and run.delivery is not None:
        waited_s = max(0.0, uow.now - run.order_at)
        uow.observe(lambda: metrics.LIVE.labels(run.project, run.pipeline).observe(waited_s))


def ended(uow: UnitOfWork, run: Run) -> None:
    """The run's duration and result, and what it means for DORA."""
    result = _RESULTS.get(run.status, "error")
    lasted_s = max(0.0, (run.ended_at or uow.now) - (run.started_at or run.requested_at))

    def count() -> None:
        _awaiting_first_task.pop(run.id, None)
        metrics.RUN_DURATION.labels(run.project, run.pipeline, "executing", result).observe(lasted_s)

    uow.observe(count)
    if not run.nested and run.status in (Status.COMPLETED, Status.FAILED):
        _count_deployments(uow, run)


def reached(environments: frozenset[str], by_this_run: frozenset[str], status: Status) -> dict[str, str]:
    """The result of a run for each environment, by what its pipeline is known to roll out to.

    A failed run failed where it did not arrive; one that failed after it had arrived everywhere failed everywhere.
    """
    if status is Status.COMPLETED:
        return dict.fromkeys(by_this_run, "completed")
    return dict.fromkeys(by_this_run, "completed") | dict.fromkeys(environments - by_this_run or environments, "failed")


def _count_deployments(uow: UnitOfWork, run: Run) -> None:
    environments, by_this_run = figures.environments(uow, run)
    results = reached(environments, by_this_run, run.status)
    if not results:
        return
    failed_at = figures.first_failure(uow, run) if run.status is Status.COMPLETED else None
    now = uow.now

    def count() -> None:
        for environment, result in results.items():
            metrics.DEPLOYMENTS.labels(run.project, run.pipeline, environment, result).inc()
            if result == "completed" and run.delivery is not None:
                lead_s = max(0.0, now - run.order_at)
                metrics.LEAD_TIME.labels(run.project, run.pipeline, environment).observe(lead_s)
            if failed_at is not None:
                restored_s = max(0.0, now - failed_at)
                metrics.RESTORE.labels(run.project, run.pipeline, environment).observe(restored_s)

    uow.observe(count)
