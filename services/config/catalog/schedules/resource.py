"""Schedules: a pipeline runs at times that a cron expression names, as the user who saved the schedule last."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from services.config.catalog.base import Scoped, tags_of
from services.config.catalog.context import Context
from services.config.catalog.documents import common, flag, link, name_of, table, text
from services.config.model.definitions import Schedule
from services.config.model.people import Person
from services.config.model.triggers import RunnablePipeline
from services.config.store import Reading, UnitOfWork
from services.config.store.definitions import pipelines, projects
from services.config.store.definitions.schedules import SCHEDULES
from shared.contracts.base import Json
from shared.contracts.catalog import Act, Kind
from shared.contracts.problems import Code, refuse
from shared.contracts.times import micros, wire_time

from . import cron

DUE = "schedule.due"
"""The timer of a schedule, by its id."""
SHOWN_TIMES = 3


Startable = Callable[[UnitOfWork, RunnablePipeline, Person, Json], object]
"""Refuses a run of the pipeline with these inputs if it could not start now."""


class Schedules(Scoped[Schedule]):
    """The kind `schedules`; `demand_startable` refuses inputs with which no run could start."""

    kind = Kind.SCHEDULES
    noun = "schedule"
    table = SCHEDULES
    file_fields = ("project", "kind", "name", "description", "enabled", "pipeline", "cron", "timeZone", "input")
    settable = frozenset({*file_fields, "tags"} - {"kind"})
    computed = frozenset({"nextRuns", "_nextRunInMicros", "lastRun", "lastMessage", "executionLink"})

    def __init__(self, context: Context, demand_startable: Startable) -> None:
        super().__init__(context)
        self._demand_startable = demand_startable

    def documents(self, uow: Reading, values: Sequence[Schedule]) -> list[Json]:
        """Wire documents, with the next times and what became of the last."""
        ids = projects.ids(uow, [value.project for value in values])
        return [_document(value, ids.get(value.project, ""), uow.now) for value in values]

    def new_value(self, uow: UnitOfWork, person: Person, ask: Act, project: str) -> Schedule:
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

    def changed_value(self, uow: UnitOfWork, person: Person, ask: Act, old: Schedule, *, partial: bool) -> Schedule:
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
        """It has a timer exactly while it is enabled."""
        if after is not None:
            set_timer(uow, after)
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
        pipeline = pipelines.pipeline_for_run(uow, new.project, new.pipeline)
        if pipeline is None:
            raise refuse(
                Code.INVALID, f"there is no pipeline {new.pipeline!r} in project {new.project}", subject="pipeline"
            )
        self._demand_startable(uow, pipeline, person, {"input": new.input})
        return new


def set_timer(uow: UnitOfWork, schedule: Schedule) -> None:
    """Set the schedule's timer to its next time, or cancel it while the schedule is disabled."""
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
