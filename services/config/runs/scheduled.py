"""Starting the runs of schedules when they are due."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from services.config.catalog.schedules.resource import set_timer
from services.config.model.definitions import Schedule
from services.config.model.people import SYSTEM
from services.config.store import UnitOfWork
from services.config.store.definitions import people, pipelines
from services.config.store.definitions.schedules import SCHEDULES
from shared.contracts.problems import Code, Refused, refuse

from . import admission


def due(uow: UnitOfWork, schedule_id: str) -> None:
    """Its time has come: start one run, however many times were missed, and look forward to the next."""
    schedule = SCHEDULES.one(uow, id=schedule_id)
    if schedule is None or not schedule.enabled:
        return
    try:
        with uow.savepoint():
            execution_id, message = _start(uow, schedule)
    except Refused as refused:
        execution_id, message = "", refused.problem.message
    tried = replace(schedule, last_at=uow.now, last_execution=execution_id, last_message=message)
    SCHEDULES.update(uow, tried)
    set_timer(uow, tried)


def _start(uow: UnitOfWork, schedule: Schedule) -> tuple[str, str]:
    person = SYSTEM if schedule.actor == SYSTEM.user else people.person(uow, schedule.actor, None)
    if person is None:
        raise refuse(
            Code.FORBIDDEN,
            f"User {schedule.actor}, as whom it runs, is gone or disabled",
            next_step="Somebody else may save the schedule, and it runs as them.",
        )
    pipeline = pipelines.pipeline_for_run(uow, schedule.project, schedule.pipeline)
    if pipeline is None:
        raise refuse(Code.NOT_FOUND, f"Pipeline {schedule.pipeline} no longer exists")
    source = f"schedule {schedule.name}"
    body: dict[str, Any] = {"input": schedule.input, "comments": source, "source": source}
    order = replace(admission.manual_order(uow, pipeline, person, body), schedule=schedule.id)
    started = admission.start_order(uow, pipeline, person, order)
    return str(started["executionId"]), f"Started {schedule.pipeline} #{started['executionIndex']}."
