"""Schedules."""

from __future__ import annotations

from services.config.model.definitions import Schedule
from services.config.store.filters import Field
from services.config.tables.catalog import ScheduleRow

from .rows import Table, project_fields

SCHEDULES = Table(
    ScheduleRow,
    Schedule,
    wire={
        **project_fields(ScheduleRow),
        "pipeline": Field(ScheduleRow.pipeline),
        "enabled": Field(ScheduleRow.enabled, "boolean"),
    },
)
