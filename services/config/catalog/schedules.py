"""Schedules: a pipeline runs at times that a cron expression names, as whoever saved the schedule last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from services.config import admission
from services.config.people import SYSTEM, Person
from services.config.store import Reading, UnitOfWork, catalog_people, catalog_pipelines, catalog_projects
from services.config.store.catalog_schedules import SCHEDULES
from shared.contracts.base import Json
from shared.contracts.catalog import Act, Kind
from shared.contracts.problems import Code, Refused, refuse

from . import cron
from .base import Scoped, tags_of
from .documents import common, flag, link, micros, name_of, table, text, wire_time
from .objects import Schedule

DUE = "schedule.due"
"""The timer of a schedule, by its id."""
SHOWN_TIMES = 3


class Schedules(Scoped[Schedule]):
    """The kind `schedules`."""

    kind = Kind.SCHEDULES
    noun = "schedule"
    table = SCHEDULES

    def documents(self, uow: Reading, values: Sequence[Schedule]) -> list[Json]:
        """Wire documents, with the next times and what became of the last."""
        ids = catalog_projects.ids(uow, [value.project for value in values])
        return [_document(value, ids.get(value.project, ""), uow.now) for value in values]

    def made(self, uow: UnitOfWork, person: Person, ask: Act, project: str) -> Schedule:
        """A new schedule, enabled unless the body says otherwise."""
        blank = Schedule(
            **self.stamp(uow, person, project, name_of(ask.body, self.noun), ask.body),
            pipeline="",
            cron="",
            time_zone="UTC",
            input={},
            enabled=True,
            actor=person.user,
        )
        return self._with(uow, person, ask, blank, partial=True)

    def changed(self, uow: UnitOfWork, person: Person, ask: Act, old: Schedule, *, partial: bool) -> Schedule:
        """The schedule after a change."""
        named = replace(
            old,
            name=name_of(ask.body, self.noun, old.name),
            description=text(ask.body, "description", old.description if partial else ""),
            tags=tags_of(ask.body, old.tags if partial else ()),
        )
        return self._with(uow, person, ask, named, partial=partial)

    def after_change(
        self, uow: UnitOfWork, person: Person, before: Schedule | None, after: Schedule | None
    ) -> Schedule | None:
        """Its timer stands exactly while it is enabled."""
        if after is not None:
            _set_timer(uow, after)
        elif before is not None:
            uow.cancel_timer(DUE, before.id)
        return after

    def _with(self, uow: UnitOfWork, person: Person, ask: Act, value: Schedule, *, partial: bool) -> Schedule:
        """The value with what the body says; what it would start must be startable now."""
        body = ask.body
        new = replace(
            value,
            pipeline=text(body, "pipeline", value.pipeline),
            cron=" ".join(text(body, "cron", value.cron).split()),
            time_zone=text(body, "timeZone", value.time_zone),
            input=table(body, "input") if "input" in body or not partial else value.input,
            enabled=flag(body, "enabled", value.enabled),
            actor=person.user,
        )
        cron.next_after(new.cron, new.time_zone, uow.now)
        pipeline = catalog_pipelines.pipeline_for_run(uow, new.project, new.pipeline)
        if pipeline is None:
            raise refuse(
                Code.INVALID, f"there is no pipeline {new.pipeline!r} in project {new.project}", subject="pipeline"
            )
        admission.manual_order(uow, pipeline, person, {"input": new.input})
        return new


def due(uow: UnitOfWork, schedule_id: str) -> None:
    """Its time has come: start one run, however many times were missed, and look forward to the next."""
    schedule = SCHEDULES.one(uow, id=schedule_id)
    if schedule is None or not schedule.enabled:
        return
    try:
        with uow.savepoint():
            execution_id, said = _start(uow, schedule)
    except Refused as refused:
        execution_id, said = "", refused.problem.message
    tried = replace(schedule, last_at=uow.now, last_execution=execution_id, last_message=said)
    SCHEDULES.update(uow, tried)
    _set_timer(uow, tried)


def _start(uow: UnitOfWork, schedule: Schedule) -> tuple[str, str]:
    person = SYSTEM if schedule.actor == SYSTEM.user else catalog_people.person(uow, schedule.actor, None)
    if person is None:
        raise refuse(
            Code.FORBIDDEN,
            f"User {schedule.actor}, as whom it runs, is gone or disabled",
            next_step="Somebody else may save the schedule, and it runs as them.",
        )
    pipeline = catalog_pipelines.pipeline_for_run(uow, schedule.project, schedule.pipeline)
    if pipeline is None:
        raise refuse(Code.NOT_FOUND, f"Pipeline {schedule.pipeline} does not exist any more")
    said = f"schedule {schedule.name}"
    body: dict[str, Any] = {"input": schedule.input, "comments": said, "source": said}
    order = replace(admission.manual_order(uow, pipeline, person, body), schedule=schedule.id)
    started = admission.start_order(uow, pipeline, person, order)
    return str(started["executionId"]), f"Started {schedule.pipeline} #{started['executionIndex']}."


def _set_timer(uow: UnitOfWork, schedule: Schedule) -> None:
    if schedule.enabled:
        uow.timer(DUE, schedule.id, cron.next_after(schedule.cron, schedule.time_zone, uow.now))
    else:
        uow.cancel_timer(DUE, schedule.id)


def _document(value: Schedule, project_id: str, now: float) -> Json:
    times = cron.upcoming(value.cron, value.time_zone, now, SHOWN_TIMES) if value.enabled else []
    return {
        **common(value, kind="SCHEDULE", collection=Kind.SCHEDULES.value, project_id=project_id),
        "pipeline": value.pipeline,
        "cron": value.cron,
        "timeZone": value.time_zone,
        "input": value.input,
        "enabled": value.enabled,
        "actor": value.actor,
        "nextRuns": [wire_time(at) for at in times],
        "_nextRunInMicros": micros(times[0]) if times else 0,
        "lastRun": wire_time(value.last_at),
        "lastMessage": value.last_message,
        "executionLink": link("executions", value.last_execution) if value.last_execution else "",
    }
